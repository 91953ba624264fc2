"""What an export brings is added once, and what is there stays as it is."""

import pytest

from rules.alerts import Acknowledgment, AlertStatus, Because, Condition, Family, Reason, Rule, Severity
from rules.ids import DeviceId, RoomId
from store import INNWATCH, AlreadyAcknowledged, Deed, NotFound, Store
from store.importing import OldAlert, OldDevice, TakenOver
from store.records import EventType, Room
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later

ROOM = Room(id=RoomId("900"), name="Attic", floor="9", access_points=("aa:bb:cc:00:00:99",), rssi_floor=-71)
ATTIC = OldDevice(DeviceId("tab-9"), RoomId("900"))
BARE = OldDevice(DeviceId("tab-8"), RoomId("800"))  # in a room that no line is about


def old_alert(number: int | None = 17, *, device: str = "tab-0", answered: bool = False) -> OldAlert:
    return OldAlert(
        number=number,
        device_id=DeviceId(device),
        family=Family.BREACH,
        rule=Rule.BREACH_REPORTED,
        severity=Severity.HIGH,
        at=later(-3600),
        why=Reason(Because.REPORTED, observed=-88.0),
        acknowledged=Acknowledgment("rosa", later(-1800), "a guest") if answered else None,
    )


async def take_fleet(store: Store, *, shared_token: bool = True) -> TakenOver:
    return await store.import_fleet(HOTEL, [ROOM], [ATTIC, BARE], shared_token=shared_token, by=INNWATCH, now=NOW)


async def test_rooms_and_tablets_that_are_missing_are_added(store: Store) -> None:
    await add_hotel(store)

    assert await take_fleet(store) == TakenOver(rooms=2, devices=2)

    rooms = {room.id: room for room in (await store.rooms(HOTEL)).items}
    assert rooms[ROOM.id] == ROOM
    assert rooms[RoomId("800")] == Room(id=RoomId("800"))
    assert [await store.is_spoken_for(HOTEL, one.id) for one in (ATTIC, BARE)] == [True, True]
    added = [
        event.subject for event in await store.events_after(HOTEL, 0, limit=9) if event.type is EventType.DEVICE_ADDED
    ]
    assert sorted(added[-2:]) == ["tab-8", "tab-9"]


async def test_the_bridge_learns_of_them(store: Store) -> None:
    await add_hotel(store)
    before = (await store.revisions())[HOTEL]

    await take_fleet(store)

    assert (await store.revisions())[HOTEL] > before


async def test_what_is_there_stays_as_it_is(store: Store) -> None:
    await add_hotel(store)
    await take_fleet(store, shared_token=False)
    before = await store.load_hotel(HOTEL)

    other = Room(id=ROOM.id, name="Another")
    moved = OldDevice(ATTIC.id, RoomId("100"))
    taken = await store.import_fleet(HOTEL, [other], [moved], shared_token=True, by=INNWATCH, now=later(60))

    assert taken == TakenOver()
    assert await store.load_hotel(HOTEL) == before
    assert not await store.is_spoken_for(HOTEL, ATTIC.id)


async def test_alerts_are_taken_over_as_history_and_only_once(store: Store) -> None:
    await add_hotel(store)
    events = (await store.event_bounds(HOTEL)).newest

    first = await store.import_alerts(HOTEL, [old_alert(17), old_alert(18, answered=True)], by=INNWATCH, now=NOW)
    again = await store.import_alerts(HOTEL, [old_alert(17), old_alert(19)], by=INNWATCH, now=NOW)

    assert (first, again) == (TakenOver(alerts=2), TakenOver(alerts=1))
    assert await store.open_alerts(HOTEL) == []
    found = (await store.alerts(HOTEL)).items
    assert {(one.status, one.condition, one.opened_at) for one in found} == {
        (AlertStatus.RESOLVED, Condition.CLEARED, later(-3600))
    }
    assert [one.acknowledged for one in found if one.acknowledged] == [Acknowledgment("rosa", later(-1800), "a guest")]
    assert (await store.event_bounds(HOTEL)).newest == events
    assert [line.detail["alerts"] for line in (await store.audit(HOTEL, deed=Deed.IMPORTED)).items] == [1, 2]


async def test_an_alert_without_a_number_is_taken_over_once_too(store: Store) -> None:
    await add_hotel(store)
    taken = [await store.import_alerts(HOTEL, [old_alert(None)], by=INNWATCH, now=NOW) for _ in range(2)]

    assert [one.alerts for one in taken] == [1, 0]


async def test_alerts_of_tablets_that_nobody_knows_are_told(store: Store) -> None:
    await add_hotel(store)
    alerts = [old_alert(1, device="stranger"), old_alert(2), old_alert(3, device="other")]

    taken = await store.import_alerts(HOTEL, alerts, by=INNWATCH, now=NOW)

    assert taken == TakenOver(alerts=1, strangers=(0, 2))


async def test_an_imported_alert_is_answered_by_its_number_and_the_first_one_wins(store: Store) -> None:
    await add_hotel(store)
    await store.import_alerts(HOTEL, [old_alert(17)], by=INNWATCH, now=NOW)

    taken = await store.acknowledge_imported(HOTEL, 17, by=INNWATCH, note="long ago", now=NOW)

    assert taken.acknowledged == Acknowledgment("innwatch", NOW, "long ago")
    assert taken.revision == 2
    event = (await store.events_after(HOTEL, 0, limit=99))[-1]
    assert (event.type, event.subject) == (EventType.ALERT_ACKNOWLEDGED, taken.id)
    with pytest.raises(AlreadyAcknowledged):
        await store.acknowledge_imported(HOTEL, 17, by=INNWATCH, note=None, now=NOW)


async def test_two_hotels_have_the_same_numbers(store: Store) -> None:
    for hotel_id in (HOTEL, OTHER):
        await add_hotel(store, hotel_id)
        await store.import_alerts(hotel_id, [old_alert(17)], by=INNWATCH, now=NOW)

    await store.acknowledge_imported(HOTEL, 17, by=INNWATCH, note=None, now=NOW)

    assert [one.acknowledged for one in (await store.alerts(OTHER)).items] == [None]


async def test_nothing_is_imported_into_a_hotel_that_is_not_there(store: Store) -> None:
    with pytest.raises(NotFound):
        await take_fleet(store)
    with pytest.raises(NotFound):
        await store.import_alerts(HOTEL, [old_alert()], by=INNWATCH, now=NOW)
