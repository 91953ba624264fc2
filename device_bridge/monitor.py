"""Whether Innwatch is watching: said every few seconds, valid for half a minute, so that silence means blind."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from broker.delivery import Publisher
from broker.topics import monitor_topic
from device_bridge.fleet import Fleet
from rules.ids import HotelId
from store import DataRefused, Store, StoreUnavailable
from store.batch import Batch, MonitorChange

_REFRESH = timedelta(seconds=10)
_VALID = timedelta(seconds=30)
_LOOK_EVERY_S = 1.0


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


class Monitor:
    """Says `watching` once the retained topics are published, `blind` while the database does not answer."""

    def __init__(
        self,
        *,
        store: Store,
        fleet: Fleet,
        publisher: Publisher,
        now: Callable[[], datetime],
        away_since: Callable[[], datetime | None],
        unjudged: Callable[[], int],
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._publisher = publisher
        self._now = now
        self._away_since = away_since
        self._unjudged = unjudged
        self._state: Watching | None = None
        self._since = now()
        self._said: dict[HotelId, datetime] = {}
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
        now = self._now()
        state, why = self._judge()
        if state is not self._state:
            self._state, self._since = state, now
            self._said.clear()
        stale = [hotel for hotel in self._fleet.hotels if self._is_stale(hotel, now)]
        for hotel_id in stale:
            snapshot = MonitorSnapshot(state=state, since=self._since, why=why, valid_until=now + _VALID)
            await self._publisher.publish(monitor_topic(hotel_id), msgspec.json.encode(snapshot), retain=True)
            self._said[hotel_id] = now
        await self._record(state, why, now)

    def _is_stale(self, hotel_id: HotelId, now: datetime) -> bool:
        said = self._said.get(hotel_id)
        return said is None or not said <= now < said + _REFRESH  # before it was said: the clock was set back

    def _judge(self) -> tuple[Watching, str | None]:
        away = self._away_since()
        if away is not None and self._now() - away > timedelta(seconds=2):
            return Watching.BLIND, "the database does not answer"
        if self._unjudged():
            return Watching.DEGRADED, f"the silence of {self._unjudged()} tablets cannot be recorded"
        return Watching.WATCHING, None

    async def _record(self, state: Watching, why: str | None, now: datetime) -> None:
        """The change becomes an event of each hotel. While the database is away it waits, and the return tells it."""
        changes = [
            MonitorChange(hotel_id, state, why, now)
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
