"""Hotels, rooms, tablets, channels: set up by people, read back whole by the bridge."""

import msgspec
import pytest

from rules.ids import DeviceId, HotelId, RoomId
from rules.policy import Profile
from rules.state import DeviceState
from store import INNWATCH, BadCursor, Exists, NotFound, Store, cursors
from store.records import EventType, Hotel, Room, RoomChanges
from tests.store.given import HOTEL, MAIL, NOW, OTHER, SLACK, add_hotel, batch, new_tablet, online

ROOM = Room(
    id=RoomId("garden"),
    name="Garden suite",
    floor="0",
    access_points=("aa:bb:cc:00:00:01", "aa:bb:cc:00:00:02"),
    rssi_floor=-72.5,
    profile=Profile.STRICT,
)


async def test_what_was_set_up_is_loaded_whole(store: Store) -> None:
    hotel = Hotel(id=HOTEL, name="Seaview", timezone="Europe/Lisbon", profile=Profile.STRICT)
    await store.add_hotel(hotel, by=INNWATCH, now=NOW)
    await store.add_room(HOTEL, ROOM, by=INNWATCH, now=NOW)
    device = await store.add_device(HOTEL, DeviceId("tab-1"), room_id=ROOM.id, by=INNWATCH, now=NOW)

    (facts,) = (await store.load()).hotels

    assert facts.hotel == hotel
    assert facts.rooms == (ROOM,)
    assert [row.device for row in facts.devices] == [device]
    assert facts.devices[0].floor == "0"
    assert facts.devices[0].state == DeviceState()
    assert facts.last_event_id == 1
    assert await store.load_hotel(HOTEL) == facts
    assert await store.revisions() == {HOTEL: facts.revision}


async def test_each_change_raises_the_revision_of_its_hotel_alone(store: Store) -> None:
    await add_hotel(store, HOTEL)
    await add_hotel(store, OTHER)
    before = await store.revisions()

    await store.add_room(HOTEL, ROOM, by=INNWATCH, now=NOW)
    await store.add_device(HOTEL, DeviceId("tab-9"), room_id=ROOM.id, by=INNWATCH, now=NOW)
    await store.add_channel(HOTEL, MAIL, by=INNWATCH, now=NOW)

    after = await store.revisions()
    assert after[HOTEL] == before[HOTEL] + 3
    assert after[OTHER] == before[OTHER]


async def test_a_message_changes_no_revision(store: Store) -> None:
    (device, _) = await add_hotel(store)
    before = await store.revisions()

    await store.apply(batch(states={device.key: online()}))

    assert await store.revisions() == before


async def test_a_thousand_tablets_are_added_at_once_each_with_its_event(store: Store) -> None:
    devices = await add_hotel(store, tablets=1000)

    events = await store.events_after(HOTEL, 0, limit=2000)
    assert len({device.key for device in devices}) == 1000
    assert [event.id for event in events] == list(range(1, 1001))
    assert {event.type for event in events} == {EventType.DEVICE_ADDED}
    assert msgspec.json.decode(events[7].data) == {"deviceId": "tab-7", "roomId": "107"}


async def test_of_many_tablets_none_is_added_when_one_is_there_already(store: Store) -> None:
    await add_hotel(store, tablets=3)

    with pytest.raises(Exists, match="101"):
        await store.add_devices(HOTEL, [new_tablet(7), new_tablet(1)], by=INNWATCH, now=NOW)

    assert len((await store.load_hotel(HOTEL)).devices) == 3
    assert len((await store.load_hotel(HOTEL)).rooms) == 3


async def test_two_of_the_same_name_cannot_be_added_together(store: Store) -> None:
    await add_hotel(store, tablets=0)

    with pytest.raises(Exists):
        await store.add_devices(HOTEL, [new_tablet(7), new_tablet(7)], by=INNWATCH, now=NOW)


async def test_what_exists_is_not_added_again(store: Store) -> None:
    await add_hotel(store)

    with pytest.raises(Exists, match="hotel seaview"):
        await store.add_hotel(Hotel(id=HOTEL, name="Another"), by=INNWATCH, now=NOW)
    with pytest.raises(Exists, match="room 100"):
        await store.add_room(HOTEL, Room(id=RoomId("100")), by=INNWATCH, now=NOW)
    with pytest.raises(Exists, match="device tab-0"):
        await store.add_device(HOTEL, DeviceId("tab-0"), room_id=RoomId("100"), by=INNWATCH, now=NOW)


