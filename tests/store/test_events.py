"""A hotel's events: 1, 2, 3, … without a gap, in the order of the commits, each hotel's its own."""

import asyncio

import msgspec
import pytest

from rules.ids import HotelId
from store import NotFound, Store
from store.records import EventBounds, EventType
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, batch, cleared, heartbeat, opened


async def test_ids_of_each_hotel_begin_at_one_and_have_no_gap(store: Store) -> None:
    (ours, _) = await add_hotel(store, HOTEL)
    (theirs, _) = await add_hotel(store, OTHER)

    recorded = await store.apply(
        batch(changes=[opened(ours, "A1"), opened(theirs, "B1"), cleared(ours, "A1"), cleared(theirs, "B1")])
    )

    # Hotels in order of id, whatever the order of the changes; two tablets were added to each before.
    assert [(one.hotel_id, one.event.id) for one in recorded] == [(OTHER, 3), (OTHER, 4), (HOTEL, 3), (HOTEL, 4)]
    for hotel in (HOTEL, OTHER):
        assert [event.id for event in await store.events_after(hotel, 0, limit=10)] == [1, 2, 3, 4]
        assert await store.event_bounds(hotel) == EventBounds(1, 4)


async def test_a_refused_batch_takes_no_id(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "m-1")))

    for _ in range(3):
        with pytest.raises(Exception, match=r"(?i)unique"):
            await store.apply(batch(heartbeat(device, "m-1"), changes=[opened(device)]))
    await store.apply(batch(changes=[opened(device)]))

    assert [event.id for event in await store.events_after(HOTEL, 0, limit=10)] == [1, 2, 3]


async def test_a_reader_goes_on_where_it_was(store: Store) -> None:
    await add_hotel(store, tablets=5)

    first = await store.events_after(HOTEL, 0, limit=2)
    rest = await store.events_after(HOTEL, first[-1].id, limit=100)

    assert [event.id for event in first + rest] == [1, 2, 3, 4, 5]
    assert await store.events_after(HOTEL, 5, limit=100) == []
    assert await store.events_after(HOTEL, 2**70, limit=100) == []


async def test_an_event_encodes_to_what_the_contract_says(store: Store) -> None:
    await add_hotel(store, tablets=1)

    (event,) = await store.events_after(HOTEL, 0, limit=1)

    assert msgspec.json.decode(msgspec.json.encode(event)) == {
        "id": 1,
        "at": "2026-11-23T10:00:00Z",
        "type": "device.added",
        "subject": "tab-0",
        "data": {"deviceId": "tab-0", "roomId": "100"},
    }


async def test_a_hotel_without_events_has_empty_bounds(store: Store) -> None:
    await add_hotel(store, tablets=0)

    assert await store.event_bounds(HOTEL) == EventBounds(oldest=1, newest=0)
    with pytest.raises(NotFound):
        await store.event_bounds(HotelId("nowhere"))
    assert await store.events_after(HotelId("nowhere"), 0, limit=10) == []


async def test_two_processes_that_write_at_once_share_one_sequence(store: Store, second: Store) -> None:
    devices = await add_hotel(store, tablets=20)

    async def write(writer: Store, numbers: range) -> None:
        for number in numbers:
            await writer.apply(batch(changes=[opened(devices[number], f"A{number}")], at=NOW))

    await asyncio.gather(write(store, range(10)), write(second, range(10, 20)))

    events = await store.events_after(HOTEL, 20, limit=100)
    assert [event.id for event in events] == list(range(21, 41))
    assert {event.subject for event in events} == {f"A{number}" for number in range(20)}
    assert {event.type for event in events} == {EventType.ALERT_OPENED}
    assert await second.events_after(HOTEL, 20, limit=100) == events


async def test_the_newest_event_of_every_hotel_is_told_at_once(store: Store) -> None:
    (ours, _) = await add_hotel(store, HOTEL)
    await add_hotel(store, OTHER)
    await store.apply(batch(changes=[opened(ours, "A1")]))

    assert await store.newest_events() == {HOTEL: 3, OTHER: 2}
