"""Alerts, events and outbox under every order of deeds that Hypothesis can think of, against a model in a dict."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rules.alerts import AlertSnapshot, AlertStatus, ChangeKind, Family, Severity
from rules.ids import AlertId
from store import AlertGone, AlreadyAcknowledged, DataRefused, Store, schema
from store.records import Claimed, EventType, NotificationRef, NotificationState
from tests.store.given import (
    HOTEL,
    MAIL,
    SLACK,
    add_hotel,
    an_alert,
    batch,
    cleared,
    count_notifications,
    heartbeat,
    later,
    open_at,
    url_of,
)
from tests.store.given import change as changed
from tests.store.given import opened as opening
from tests.support import PostgreSQL, person

LEASE = timedelta(seconds=60)
DEVICES = st.integers(0, 2)
FAMILIES = st.sampled_from(Family)


class Life(RuleBasedStateMachine):
    """Two stores on one database take turns at random, as two processes would."""

    fresh: ClassVar[Callable[[], str]]
    claims: Bundle[tuple[Claimed, str]] = Bundle("claims")

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        url = type(self).fresh()
        self.stores = [self.runner.run(open_at(url)) for _ in range(2)]
        self.devices = self.runner.run(add_hotel(self.stores[0], tablets=3, channels=[MAIL, SLACK]))
        self.clock = 0
        self.alerts = 0
        self.messages = 0
        self.open: dict[tuple[int, Family], AlertId] = {}
        self.acknowledged: dict[AlertId, str] = {}
        self.over: list[AlertId] = []
        self.notices = 0
        self.ended: Counter[NotificationState] = Counter()

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            for store in self.stores:
                self.runner.run(store.close())
            self.runner.close()

    @property
    def store(self) -> Store:
        self.stores.reverse()
        return self.stores[0]

    @rule(seconds=st.sampled_from([1, 30, 90]))
    def time_passes(self, seconds: int) -> None:
        self.clock += seconds

    @rule(device=DEVICES, family=FAMILIES)
    def open_an_alert(self, device: int, family: Family) -> None:
        name = f"A{self.alerts:04d}"
        self.alerts += 1
        message = heartbeat(self.devices[device], f"m-{self.messages}")
        self.messages += 1
        change = opening(self.devices[device], name, family=family, opened_at=later(self.clock))
        deed = self.store.apply(batch(message, changes=[change], at=later(self.clock)))
        if (device, family) in self.open:
            self.messages -= 1  # refused whole: its message may come again
            with pytest.raises(DataRefused):
                self.runner.run(deed)
            return
        self.runner.run(deed)
        self.open[device, family] = AlertId(name)
        self.notices += 2

    @precondition(lambda self: self.open)
    @rule(data=st.data(), kind=st.sampled_from([ChangeKind.CHANGED, ChangeKind.WORSENED, ChangeKind.CLEARED]))
    def change_an_alert(self, data: st.DataObject, kind: ChangeKind) -> None:
        (place, family), alert_id = data.draw(st.sampled_from(sorted(self.open.items())))
        device = self.devices[place]
        if kind is ChangeKind.CLEARED:
            change = cleared(device, alert_id, family=family, at=later(self.clock))
            self.over.append(self.open.pop((place, family)))
        else:
            worse = an_alert(alert_id, family=family, severity=Severity.CRITICAL)
            change = changed(device, kind, worse, at=later(self.clock))
        self.runner.run(self.store.apply(batch(changes=[change], at=later(self.clock))))
        self.notices += 0 if kind is ChangeKind.CHANGED else 2

    @precondition(lambda self: self.open or self.over)
    @rule(data=st.data(), by=st.sampled_from(["ann", "bob"]))
    def acknowledge(self, data: st.DataObject, by: str) -> None:
        alert_id = data.draw(st.sampled_from(sorted([*self.open.values(), *self.over])))
        deed = self.store.acknowledge(HOTEL, alert_id, by=person(by), note=None, now=later(self.clock))
        if alert_id in self.over:
            with pytest.raises(AlertGone):
                self.runner.run(deed)
        elif alert_id in self.acknowledged:
            with pytest.raises(AlreadyAcknowledged) as refused:
                self.runner.run(deed)
            assert refused.value.by == self.acknowledged[alert_id]
        else:
            self.runner.run(deed)
            self.acknowledged[alert_id] = by

    @rule(target=claims)
    def claim_what_is_due(self) -> MultipleResults[tuple[Claimed, str]]:
        now = later(self.clock)
        worker = f"w-{self.clock}-{len(self.ended)}"
        due: list[NotificationRef] = self.runner.run(self.store.due_notifications(now, limit=3))
        claimed = []
        for ref in due:
            claim = self.runner.run(self.store.claim_notification(HOTEL, ref.id, worker=worker, now=now, lease=LEASE))
            if claim is None:  # Nobody else claims in between: it can only be a recovery of what was never told.
                self.ended[NotificationState.CANCELLED] += 1
            else:
                claimed.append((claim, worker))
        return multiple(*claimed)

    @rule(claim=consumes(claims), end=st.sampled_from(["delivered", "dead", "retry"]))
    def record(self, claim: tuple[Claimed, str], end: str) -> None:
        claimed, worker = claim
        now = later(self.clock)
        store = self.store
        match end:
            case "delivered":
                deed = store.record_delivered(HOTEL, claimed.id, worker=worker, now=now)
            case "dead":
                deed = store.record_dead(HOTEL, claimed.id, worker=worker, now=now, error="gone")
            case _:
                deed = store.record_retry(HOTEL, claimed.id, worker=worker, now=now, error="503", next_at=now)
        if self.runner.run(deed) and end != "retry":
            self.ended[NotificationState(end)] += 1

    @rule(claim=consumes(claims))
    def its_worker_is_killed_and_comes_back(self, claim: tuple[Claimed, str]) -> None:
        _, worker = claim
        self.runner.run(self.store.take_back_notifications(worker=worker, now=later(self.clock)))

    @invariant()
    def event_ids_have_no_gap_and_each_alert_is_as_its_last_event_says(self) -> None:
        if not hasattr(self, "runner"):
            return
        events = self.runner.run(self.store.events_after(HOTEL, 0, limit=10_000))
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        told: dict[str, AlertSnapshot] = {}
        for event in events:
            if event.type.startswith("alert."):
                alert = msgspec.json.decode(event.data, type=AlertSnapshot)
                before = told.get(alert.id)
                assert alert.revision == (1 if before is None else before.revision + 1)
                told[alert.id] = alert
        page = self.runner.run(self.store.alerts(HOTEL, limit=1000))
        assert {alert.id: alert for alert in page.items} == told
        assert {alert.id for alert in page.items if alert.status is AlertStatus.OPEN} == set(self.open.values())
        assert {
            alert.id: alert.acknowledged.by for alert in page.items if alert.acknowledged is not None
        } == self.acknowledged

    @invariant()
    def every_notice_that_was_made_is_accounted_for(self) -> None:
        if not hasattr(self, "runner"):
            return
        counted = self.runner.run(count_notifications(self.store, HOTEL))
        assert sum(counted.values()) == self.notices
        for state in (NotificationState.DELIVERED, NotificationState.DEAD, NotificationState.CANCELLED):
            assert counted.get(state, 0) == self.ended[state]
        events = self.runner.run(self.store.events_after(HOTEL, 0, limit=10_000))
        types = Counter(event.type for event in events)
        assert types[EventType.NOTIFICATION_SENT] == self.ended[NotificationState.DELIVERED]
        assert types[EventType.NOTIFICATION_DEAD] == self.ended[NotificationState.DEAD]


@pytest.fixture
def fresh(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes a database that nobody has used, as often as it is called."""
    if kind == "sqlite":
        migrated: Path = request.getfixturevalue("migrated")
        folders = (tmp_path / str(number) for number in count())

        def copied() -> str:
            folder = next(folders)
            folder.mkdir()
            shutil.copy(migrated, folder)
            return url_of(folder)

        yield copied
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        made: list[str] = []

        def new() -> str:
            made.append(server.database(server.template("store", schema.move_to)))
            return made[-1]

        yield new
        for url in made:
            server.drop(url)


EXAMPLES = {"sqlite": 15, "postgresql": 8}


def test_no_order_of_deeds_breaks_what_was_promised(kind: str, fresh: Callable[[], str]) -> None:
    Life.fresh = fresh
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=EXAMPLES[kind],
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
