"""A lease: one holder at a time, taken over when it runs out, and no writing under one that was lost."""

import asyncio
from datetime import timedelta

import pytest

from store import Lease, LeaseLost, Store
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


async def test_what_was_given_up_may_be_had_at_once(store: Store, second: Store) -> None:
    first = await taken(store)

    await store.give_up_lease(first)
    lease = await second.take_lease("bridge", holder="b", ttl=LONG)
    await store.give_up_lease(first)  # Of no use to anybody, and no harm.

    assert lease == Lease("bridge", "b", 2)
    assert await store.take_lease("bridge", holder="a", ttl=LONG) is None
