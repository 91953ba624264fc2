"""One round after another: what became of it is a metric, a line on the health page, and where it must be an alarm."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from broker.tokens import KeyRing
from config.isolation.alarm import Alarm
from config.isolation.canaries import canaries, furnish
from config.isolation.doors import Doors
from config.isolation.metrics import IsolationMetrics
from config.isolation.over_http import try_http
from config.isolation.over_mqtt import try_mqtt
from config.isolation.tries import Door, Tries
from store import NotFound, Store, StoreUnavailable

FIRST: Final = timedelta(minutes=2)
"""After the start, when everybody is back; or the interval, if that is shorter."""

SETTLED: Final = 3.0
"""Seconds until the bridge knows tablets that were just added."""

_SHOWN = 50

_log = logging.getLogger(__name__)


class IsolationAudit:
    """`run` beside everything else, in the one process of an installation that watches."""

    def __init__(
        self,
        *,
        store: Store,
        keys: KeyRing,
        doors: Doors,
        alarm: Alarm,
        every: timedelta,
        now: Callable[[], datetime],
        registry: CollectorRegistry,
    ) -> None:
        self._store = store
        self._keys = keys
        self._doors = doors
        self._alarm = alarm
        self._every = every
        self._now = now
        self._broken: list[str] = []
        self._said: list[str] = []
        self._metrics = IsolationMetrics(registry)
        self._metrics.checked_at.set(now().timestamp())

    def problems(self) -> list[str]:
        """What got through the last time, in words for the health page."""
        if not self._broken:
            return []
        more = f" and {len(self._broken) - 1} other ways" if len(self._broken) > 1 else ""
        return [f"one hotel can reach another: {self._broken[0]}{more}"]

    async def run(self) -> None:
        """Try until cancelled. An interval of nothing: never."""
        if not self._every:
            return
        await asyncio.sleep(min(FIRST, self._every).total_seconds())
        while True:
            await self.take_in(await self.round())
            await asyncio.sleep(self._every.total_seconds())

    async def round(self) -> Tries:
        """Try everything once, both ways."""
        tries = Tries()
        try:
            if await furnish(self._store, now=self._now()):
                await asyncio.sleep(SETTLED)
            both = await canaries(self._store, self._keys, now=self._now())
        except (StoreUnavailable, NotFound) as error:  # it is away, or somebody took our hotels apart
            for door in Door:
                tries.miss(door, str(error))
            return tries
        for us, them in (both, reversed(both)):
            if self._doors.mqtt is not None:
                await try_mqtt(self._doors.mqtt.address, us, them, tries, now=self._now())
            if self._doors.http is not None:
                await try_http(self._doors.http.url, us, them, tries)
        if self._doors.mqtt is None:
            tries.lack(Door.MQTT, self._doors.no_mqtt)
        if self._doors.http is None:
            tries.lack(Door.HTTP, self._doors.no_http)
        return tries

    async def take_in(self, tries: Tries) -> None:
        """Count it, show it, and raise the alarm where the round before was sound."""
        for (door, outcome), number in tries.counts.items():
            self._metrics.tries.labels(door, outcome).inc(number)
        self._log_missed(tries)
        for what in list(dict.fromkeys(tries.broken))[:_SHOWN]:  # often by several of the hotel
            _log.error("one hotel can reach another", {"by": what})
        if tries.missed and not tries.broken:
            return  # What was so before may still be so.
        was_sound, self._broken = not self._broken, tries.broken
        self._metrics.broken.set(len(tries.broken))
        if not tries.missed:
            self._metrics.checked_at.set(self._now().timestamp())
        if tries.broken and was_sound:
            await self._alarm.raise_(tries.broken, now=self._now())
        if not tries.broken and not was_sound:
            _log.warning("no hotel can reach another any more")

    def _log_missed(self, tries: Tries) -> None:
        """Once, until it is something else."""
        missed = tries.absent + tries.missed
        if missed and missed != self._said:
            _log.warning("isolation could not be tried whole", {"why": missed[0], "times": len(missed)})
        self._said = missed
