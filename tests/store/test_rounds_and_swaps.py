"""Tonight's round as it is read, and two tablets that the books send where they are."""

import pytest
from msgspec.structs import replace

from rules.alerts import Because, ChangeKind, Family, Reason, Rule
from rules.ids import AlertId, DeviceId, RoomId
from rules.memory import Charge, DrainMemory
from rules.state import DeviceState
from store import Store
from store.errors import AlertGone, AnswerRefused, NotFound, Overtaken
from store.records import EventType, Room
from tests.store.given import HOTEL, NOW, add_hotel, an_alert, batch, change, cleared, later
from tests.support import person

ANN = person("ann")
A1 = AlertId("A1")


async def swapped(store: Store) -> None:
    """tab-0 of room 100 and tab-1 of room 101 are in each other's room, says an alert."""
    first, _ = await add_hotel(store)
    alert = replace(
        an_alert(family=Family.ROOM),
        rule=Rule.ROOM_SWAPPED,
        why=(
            Reason(Because.SWAPPED, observed="tab-1"),
            Reason(Because.LIVES_ELSEWHERE, observed="101 102", limit="100"),
        ),
    )
    await store.apply(batch(changes=[change(first, ChangeKind.OPENED, alert)]))


async def rooms(store: Store) -> dict[str, str]:
    return {row.device.id: row.device.room_id for row in (await store.load_hotel(HOTEL)).devices}


async def test_the_fix_moves_both_at_once_and_says_so(store: Store) -> None:
    await swapped(store)
    before = (await store.revisions())[HOTEL]
    assert await rooms(store) == {"tab-0": "100", "tab-1": "101"}
    moved = await store.fix_swap(HOTEL, A1, by=ANN, now=later(5))
    assert [(device.id, device.room_id) for device in moved] == [("tab-0", "101"), ("tab-1", "100")]
    assert await rooms(store) == {"tab-0": "101", "tab-1": "100"}
    assert (await store.revisions())[HOTEL] == before + 1
    told = [event.type for event in await store.events_after(HOTEL, 0, limit=100)]
    assert told[-2:] == [EventType.DEVICE_MOVED] * 2
    lines = (await store.audit(HOTEL, deed="device.moved")).items
    assert {(line.actor, line.subject) for line in lines} == {("ann", "tab-0"), ("ann", "tab-1")}


async def test_a_fix_is_no_way_back(store: Store) -> None:
    await swapped(store)
    await store.fix_swap(HOTEL, A1, by=ANN, now=later(5), if_revision=1)
    fixed = await store.alert(HOTEL, A1)
    assert fixed is not None
    (*_, noted) = await store.timeline(HOTEL, A1)
    assert (fixed.revision, noted.type, noted.by) == (2, EventType.ALERT_NOTED, "ann")
    assert "tab-1" in (noted.note or "")
    for revision in (None, 1, 2):
        with pytest.raises(Overtaken) as refused:
            await store.fix_swap(HOTEL, A1, by=person("bob"), now=later(9), if_revision=revision)
        assert (refused.value.by, refused.value.at) == ("ann", later(5))
    assert await rooms(store) == {"tab-0": "101", "tab-1": "100"}


@pytest.mark.parametrize("tablet", ["tab-0", "tab-1"])
async def test_where_somebody_has_moved_one_of_them_there_is_nothing_to_swap(store: Store, tablet: str) -> None:
    await swapped(store)
    await store.add_room(HOTEL, Room(id=RoomId("107")), by=ANN, now=NOW)
    await store.move_device(HOTEL, DeviceId(tablet), room_id=RoomId("107"), by=ANN, now=NOW)
    with pytest.raises(Overtaken):
        await store.fix_swap(HOTEL, A1, by=ANN, now=later(5))
    assert (await rooms(store))[tablet] == "107"


async def test_what_is_no_swap_is_not_fixed_and_nobody_is_moved(store: Store) -> None:
    first, _ = await add_hotel(store)
    await store.apply(batch(changes=[change(first, ChangeKind.OPENED, an_alert())]))
    with pytest.raises(AnswerRefused):
        await store.fix_swap(HOTEL, A1, by=ANN, now=NOW)
    with pytest.raises(NotFound):
        await store.fix_swap(HOTEL, AlertId("A2"), by=ANN, now=NOW)
    await store.apply(batch(changes=[cleared(first)]))
    with pytest.raises(AlertGone):
        await store.fix_swap(HOTEL, A1, by=ANN, now=NOW)
    assert await rooms(store) == {"tab-0": "100", "tab-1": "101"}


async def test_a_partner_that_is_retired_or_an_alert_that_moved_on_leaves_both_where_they_are(store: Store) -> None:
    await swapped(store)
    with pytest.raises(Overtaken):
        await store.fix_swap(HOTEL, A1, by=ANN, now=NOW, if_revision=99)
    await store.retire_device(HOTEL, DeviceId("tab-1"), by=ANN, now=NOW)
    with pytest.raises(NotFound):
        await store.fix_swap(HOTEL, A1, by=ANN, now=NOW)
    assert await rooms(store) == {"tab-0": "100"}


async def test_the_round_is_read_from_what_is_known(store: Store) -> None:
    first, second = await add_hotel(store)
    charge = Charge(NOW, 10.0)
    dying = DeviceState(battery=10, drain=DrainMemory(recent=(charge,), origin=charge, rate=5.0))
    await store.apply(batch(states={first.key: dying, second.key: DeviceState(battery=90)}))
    found = await store.round(HOTEL, at=NOW)
    assert [(stop.device_id, stop.room_id, stop.rate) for stop in found.stops] == [("tab-0", "100", 5.0)]
