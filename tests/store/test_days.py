"""PostgreSQL keeps messages by days, each with an index of its own; and a message is stored once all the same."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from rules.ids import MessageId
from store import Duplicate, InputKind, LeaseLost, Store, StoredMessage, partitions
from store.messages import HORIZON
from tests.store.given import (
    HOTEL,
    NOW,
    ON_POSTGRESQL,
    add_hotel,
    batch,
    heartbeat,
    later,
    online,
    opened,
)
from tests.support import eventually

MIDNIGHT = NOW.replace(hour=0) + timedelta(days=1)
A_MOMENT = timedelta(milliseconds=1)
A_DAY = timedelta(days=1)


async def count(store: Store) -> int:
    return await store.count_messages(HOTEL)


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("days", [0, 1, 6, HORIZON])
async def test_a_message_that_comes_again_days_later_is_a_duplicate(
    store: Store, second: Store, days: int, with_state: bool
) -> None:
    (device, other) = await add_hotel(store)
    first = heartbeat(device, "m-1", at=MIDNIGHT - A_MOMENT)
    await store.apply(batch(first))
    again = batch(
        heartbeat(other, "m-2", at=MIDNIGHT + days * A_DAY - A_MOMENT),
        heartbeat(device, "m-1", at=MIDNIGHT + days * A_DAY - A_MOMENT),
        states={device.key: online()} if with_state else None,
    )

    for one in (store, second):  # one that stored it, and one that has seen nothing of it
        with pytest.raises(Duplicate):
            await one.apply(again)

    assert await store.known([(device.key, MessageId("m-1")), (other.key, MessageId("m-2"))]) == {(device.key, "m-1")}
    assert await count(store) == 1


async def test_a_message_comes_again_right_after_midnight_and_right_before_it(store: Store) -> None:
    """Before, because clocks are set back too."""
    (device, _) = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "before", at=MIDNIGHT - A_MOMENT)))
    await store.apply(batch(heartbeat(device, "after", at=MIDNIGHT)))

    with pytest.raises(Duplicate):
        await store.apply(batch(heartbeat(device, "before", at=MIDNIGHT)))
    with pytest.raises(Duplicate):
        await store.apply(batch(heartbeat(device, "after", at=MIDNIGHT - A_MOMENT)))

    assert await count(store) == 2


@pytest.mark.parametrize("days", [1, 2, 3, 30])
async def test_a_message_that_comes_again_after_the_clock_was_set_back_is_a_duplicate(
    store: Store, second: Store, days: int
) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "m-1", at=NOW)))
    again = batch(heartbeat(device, "m-1", at=NOW - days * A_DAY))

    for one in (store, second):
        with pytest.raises(Duplicate):
            await one.apply(again)
    await second.apply(batch(heartbeat(device, "m-2", at=NOW - days * A_DAY)))

    assert await count(store) == 2


@pytest.mark.parametrize("second_name", ["m-1", "m-2"])
async def test_a_batch_goes_over_midnight(store: Store, second_name: str) -> None:
    (device, _) = await add_hotel(store)
    both = batch(heartbeat(device, "m-1", at=MIDNIGHT - A_MOMENT), heartbeat(device, second_name, at=MIDNIGHT))

    if second_name == "m-1":
        with pytest.raises(Duplicate):
            await store.apply(both)
    else:
        await store.apply(both)
        with pytest.raises(Duplicate):
            await store.apply(both)

    assert await count(store) == (0 if second_name == "m-1" else 2)


async def test_a_batch_over_midnight_finds_what_the_days_before_have(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "m-1", at=MIDNIGHT - 3 * A_DAY)))

    with pytest.raises(Duplicate):
        await store.apply(
            batch(heartbeat(device, "m-2", at=MIDNIGHT - A_MOMENT), heartbeat(device, "m-1", at=MIDNIGHT))
        )

    assert await count(store) == 1


async def test_messages_keep_their_order_over_days(store: Store) -> None:
    (device, _) = await add_hotel(store)
    names = [f"m-{number}" for number in range(40)]
    for number, name in enumerate(names):
        await store.apply(batch(heartbeat(device, name, at=MIDNIGHT + (number // 10 - 2) * A_DAY)))

    assert [row.id async for row in store.messages(HOTEL)] == names


async def test_an_input_of_a_whole_hotel_may_come_twice(store: Store) -> None:
    await add_hotel(store)
    began = StoredMessage(
        hotel_id=HOTEL,
        device_key=None,
        kind=InputKind.WATCHING,
        message_id=MessageId("watching:1"),
        received_at=NOW,
        body=b"{}",
    )

    await store.apply(batch(began))
    await store.apply(batch(began))


@ON_POSTGRESQL
async def test_a_day_that_nobody_made_is_made_by_its_first_message(store: Store, by_hand: Callable[[str], str]) -> None:
    (device, _) = await add_hotel(store)

    for days in (400, 0, -400):  # clocks jump
        await store.apply(batch(heartbeat(device, f"m-{days}", at=NOW + days * A_DAY)))

    found = by_hand("SELECT tableoid::regclass FROM message ORDER BY received_at").splitlines()
    assert found == [f"message_{partitions.day_of(NOW + days * A_DAY)}" for days in (-400, 0, 400)]


@ON_POSTGRESQL
async def test_a_heartbeat_reads_no_more_than_the_days_that_count(store: Store, by_hand: Callable[[str], str]) -> None:
    """What lies beyond the horizon costs nothing, and is not asked."""
    (device, _) = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "m-1", at=NOW)))

    await store.apply(batch(heartbeat(device, "m-1", at=NOW + (HORIZON + 1) * A_DAY)))

    assert await count(store) == 2


@pytest.mark.parametrize("with_state", [False, True])
async def test_a_bridge_that_was_replaced_stores_nothing(store: Store, second: Store, with_state: bool) -> None:
    (device, _) = await add_hotel(store)
    ours = await store.take_lease("bridge", holder="a", ttl=timedelta(milliseconds=50))
    assert ours is not None
    store.fence(ours)
    states = {device.key: online()} if with_state else None
    await store.apply(batch(heartbeat(device, "m-1"), states=states))

    await eventually(lambda: second.take_lease("bridge", holder="b", ttl=timedelta(minutes=1)))

    for lost in (
        batch(heartbeat(device, "m-2"), states=states),
        batch(heartbeat(device, "m-1"), states=states),
        batch(states={device.key: online(battery=1)}),
        batch(changes=[opened(device)], at=later(1)),
    ):
        with pytest.raises(LeaseLost):
            await store.apply(lost)
    assert await count(store) == 1
    assert await store.open_alerts(HOTEL) == []
