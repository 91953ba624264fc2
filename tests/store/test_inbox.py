"""What came over HTTP waits in order, within bounds, and goes with the batch that stores it."""

import pytest

from rules.ids import DeviceId
from rules.state import DeviceState
from store import Batch, DataRefused, InboxFull, NotFound, Store, inbox
from store.records import InboxKind
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, batch, heartbeat, later, online, opened

TAB = DeviceId("tab-0")


async def leave(store: Store, payload: bytes, *, device: DeviceId = TAB, seconds: float = 0) -> DeviceState:
    return await store.leave(HOTEL, device, InboxKind.HEARTBEAT, payload, now=later(seconds))


async def test_what_is_left_is_found_in_the_order_in_which_it_came(store: Store) -> None:
    await add_hotel(store)
    for number, device in enumerate((TAB, DeviceId("tab-1"), TAB)):
        await leave(store, b"%d" % number, device=device, seconds=number)

    found = await store.left(limit=10)

    assert [(row.payload, row.device_id, row.received_at) for row in found] == [
        (b"0", "tab-0", NOW),
        (b"1", "tab-1", later(1)),
        (b"2", "tab-0", later(2)),
    ]
    assert [row.payload for row in await store.left(limit=2)] == [b"0", b"1"]


async def test_who_leaves_a_message_learns_what_is_known_of_the_device(store: Store) -> None:
    (device, _) = await add_hotel(store)
    assert await leave(store, b"first") == DeviceState()

    await store.apply(batch(states={device.key: online()}))

    assert await leave(store, b"second") == online()


async def test_a_row_goes_in_the_transaction_that_stores_it(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await leave(store, b"first")
    await leave(store, b"second")
    first, second = await store.left(limit=10)

    await store.apply(Batch(received_at=NOW, messages=[heartbeat(device, "m-1")], drained=[first.key]))

    assert await store.left(limit=10) == [second]
    assert await store.count_messages(HOTEL) == 1


async def test_a_row_stays_when_its_message_is_not_stored(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await leave(store, b"first")
    (row,) = await store.left(limit=10)
    refused = heartbeat(device, "m-1")

    with pytest.raises(DataRefused):
        await store.apply(Batch(received_at=NOW, messages=[refused, refused], drained=[row.key]))

    assert await store.left(limit=10) == [row]


async def test_a_number_is_never_given_again(store: Store) -> None:
    await add_hotel(store)
    await leave(store, b"first")
    (first,) = await store.left(limit=10)
    await store.apply(Batch(received_at=NOW, drained=[first.key]))
    await leave(store, b"second")

    await store.apply(Batch(received_at=NOW, drained=[first.key]))  # a commit whose answer was lost is tried again

    assert [row.payload for row in await store.left(limit=10)] == [b"second"]


async def test_a_device_of_nobody_and_one_of_another_hotel_leave_nothing(store: Store) -> None:
    await add_hotel(store, tablets=1)
    await add_hotel(store, OTHER, tablets=2)

    with pytest.raises(NotFound):
        await leave(store, b"{}", device=DeviceId("tab-1"))

    assert await store.left(limit=10) == []


async def test_one_device_fills_its_own_share_and_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "OF_DEVICE", 3)
    await add_hotel(store)
    for _ in range(3):
        await leave(store, b"{}")

    with pytest.raises(InboxFull):
        await leave(store, b"{}")

    await leave(store, b"{}", device=DeviceId("tab-1"))


async def test_one_hotel_fills_its_own_share_and_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "OF_HOTEL", 3)
    await add_hotel(store)
    await add_hotel(store, OTHER)
    for number in range(3):
        await leave(store, b"{}", device=DeviceId(f"tab-{number % 2}"))

    with pytest.raises(InboxFull):
        await leave(store, b"{}")

    await store.leave(OTHER, TAB, InboxKind.ALERT, b"{}", now=NOW)


async def test_room_comes_back_as_the_bridge_drains(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "OF_DEVICE", 1)
    (device, _) = await add_hotel(store)
    await leave(store, b"{}")
    (row,) = await store.left(limit=1)

    await store.apply(Batch(received_at=NOW, changes=[opened(device)], drained=[row.key]))

    await leave(store, b"{}")
