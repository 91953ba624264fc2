"""A deadline that stays due, whatever is made of it, keeps the bridge from nothing else, and hides nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from device_bridge.draft import Draft
from device_bridge.fleet import Fleet
from device_bridge.hearing import Hearing
from device_bridge.journal import Journal
from device_bridge.matters import Overdue
from device_bridge.metrics import BridgeMetrics
from device_bridge.onwards import IN_A_ROW, Onwards
from device_bridge.outages import KnownOutages
from device_bridge.queue import DeadlineDue, InputQueue
from device_bridge.renewal import Renewals
from device_bridge.tablet import Tablet
from device_bridge.watch import Watch
from rules import deadlines
from rules.alerts import Family
from rules.deadlines import deadline
from rules.evaluate import evaluate
from rules.ids import MessageId
from rules.messages import Heartbeat
from rules.state import DeviceState, Verdict
from store import Store
from store.records import DeviceKey
from tests.rules.given import NOON, after, assigned
from tests.store.given import open_at, url_of


class Stuck:
    """A watch over one tablet whose deadlines are judged and never change anything, as if a rule were mistaken."""

    def __init__(self, store: Store) -> None:
        self.now = NOON
        self.store, self.fleet = store, Fleet(store)
        hearing = Hearing.always(now=lambda: NOON)
        journal = Journal(
            store=store,
            hearing=hearing,
            away_since=lambda: None,
            now=lambda: NOON,
            ticks=lambda: 0.0,
            clock_steps=lambda: 0,
        )
        self.registry = CollectorRegistry()
        self.queue = InputQueue(now=lambda: self.now)
        self.watch = Watch(
            fleet=self.fleet,
            queue=self.queue,
            journal=journal,
            now=lambda: self.now,
            alive_at=lambda _hotel, _device: None,
            metrics=BridgeMetrics(self.registry),
        )
        self.tablet = Tablet(key=DeviceKey(1), assignment=assigned(), revision=1, state=DeviceState())
        self.judged: list[DeadlineDue] = []

    def hear(self, at: datetime) -> None:
        beat = Heartbeat(id=MessageId(f"m{at}"), ts=at)
        self.tablet.state = evaluate(self.tablet.state, beat, assignment=self.tablet.assignment, now=at).state
        self.watch.look_at([self.tablet])

    @property
    def due(self) -> datetime:
        due = deadline(self.tablet.state, assignment=self.tablet.assignment, watching_since=self.watch.watching_since)
        assert due is not None
        return due

    async def look(self, now: datetime) -> None:
        """As often as the watch is asked for one moment, and each time what it hands in is judged in vain."""
        self.now = now
        for _ in range(2 * IN_A_ROW):
            self.watch.pass_due(now)
            for item in await self.queue.take(1) if len(self.queue) else []:
                assert isinstance(item, DeadlineDue)
                self.judged.append(item)
                self.watch.passed([] if item.as_of_now else [(self.tablet, self.due)])
                self.watch.look_at([self.tablet])


@asynccontextmanager
async def stuck_at(tmp_path: Path) -> AsyncIterator[Stuck]:
    store = await open_at(url_of(tmp_path))
    try:
        yield Stuck(store)
    finally:
        await store.close()


async def test_it_is_judged_as_of_now_once_a_minute(tmp_path: Path) -> None:
    async with stuck_at(tmp_path) as one:
        one.hear(NOON)
        for second in range(50, 50 + 180):
            await one.look(after(second))

        of_itself = [item for item in one.judged if not item.as_of_now]
        assert (len(of_itself), {item.at for item in of_itself}) == (IN_A_ROW, {after(50)})
        assert [item.at for item in one.judged if item.as_of_now] == [after(50), after(110), after(170)]
        assert one.registry.get_sample_value("innwatch_deadlines_leading_nowhere_total") == 3


async def test_what_leads_onwards_again_is_judged_as_of_itself(tmp_path: Path) -> None:
    async with stuck_at(tmp_path) as one:
        one.hear(NOON)
        await one.look(after(50))
        one.hear(after(60))
        await one.look(one.due)

        assert one.judged[-1].at == one.due
        assert [item.as_of_now for item in one.judged].count(True) == 2
        assert [item.as_of_now for item in one.judged if item.at == one.due].count(False) == IN_A_ROW


async def test_a_silence_that_was_put_off_is_found_as_of_then(tmp_path: Path) -> None:
    async with stuck_at(tmp_path) as one:
        one.hear(NOON)
        memory = KnownOutages(store=one.store, fleet=one.fleet, queue=one.queue, watch=one.watch, now=lambda: NOON)
        draft = Draft(
            now=after(100),
            watching_since=NOON,
            renewals=Renewals(None, life=timedelta(days=1)),
            outages=memory,
            promise=timedelta(days=7),
        )
        draft.add(Overdue(one.tablet, after(100), as_of_now=True), known=None)

        (change,) = draft.batch.changes
        assert (change.change.alert.family, change.change.at) == (Family.SILENCE, after(100))
        assert ([row.ts for row in draft.batch.messages], draft.passed) == ([after(100)], [])


def test_nothing_is_remembered_of_the_deadlines_of_a_tablet_that_is_there_no_more() -> None:
    onwards = Onwards(BridgeMetrics(CollectorRegistry()))
    kept, retired = (
        Tablet(key=DeviceKey(key), assignment=assigned(), revision=1, state=DeviceState()) for key in (1, 2)
    )
    onwards.passed([(kept, NOON), (retired, NOON)])

    del retired

    assert list(onwards._runs) == [kept]


def test_one_that_leads_nowhere_keeps_no_family_behind_it_from_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = (lambda *_, **__: NOON, lambda state, **_: Verdict(state))
    monkeypatch.setattr(deadlines, "DEADLINES", (stuck, *deadlines.DEADLINES))
    beat = Heartbeat(id=MessageId("m"), ts=NOON)
    heard = evaluate(DeviceState(), beat, assignment=assigned(), now=NOON).state

    verdict = deadlines.pass_deadline(heard, assignment=assigned(), watching_since=NOON, at=after(100))

    (change,) = verdict.changes
    assert (change.alert.family, change.at) == (Family.SILENCE, after(100))
    assert deadlines.pass_deadline(heard, assignment=assigned(), watching_since=NOON, at=NOON) == Verdict(heard)
