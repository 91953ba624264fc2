"""Whether Innwatch is watching: said every few seconds, valid for half a minute, so that silence means blind."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from broker.delivery import Publisher
from broker.topics import Kind, everybodys, monitor_topic
from device_bridge.fleet import Fleet
from device_bridge.hearing import Hearing
from device_bridge.journal import NOT_RUNNING, Journal
from device_bridge.queue import Began
from rules.ids import HotelId
from store import DataRefused, Store, StoreUnavailable
from store.batch import Batch, MonitorChange

PLATFORM = everybodys(Kind.PLATFORM_MONITOR)

COMES_AND_GOES: Final = "the connection comes and goes: tablets get no more time to come back to us"

_REFRESH = timedelta(seconds=10)
_VALID = timedelta(seconds=30)
_LOOK_EVERY_S = 1.0
_BLIND_AFTER = timedelta(seconds=2)


class Watching(StrEnum):
    WATCHING = "watching"
    DEGRADED = "degraded"
    BLIND = "blind"


class MonitorSnapshot(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The retained payload of `hotels/{h}/monitor`. A reader takes an expired one for `blind`."""

    state: Watching
    since: datetime
    why: str | None
    valid_until: datetime


def blind(at: datetime, *, why: str) -> bytes:
    """What the will on `platform/monitor` says, and whoever else has to say it without a Monitor."""
    return msgspec.json.encode(MonitorSnapshot(state=Watching.BLIND, since=at, why=why, valid_until=at + _VALID))


class Monitor:
    """Says `watching` once the retained topics are published, `blind` while broker or database does not answer.

    `is_told` is whether they are published, since hearing began the last time.
    """

    def __init__(  # noqa: PLR0913, all that may keep it from watching
        self,
        *,
        store: Store,
        fleet: Fleet,
        publisher: Publisher,
        hearing: Hearing,
        is_told: Callable[[], bool],
        now: Callable[[], datetime],
        journal: Journal,
        unjudged: Callable[[], int],
        is_impatient: Callable[[], bool],
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._publisher = publisher
        self._hearing = hearing
        self._is_told = is_told
        self._now = now
        self._journal = journal
        self._unjudged = unjudged
        self._is_impatient = is_impatient
        self._told_gap: Began | None = None  # the last one that everybody heard of
        self._state: Watching | None = None
        self._since = now()
        self._said: dict[str, datetime] = {}  # by topic
        self._recorded: dict[HotelId, Watching] = {}

    @property
    def is_watching(self) -> bool:
        return self._state is Watching.WATCHING

    async def run(self) -> None:
        """Say it until cancelled: within a second of a change, else every ten seconds."""
        while True:
            await self.say()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def say(self) -> None:
        """A gap that nobody could be told of while it lasted is told first: from when it was, and why."""
        now, gap = self._now(), self._journal.last_gap
        if gap is not None and gap is not self._told_gap and gap.gap is not None:
            self._told_gap = gap
            await self._tell(Watching.BLIND, gap.why, now, since=gap.gap.since)
        state, why = self._judge()
        await self._tell(state, why, now, since=self._deaf_since(now) if state is Watching.BLIND else now)

    async def _tell(self, state: Watching, why: str | None, now: datetime, *, since: datetime) -> None:
        if state is not self._state:
            self._state, self._since = state, since
            self._said.clear()
        if self._hearing.deaf_since is None:
            await self._publish(state, why, now)
        await self._record(state, why, now)

    def _deaf_since(self, now: datetime) -> datetime:
        """Since when broker or database do not answer."""
        moments = (self._hearing.deaf_since, self._journal.away_since, self._journal.listened_until, now)
        return min(moment for moment in moments if moment is not None)

    async def _publish(self, state: Watching, why: str | None, now: datetime) -> None:
        """Say it on every topic that has not heard it lately. A broker that takes nothing is left alone."""
        snapshot = MonitorSnapshot(state=state, since=self._since, why=why, valid_until=now + _VALID)
        payload = msgspec.json.encode(snapshot)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY_S):
                for topic in [PLATFORM, *map(monitor_topic, self._fleet.hotels)]:
                    if self._is_stale(topic, now):
                        await self._publisher.publish(topic, payload, retain=True)
                        self._said[topic] = now

    def _is_stale(self, topic: str, now: datetime) -> bool:
        said = self._said.get(topic)
        return said is None or not said <= now < said + _REFRESH  # before it was said: the clock was set back

    def _judge(self) -> tuple[Watching, str | None]:
        now, away, deaf = self._now(), self._journal.away_since, self._hearing.deaf_since
        if self._hearing.times == 0 and self._journal.listened_until is not None:
            return Watching.BLIND, NOT_RUNNING
        if deaf is not None and (now - deaf > _BLIND_AFTER or self._hearing.times == 0):
            return Watching.BLIND, "the broker does not answer"
        if away is not None and now - away > _BLIND_AFTER:
            return Watching.BLIND, "the database does not answer"
        if self._state is not Watching.WATCHING and not self._journal.has_resumed:
            return Watching.BLIND, "the watch is about to begin"
        if not self._is_told():
            return Watching.BLIND, "what is stored is being published"
        if self._unjudged():
            return Watching.DEGRADED, f"the silence of {self._unjudged()} tablets cannot be recorded"
        if self._is_impatient():
            return Watching.DEGRADED, COMES_AND_GOES
        return Watching.WATCHING, None

    async def _record(self, state: Watching, why: str | None, now: datetime) -> None:
        """The change becomes an event of each hotel. While the database is away it waits, and the return tells it."""
        changes = [
            MonitorChange(hotel_id, state, why, now, self._since)
            for hotel_id in self._fleet.hotels
            if self._recorded.get(hotel_id) is not state
        ]
        if not changes:
            return
        try:
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._store.apply(Batch(received_at=now, monitor=changes))
        except (StoreUnavailable, DataRefused, TimeoutError):
            self._recorded.clear()
        else:
            self._recorded.update(dict.fromkeys(self._fleet.hotels, state))
