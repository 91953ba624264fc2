"""A lease: one holder at a time, taken over when it runs out, and no writing under one that was lost."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from store import INNWATCH, Lease, LeaseLost, Store
from store.limits import USUAL
from store.postgres import connect, dsn_of
from store.records import Hotel
from tests.store.given import HOTEL, NOW, ON_POSTGRESQL, OTHER, add_hotel, batch, heartbeat
from tests.support import eventually

LONG, SHORT = timedelta(minutes=1), timedelta(milliseconds=50)


async def taken(store: Store, *, holder: str = "a", ttl: timedelta = LONG) -> Lease:
    lease = await store.take_lease("bridge", holder=holder, ttl=ttl)
    assert lease is not None
    return lease


async def test_a_lease_has_one_holder(store: Store, second: Store) -> None:
    assert await taken(store) == Lease("bridge", "a", 1)

    assert await second.take_lease("bridge", holder="b", ttl=LONG) is None
    assert await store.take_lease("bridge", holder="a", ttl=LONG) is None
    assert await second.take_lease("dispatch", holder="b", ttl=LONG) == Lease("dispatch", "b", 1)


async def test_of_many_who_want_it_at_once_one_gets_it(store: Store, second: Store) -> None:
    both = [store, second] * 5
    found = await asyncio.gather(*(one.take_lease("bridge", holder=str(n), ttl=LONG) for n, one in enumerate(both)))

    assert len([lease for lease in found if lease is not None]) == 1


async def test_what_has_run_out_goes_to_the_next_with_another_generation(store: Store, second: Store) -> None:
    first = await taken(store, ttl=SHORT)

    next_one = await eventually(lambda: second.take_lease("bridge", holder="b", ttl=LONG))

    assert next_one == Lease("bridge", "b", first.generation + 1)
    with pytest.raises(LeaseLost, match="bridge"):
        await store.renew_lease(first, ttl=LONG)
    await second.renew_lease(next_one, ttl=LONG)


async def test_a_lease_that_is_renewed_does_not_run_out(store: Store, second: Store) -> None:
    lease = await taken(store, ttl=SHORT)
    await store.renew_lease(lease, ttl=LONG)
    await asyncio.sleep(SHORT.total_seconds())

    assert await second.take_lease("bridge", holder="b", ttl=LONG) is None


async def test_a_lease_that_has_run_out_and_that_nobody_took_may_be_renewed(store: Store, second: Store) -> None:
    lease = await taken(store, ttl=timedelta())

    await store.renew_lease(lease, ttl=LONG)

    assert await second.take_lease("bridge", holder="b", ttl=LONG) is None


async def test_when_the_clock_is_set_back_a_lease_lasts_no_longer_than_before(
    store: Store, second: Store, by_hand: Callable[[str], str]
) -> None:
    first = await taken(store, ttl=SHORT)
    by_hand("UPDATE lease SET until = until + 3600000000")  # as it looks after the clock went back by an hour

    lease = await eventually(lambda: second.take_lease("bridge", holder="b", ttl=SHORT))

    assert lease == Lease("bridge", "b", first.generation + 1)


async def test_when_the_clock_is_set_back_who_has_a_lease_keeps_it(
    store: Store, second: Store, by_hand: Callable[[str], str]
) -> None:
    lease = await taken(store)
    by_hand("UPDATE lease SET until = until + 3600000000")

    assert await second.take_lease("bridge", holder="b", ttl=LONG) is None
    await store.renew_lease(lease, ttl=LONG)


async def test_what_was_given_up_may_be_had_at_once(store: Store, second: Store) -> None:
    first = await taken(store)

    await store.give_up_lease(first)
    lease = await second.take_lease("bridge", holder="b", ttl=LONG)
    await store.give_up_lease(first)  # Of no use to anybody, and no harm.

    assert lease == Lease("bridge", "b", 2)
    assert await store.take_lease("bridge", holder="a", ttl=LONG) is None


async def test_nothing_is_written_under_a_lease_that_was_lost(store: Store, second: Store) -> None:
    (device, _) = await add_hotel(store)
    lease = await taken(store)
    store.fence(lease)
    await store.apply(batch(heartbeat(device, "m-1")))

    await second.give_up_lease(lease)
    await store.apply(batch(heartbeat(device, "m-2")))  # Nobody has taken it yet: nobody else does the work.
    assert await second.take_lease("bridge", holder="b", ttl=LONG) is not None
    for write in (
        lambda: store.apply(batch(heartbeat(device, "m-3"))),
        lambda: store.add_hotel(Hotel(id=OTHER, name="O"), by=INNWATCH, now=NOW),
        lambda: store.renew_lease(lease, ttl=LONG),
    ):
        with pytest.raises(LeaseLost):
            await write()

    assert [row.id async for row in store.messages(HOTEL)] == ["m-1", "m-2"]
    assert [hotel.id for hotel in await second.hotels()] == [HOTEL]


async def test_who_has_no_fence_writes_whoever_has_the_lease(store: Store, second: Store) -> None:
    (device, _) = await add_hotel(store)
    store.fence(await taken(store))

    await second.apply(batch(heartbeat(device, "m-1")))

    assert await second.count_messages(HOTEL) == 1


@ON_POSTGRESQL
async def test_who_takes_a_lease_waits_for_what_is_being_written_under_it_and_who_renews_it_does_not(
    store: Store, second: Store, url: str
) -> None:
    lease = await taken(store, ttl=timedelta())
    writer = await connect(dsn_of(url), USUAL)
    try:
        await writer.execute("BEGIN; SELECT 1 FROM lease WHERE name = 'bridge' AND generation = 1 FOR KEY SHARE")
        await store.renew_lease(lease, ttl=timedelta())

        taking = asyncio.create_task(second.take_lease("bridge", holder="b", ttl=LONG))
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        await eventually(lambda: writer.fetchval(waiting))
        assert not taking.done()

        await writer.execute("COMMIT")
        assert await taking == Lease("bridge", "b", 2)
    finally:
        await writer.close()
