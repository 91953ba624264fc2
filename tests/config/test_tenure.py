"""Holding a lease: taken when it is free, kept, given up, and known to be doubtful when time went by unnoticed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from config.tenure import Tenure
from config.waiting import Waiting
from store import LeaseLost, LocalDoorbell, Store
from tests.support import eventually

TTL, RENEW, LOOK = timedelta(seconds=0.4), timedelta(seconds=0.1), timedelta(seconds=0.05)


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/innwatch.db", doorbell=LocalDoorbell())
    yield store
    await store.close()


def tenure(store: Store, *, clock: Seconds | None = None) -> Tenure:
    return Tenure(store, "bridge", ttl=TTL, renew=RENEW, look=LOOK, clock=clock or Seconds())


async def test_of_two_one_stands_by_and_takes_over_when_the_other_stops(store: Store) -> None:
    first, second = tenure(store), tenure(store)
    waiting = Waiting()
    lease = await first.take(Waiting())
    keeping = asyncio.create_task(first.keep())
    taking = asyncio.create_task(second.take(waiting))
    await eventually(lambda: waiting.problems() == [])  # It stands by, and nothing is missing.
    await asyncio.sleep(2 * TTL.total_seconds())
    assert not taking.done()

    keeping.cancel()
    await first.give_up()

    assert (await taking).generation == lease.generation + 1
    assert second.is_sure()
    assert not first.is_sure()


async def test_who_does_not_renew_is_replaced_and_finds_out(store: Store) -> None:
    first, second = tenure(store), tenure(store)
    await first.take(Waiting())

    await second.take(Waiting())

    with pytest.raises(LeaseLost):
        await first.keep()
    await first.give_up()  # Which takes nothing from the other.
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(TTL.total_seconds() / 4):
            await tenure(store).take(Waiting())


async def test_who_was_frozen_cannot_be_sure_until_the_lease_was_renewed(store: Store) -> None:
    clock = Seconds()
    held = tenure(store, clock=clock)
    await held.take(Waiting())
    assert held.is_sure()

    clock.now += TTL.total_seconds()
    assert not held.is_sure()

    keeping = asyncio.create_task(held.keep())
    await eventually(held.is_sure)
    keeping.cancel()
