"""What is told of the store's upkeep: how old the newest backup is, and what a doubtful clock holds back."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from config.settings_store import Retention
from config.upkeep import Upkeep, UpkeepMetrics
from store import INNWATCH, Batch, Deed, Store
from tests.store.given import NOW, add_hotel, batch, heartbeat, open_store
from tests.support import eventually

A_DAY = timedelta(days=1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path)
    yield opened
    await opened.close()


@asynccontextmanager
async def kept_up(store: Store) -> AsyncIterator[CollectorRegistry]:
    registry = CollectorRegistry()
    upkeep = Upkeep(store, now=lambda: NOW, retention=Retention(), metrics=UpkeepMetrics(registry))
    running = asyncio.create_task(upkeep.run(tend_every=timedelta(milliseconds=10), look_every=0.01))
    yield registry
    running.cancel()
    await asyncio.wait([running])


async def test_a_new_backup_is_seen(store: Store) -> None:
    async with kept_up(store) as registry:
        assert registry.get_sample_value("innwatch_backup_timestamp_seconds") == 0  # so that an alert rule sees it
        await store.write_audit(None, Deed.BACKUP_MADE, by=INNWATCH, subject="a.backup", now=NOW)

        await eventually(lambda: registry.get_sample_value("innwatch_backup_timestamp_seconds") == NOW.timestamp())


async def test_the_job_says_when_it_went_well(store: Store) -> None:
    labels = {"task": "prune"}
    async with kept_up(store) as registry:
        assert registry.get_sample_value("innwatch_job_success_timestamp_seconds", labels) == 0

        await eventually(
            lambda: (
                registry.get_sample_value("innwatch_job_success_timestamp_seconds", labels) == NOW.timestamp()
                and registry.get_sample_value("innwatch_job_failed", labels) == 0
            )
        )
    assert [job.name for job in await store.jobs()] == ["prune"]


async def test_what_is_held_back_is_counted_and_said_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    (device, _) = await add_hotel(store)
    for days in (30, 29, 0):
        await store.apply(batch(heartbeat(device, f"m-{days}", at=NOW - days * A_DAY)))
    await store.apply(Batch(received_at=NOW, caught_up=await store.newest_message()))
    async with kept_up(store) as registry:
        await eventually(lambda: (registry.get_sample_value("innwatch_messages_held_back_days") or 0) == 22)

    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert ["too old at once" in record.getMessage() for record in said] == [True]
