"""A history in which messages come twice, and more often, gives the same alerts as one in which each comes once."""

from datetime import timedelta
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from broker.topics import Kind
from device_bridge.decode import Decoded
from device_bridge.draft import Draft
from device_bridge.fleet import Fleet
from device_bridge.hearing import Hearing
from device_bridge.journal import Journal
from device_bridge.matters import Heard, Identity
from device_bridge.metrics import BridgeMetrics
from device_bridge.outages import KnownOutages
from device_bridge.queue import InputQueue
from device_bridge.renewal import Renewals
from device_bridge.tablet import Tablet
from device_bridge.watch import Watch
from rules.alerts import AlertChange
from rules.ids import MessageId
from rules.messages import Renew
from rules.policy import Assignment
from rules.state import DeviceState
from store import Store
from store.records import DeviceKey
from tests.rules.given import NOON
from tests.rules.stories import Story, assignments, stories
from tests.store.given import open_at, url_of

DAY = timedelta(days=1)

often = st.lists(st.lists(st.integers(0, 29), max_size=3), max_size=30)
"""After the first, the second, … message: which of those before come once more."""


class Judge:
    """A bridge's judgment without its store: a batch for each message and what comes again with it."""

    def __init__(self, store: Store) -> None:
        fleet, queue, clock = Fleet(store), InputQueue(now=lambda: NOON), lambda: NOON
        journal = Journal(
            store=store,
            hearing=Hearing(now=clock),
            away_since=lambda: None,
            now=clock,
            clock_steps=lambda: 0,
            ticks=lambda: 0,
        )
        watch = Watch(
            fleet=fleet,
            queue=queue,
            journal=journal,
            now=clock,
            alive_at=lambda _hotel, _device: None,
            metrics=BridgeMetrics(CollectorRegistry()),
        )
        self._parts = store, fleet, queue, watch

    def judge(
        self, assignment: Assignment, story: Story, repeats: list[list[int]]
    ) -> tuple[list[AlertChange], DeviceState]:
        store, fleet, queue, watch = self._parts
        outages = KnownOutages(store=store, fleet=fleet, queue=queue, watch=watch, now=lambda: NOON)
        tablet = Tablet(key=DeviceKey(1), assignment=assignment, revision=1, state=DeviceState())
        known: set[Identity] = set()
        changes: list[AlertChange] = []
        now, heard = NOON, list[Heard]()
        for number, step in enumerate(story):
            now += timedelta(seconds=step.pause)
            message = replace(step.message, id=MessageId(f"s{number}"))
            heard.append(Heard(tablet, Decoded(Kind.HEARTBEAT, message, b"{}"), now))
            again = repeats[number] if number < len(repeats) else []
            draft = Draft(
                now=now,
                watching_since=NOON,
                renewals=Renewals(None, life=DAY),
                outages=outages,
                promise=7 * DAY,
            )
            for one in [heard[-1], *(replace(heard[one], at=now) for one in again if one < len(heard))]:
                draft.add(one, known=frozenset(known))
            draft.adopt()
            known.add((tablet.key, message.id))
            changes += [change.change for change in draft.batch.changes]
        return changes, tablet.state


async def test_a_duplicated_history_gives_the_same_alerts(tmp_path: Path) -> None:
    store = await open_at(url_of(tmp_path))
    judge = Judge(store).judge

    @given(assignments, stories(), often)
    def check(assignment: Assignment, story: Story, repeats: list[list[int]]) -> None:
        story = [step for step in story if not isinstance(step.message, Renew)]  # each is answered, and none is stored
        once, twice = judge(assignment, story, []), judge(assignment, story, repeats)
        assert once[0] == twice[0]
        assert msgspec.msgpack.encode(once[1]) == msgspec.msgpack.encode(twice[1])

    try:
        check()
    finally:
        await store.close()
