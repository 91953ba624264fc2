"""BSSIDs in one form, and devices where their hotel says they belong."""

import pytest
from msgspec import Struct
from msgspec.structs import replace

from rules.ids import DeviceId, HotelId, RoomId
from rules.place import assignments, normal_bssid
from rules.policy import NO_CHANGES, Assignment, Place, PolicyChanges, Profile
from tests.rules.given import ELSEWHERE, NEIGHBOUR, OWN


class Room(Struct, frozen=True):
    id: RoomId
    floor: str | None = None
    access_points: tuple[str, ...] = ()
    rssi_floor: float | None = None
    profile: Profile | None = None
    zone: str | None = None
    policy: PolicyChanges = NO_CHANGES


@pytest.mark.parametrize(
    "text", ["aa:bb:cc:00:11:22", "AA:BB:CC:00:11:22", "AA-bb-CC-00-11-22", "AABBCC001122", "aabbcc001122"]
)
def test_every_spelling_of_a_bssid_is_the_same(text: str) -> None:
    assert normal_bssid(text) == "aa:bb:cc:00:11:22"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "aa:bb:cc:00:11",
        "aa:bb:cc:00:11:22:33",
        "aa:bb-cc:00:11:22",
        "aa:bb:cc:00:11:2g",
        "aa:bb:cc:00:11:22\n",
        " aa:bb:cc:00:11:22",
        "aabb:cc:00:11:22",
        "\u0660\u0660:bb:cc:00:11:22",
    ],
)
def test_what_is_no_bssid_is_unknown(text: str) -> None:
    assert normal_bssid(text) is None


@pytest.mark.parametrize("text", ["02:00:00:00:00:00", "020000000000", "00:00:00:00:00:00", "FF-FF-FF-FF-FF-FF"])
def test_a_placeholder_is_unknown(text: str) -> None:
    assert normal_bssid(text) is None


def assigned(*rooms: Room, room: str, profile: Profile = Profile.NORMAL) -> Assignment:
    device = DeviceId("tab-1")
    made = assignments(HotelId("demo"), profile=profile, rooms=rooms, devices=[(device, RoomId(room))])
    return made[device]


ROOMS = (
    Room(RoomId("204"), floor="2", access_points=(OWN,), rssi_floor=-70),
    Room(RoomId("205"), floor="2", access_points=(NEIGHBOUR,), profile=Profile.STRICT),
    Room(RoomId("301"), floor="3", access_points=(ELSEWHERE,)),
)


def test_neighbours_are_the_rooms_of_the_same_floor() -> None:
    place = assigned(*ROOMS, room="204").place

    assert place.access_points == {OWN}
    assert NEIGHBOUR in place.neighbours
    assert ELSEWHERE not in place.neighbours
    assert place.hotel_access_points == {OWN, NEIGHBOUR, ELSEWHERE}


def test_what_was_learned_is_the_hotels_and_shows_that_the_rooms_do_not_list_all() -> None:
    device, hotel = DeviceId("tab-1"), HotelId("demo")
    at = [(device, RoomId("204"))]
    for learned, is_incomplete in (((), False), ((ELSEWHERE,), False), (("dd:00:00:00:00:01",), True)):
        made = assignments(hotel, profile=Profile.NORMAL, rooms=ROOMS, devices=at, learned=learned)
        place = made[device].place
        assert place.hotel_access_points == {OWN, NEIGHBOUR, ELSEWHERE, *learned}
        assert place.is_incomplete is is_incomplete
        known = assignments(hotel, profile=Profile.NORMAL, rooms=ROOMS, devices=at, learned=learned, confirmed=learned)
        assert known[device].place == replace(place, is_incomplete=False)


def test_a_room_with_a_tablet_that_lists_no_access_point_leaves_the_inventory_incomplete() -> None:
    bare = Room(RoomId("206"), floor="2")
    devices = [(DeviceId("tab-1"), RoomId("204")), (DeviceId("tab-2"), RoomId("206"))]
    made = assignments(HotelId("demo"), profile=Profile.NORMAL, rooms=(*ROOMS, bare), devices=devices)
    assert made[DeviceId("tab-1")].place.is_incomplete
    assert not assigned(*ROOMS, bare, room="204").place.is_incomplete


def test_a_room_without_a_floor_has_no_neighbours() -> None:
    nowhere = Room(RoomId("pool"))

    assert assigned(nowhere, Room(RoomId("bar"), access_points=(OWN,)), room="pool").place.neighbours == frozenset()


def test_a_rooms_profile_goes_before_its_hotels() -> None:
    assert assigned(*ROOMS, room="205").policy.profile is Profile.STRICT
    assert assigned(*ROOMS, room="204", profile=Profile.STRICT).policy.profile is Profile.STRICT
    assert assigned(*ROOMS, room="204").policy.rssi_floor == -70


def test_a_device_in_a_room_that_is_not_there_has_no_known_place() -> None:
    assignment = assigned(*ROOMS, room="999", profile=Profile.STRICT)

    assert assignment.place == Place()
    assert assignment.policy.profile is Profile.STRICT


def test_rooms_alike_share_what_is_alike_in_memory() -> None:
    rooms = [Room(RoomId(f"r-{n}"), rssi_floor=-70.0 if n else None) for n in range(3)]
    devices = [(DeviceId(f"t-{n}"), RoomId(f"r-{n}")) for n in range(3)]

    first, second, third = assignments(HotelId("h"), profile=Profile.NORMAL, rooms=rooms, devices=devices).values()

    assert second.policy is third.policy
    assert first.policy != second.policy
    assert first.place.neighbours is second.place.neighbours
    assert first.place.hotel_access_points is second.place.hotel_access_points
