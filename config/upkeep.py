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

from config.settings_store import Retention
from store import Store, StoreUnavailable
from store.door import GATHER_EVERY, PRUNE
from store.records import Job

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
        self._job_succeeded = Gauge(
            "innwatch_job_success_timestamp_seconds",
            "When a job that is done at intervals last went well, in seconds since 1970; 0 if it never did",
            ["task"],
            registry=registry,
        )
        self._job_failed = Gauge(
            "innwatch_job_failed", "Whether a job failed the last time that it ended", ["task"], registry=registry
        )
        self._job_took = Gauge(
            "innwatch_job_duration_seconds", "How long a job took the last time", ["task"], registry=registry
        )
        self._job_succeeded.labels(PRUNE).set(0)  # so that an alert rule sees one that never ran

    def tell_of(self, job: Job) -> None:
        self._job_succeeded.labels(job.name).set(0 if job.succeeded_at is None else job.succeeded_at.timestamp())
        self._job_failed.labels(job.name).set(job.error is not None)
        if job.took_s is not None:
            self._job_took.labels(job.name).set(job.took_s)


class Upkeep:
    def __init__(
        self, store: Store, *, now: Callable[[], datetime], retention: Retention, metrics: UpkeepMetrics
    ) -> None:
        self._store = store
        self._now = now
        self._retention = retention.kept()
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
            parts.create_task(self._look_at_jobs(min(look_every, tend_every.total_seconds())))

    async def _look_for_backups(self, every: float) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):  # The intake reports it.
                made_at = await self._store.backed_up_at()
                self._metrics.backup.set(0 if made_at is None else made_at.timestamp())
            await asyncio.sleep(every)

    async def _look_at_jobs(self, every: float) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):
                for job in await self._store.jobs():
                    self._metrics.tell_of(job)
            await asyncio.sleep(every)

    def _tell_of_held_back(self, held_back: timedelta) -> None:
        self._metrics.held_back.set(held_back / _A_DAY)
        if held_back and not self._holds_back:
            _log.error(
                "messages of many days are too old at once: they stay until the clock has gone on so for a day",
                {"days": round(held_back / _A_DAY, 1)},
            )
        self._holds_back = held_back > timedelta()
