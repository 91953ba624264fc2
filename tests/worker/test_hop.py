"""Verbs called on one loop run on another."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from store.errors import StoreUnavailable
from store.records import Claimed, NotificationId
from tests.support import eventually
from tests.worker.support import EMAIL, HOTEL, START, MemoryOutbox
from worker.hop import OnLoop

LEASE = timedelta(minutes=2)


@pytest.fixture
def elsewhere() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


async def claim_from(runner: asyncio.Runner, outbox: OnLoop) -> Claimed | None:
    claim = outbox.claim_notification(HOTEL, NotificationId(1), worker="w", now=START, lease=LEASE)
    return await asyncio.to_thread(runner.run, claim)


async def test_a_verb_runs_on_the_stores_loop_and_answers_on_the_callers(elsewhere: asyncio.Runner) -> None:
    outbox = MemoryOutbox()
    row = outbox.add(EMAIL)

    claimed = await claim_from(elsewhere, OnLoop(outbox, asyncio.get_running_loop()))

    assert claimed is not None
    assert claimed.id == row.id


async def test_what_the_store_raises_arrives_at_the_caller(elsewhere: asyncio.Runner) -> None:
    outbox = MemoryOutbox()
    outbox.away = True

    with pytest.raises(StoreUnavailable):
        await claim_from(elsewhere, OnLoop(outbox, asyncio.get_running_loop()))


async def test_the_stores_own_loop_may_call_too() -> None:
    outbox = MemoryOutbox()
    outbox.add(EMAIL)

    assert len(await OnLoop(outbox, asyncio.get_running_loop()).due_notifications(START, limit=9)) == 1


async def test_a_caller_that_is_cancelled_cancels_the_verb() -> None:
    outbox = MemoryOutbox()
    outbox.hangs = True
    outbox.add(EMAIL)
    hop = OnLoop(outbox, asyncio.get_running_loop())

    async with asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(hop.due_notifications(START, limit=9))
        await eventually(lambda: outbox.hanging == 1)
        calling.cancel()

    await eventually(lambda: outbox.hanging == 0)
