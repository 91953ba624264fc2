"""The store's upkeep in the process that stores messages, and what of it has to be watched.

Messages that are too old are forgotten; a clock that jumped is not believed at once, and what waits for that is told.
The age of the newest backup is told here too, because one such process always runs, and backups are made by others.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from store import Store, StoreUnavailable
from store.door import GATHER_EVERY

EVERY: Final = 300.0
"""Seconds between two looks for a newer backup."""

_A_DAY: Final = timedelta(days=1)

_log = logging.getLogger(__name__)


class UpkeepMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.held_back = Gauge(
            "innwatch_messages_held_back_days",
            "Days' worth of messages that are too old by a clock which is not believed yet",
            registry=registry,
        )
        self.backup = Gauge(
            "innwatch_backup_timestamp_seconds",
            "When the newest backup was made, in seconds since 1970; 0 if none is known of",
            registry=registry,
        )


class Upkeep:
    def __init__(
        self, store: Store, *, now: Callable[[], datetime], retention: timedelta, metrics: UpkeepMetrics
    ) -> None:
        self._store = store
        self._now = now
        self._retention = retention
        self._metrics = metrics
        self._holds_back = False

    async def run(self, *, tend_every: timedelta = GATHER_EVERY, look_every: float = EVERY) -> None:
        """Until cancelled. Raises LeaseLost."""
        tending = self._store.tend(
            now=self._now, retention=self._retention, held_back=self._tell_of_held_back, every=tend_every
        )
        async with asyncio.TaskGroup() as parts:
            parts.create_task(tending)
            parts.create_task(self._look_for_backups(look_every))

    async def _look_for_backups(self, every: float) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):  # The intake reports it.
                made_at = await self._store.backed_up_at()
                self._metrics.backup.set(0 if made_at is None else made_at.timestamp())
            await asyncio.sleep(every)

    def _tell_of_held_back(self, held_back: timedelta) -> None:
        self._metrics.held_back.set(held_back / _A_DAY)
        if held_back and not self._holds_back:
            _log.error(
                "messages of many days are too old at once: they stay until the clock has gone on so for a day",
                {"days": round(held_back / _A_DAY, 1)},
            )
        self._holds_back = held_back > timedelta()