async def test_what_it_would_belong_to_must_be_there(store: Store) -> None:
    await add_hotel(store)

    with pytest.raises(NotFound, match="hotel nowhere"):
        await store.add_room(HotelId("nowhere"), ROOM, by=INNWATCH, now=NOW)
    with pytest.raises(NotFound, match="room attic"):
        await store.add_device(HOTEL, DeviceId("tab-9"), room_id=RoomId("attic"), by=INNWATCH, now=NOW)
    with pytest.raises(NotFound, match="hotel nowhere"):
        await store.add_channel(HotelId("nowhere"), MAIL, by=INNWATCH, now=NOW)
    with pytest.raises(NotFound, match="hotel nowhere"):
        await store.load_hotel(HotelId("nowhere"))


async def test_the_same_names_in_two_hotels_are_two_things(store: Store) -> None:
    ours = await add_hotel(store, HOTEL)
    theirs = await add_hotel(store, OTHER)

    assert await store.find_device(HOTEL, DeviceId("tab-0")) == ours[0]
    assert await store.find_device(OTHER, DeviceId("tab-0")) == theirs[0]
    assert ours[0].key != theirs[0].key


async def test_devices_and_rooms_are_paged_in_order_of_id(store: Store) -> None:
    await add_hotel(store, tablets=5)

    seen, cursor = [], None
    while True:
        page = await store.devices(HOTEL, cursor=cursor, limit=2)
        seen += [row.device.id for row in page.items]
        if (cursor := page.next) is None:
            break

    assert seen == [f"tab-{number}" for number in range(5)]
    rooms = await store.rooms(HOTEL, limit=3)
    assert [room.id for room in rooms.items] == ["100", "101", "102"]
    assert [room.id for room in (await store.rooms(HOTEL, cursor=rooms.next)).items] == ["103", "104"]


BEYOND = cursors.encode(2**64 - 1)
BEYOND_TWICE = cursors.encode((2**64 - 1, 0))


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "gqFh", "é", "a" * 5000, "../..", "null", BEYOND, BEYOND_TWICE])
async def test_a_cursor_that_was_not_given_out_is_refused(store: Store, cursor: str) -> None:
    await add_hotel(store)

    for listing in (store.devices, store.rooms, store.alerts, store.notifications, store.quarantine):
        with pytest.raises(BadCursor):
            await listing(HOTEL, cursor=cursor)


async def test_residents_are_named_for_the_rooms_of_a_page_only(store: Store) -> None:
    await add_hotel(store, tablets=5)
    await add_hotel(store, OTHER, tablets=5)
    await store.add_room(HOTEL, Room(id=RoomId("1025")), by=INNWATCH, now=NOW)
    await store.add_device(HOTEL, DeviceId("another"), room_id=RoomId("102"), by=INNWATCH, now=NOW)

    assert await store.residents(HOTEL, first=RoomId("101"), last=RoomId("103")) == {
        "101": ("tab-1",),
        "102": ("another", "tab-2"),
        "103": ("tab-3",),
    }


async def test_channels_are_given_back_in_order_and_keep_their_secrets_to_themselves(store: Store) -> None:
    await add_hotel(store, channels=[MAIL, SLACK])

    rows = await store.channels(HOTEL)

    assert [row.channel for row in rows] == [MAIL, SLACK]
    assert "secret" not in repr(rows)


async def test_of_a_room_only_that_changes_which_was_given(store: Store) -> None:
    await add_hotel(store)
    await store.add_room(HOTEL, ROOM, by=INNWATCH, now=NOW)
    before = await store.revisions()

    changed = await store.change_room(
        HOTEL, ROOM.id, RoomChanges(name=None, access_points=("aa:bb:cc:00:00:09",)), by=INNWATCH, now=NOW
    )

    assert changed == msgspec.structs.replace(ROOM, name=None, access_points=("aa:bb:cc:00:00:09",))
    assert await store.room(HOTEL, ROOM.id) == changed
    assert (await store.revisions())[HOTEL] == before[HOTEL] + 1
    (line,) = (await store.audit(HOTEL, deed="room.changed")).items
    assert (line.subject, line.detail) == (ROOM.id, {"changed": "access_points, name"})


async def test_a_room_that_is_not_there_cannot_change(store: Store) -> None:
    await add_hotel(store)

    with pytest.raises(NotFound):
        await store.change_room(HOTEL, RoomId("attic"), RoomChanges(name="x"), by=INNWATCH, now=NOW)


async def test_a_hidden_hotel_is_watched_and_in_no_list(store: Store) -> None:
    await add_hotel(store)

    await store.add_hidden_hotel(OTHER, by=INNWATCH, now=NOW)

    assert [hotel.id for hotel in await store.hotels()] == [HOTEL]
    assert (await store.hotel(OTHER)).id == OTHER
    assert {facts.hotel.id for facts in (await store.load()).hotels} == {HOTEL, OTHER}
    with pytest.raises(Exists):
        await store.add_hotel(Hotel(id=OTHER, name="Mine"), by=INNWATCH, now=NOW)
