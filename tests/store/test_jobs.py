"""Jobs: when each was begun, succeeded and failed last."""

import asyncio
from datetime import timedelta

import pytest

from store import DataRefused, LeaseLost, Store, StoreUnavailable
from store.records import Job
from tests.store.given import NOW, later


async def refused() -> None:
    raise DataRefused("no such luck")


async def test_a_job_says_how_it_went(store: Store) -> None:
    times = iter([NOW, later(2)])
    async with store.job("prune", now=lambda: next(times)):
        (running,) = await store.jobs()

    assert (running.started_at, running.succeeded_at) == (NOW, None)
    assert await store.jobs() == (
        Job(name="prune", started_at=NOW, succeeded_at=later(2), failed_at=None, error=None, took_s=2.0),
    )


async def test_one_that_fails_says_why_and_keeps_when_it_went_well(store: Store) -> None:
    async with store.job("prune", now=lambda: NOW):
        pass
    async with store.job("prune", now=lambda: later(60)):
        await refused()

    (job,) = await store.jobs()
    assert (job.started_at, job.succeeded_at, job.failed_at) == (later(60), NOW, later(60))
    assert job.error == "no such luck"
    async with store.job("prune", now=lambda: NOW + timedelta(hours=1)):
        pass
    assert (await store.jobs())[0].error is None


async def test_one_that_could_not_go_on_has_neither_failed_nor_succeeded(store: Store) -> None:
    with pytest.raises(StoreUnavailable):
        async with store.job("prune", now=lambda: NOW):
            raise StoreUnavailable

    (job,) = await store.jobs()
    assert (job.succeeded_at, job.failed_at) == (None, None)


async def test_one_that_crashes_has_failed_and_nobody_is_kept_from_knowing(store: Store) -> None:
    with pytest.raises(KeyError):
        async with store.job("prune", now=lambda: NOW):
            raise KeyError("gone")

    (job,) = await store.jobs()
    assert (job.succeeded_at, job.failed_at, job.error) == (None, NOW, "KeyError: 'gone'")


@pytest.mark.parametrize("why", [asyncio.CancelledError(), LeaseLost("bridge")])
async def test_one_that_is_stopped_has_neither_failed_nor_succeeded(store: Store, why: BaseException) -> None:
    with pytest.raises(type(why)):
        async with store.job("prune", now=lambda: NOW):
            raise why

    (job,) = await store.jobs()
    assert (job.succeeded_at, job.failed_at) == (None, None)
