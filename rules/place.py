"""Where a device belongs: assignments, made from what a hotel knows of its rooms."""

import re
from collections.abc import Collection, Iterable
from typing import Protocol

from rules.ids import DeviceId, HotelId, RoomId
from rules.policy import Assignment, Place, Policy, Profile

_BSSID = re.compile(r"[0-9a-f]{2}([:-]?)(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}")
_NONE: frozenset[str] = frozenset()  # Python makes a new empty one each time, and a hotel may have 10,000 rooms
_PLACEHOLDERS = frozenset({"02:00:00:00:00:00", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})


class RoomFacts(Protocol):
    """What the rules need to know of a room; the store's rooms are of this shape."""

    @property
    def id(self) -> RoomId: ...
    @property
    def floor(self) -> str | None: ...
    @property
    def access_points(self) -> Collection[str]: ...
    @property
    def rssi_floor(self) -> float | None: ...
    @property
    def profile(self) -> Profile | None: ...


def normal_bssid(text: str) -> str | None:
    """A BSSID in lower case with colons; None when it is none, or a placeholder that means unknown.

    Accepted: twelve hexadecimal digits in pairs, joined by colons, by dashes or by nothing.
    """
    lower = text.lower()
    if _BSSID.fullmatch(lower) is None:
        return None
    digits = lower.replace(":", "").replace("-", "")
    bssid = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    return None if bssid in _PLACEHOLDERS else bssid


def assignments(
    hotel_id: HotelId,
    *,
    profile: Profile,
    rooms: Iterable[RoomFacts],
    devices: Iterable[tuple[DeviceId, RoomId]],
) -> dict[DeviceId, Assignment]:
    """The assignment of each of a hotel's devices. One whose room is not among `rooms` has no known place.

    `profile` is the hotel's; a room may have its own. Rooms share what they can: thousands of them cost little.
    """
    known = tuple(rooms)
    places = _places(known)
    policies = _policies(known, profile=profile)
    nowhere = Place()
    fallback = Policy(profile=profile)
    return {
        device_id: Assignment(
            hotel_id=hotel_id,
            device_id=device_id,
            place=places.get(room_id, nowhere),
            policy=policies.get(room_id, fallback),
        )
        for device_id, room_id in devices
    }


def _places(rooms: Collection[RoomFacts]) -> dict[RoomId, Place]:
    everywhere = frozenset(bssid for room in rooms for bssid in room.access_points)
    floors: dict[str, set[str]] = {}
    for room in rooms:
        if room.floor is not None:
            floors.setdefault(room.floor, set()).update(room.access_points)
    around = {floor: frozenset(bssids) for floor, bssids in floors.items()}
    return {
        room.id: Place(
            room_id=room.id,
            floor=room.floor,
            access_points=frozenset(room.access_points),
            neighbours=_NONE if room.floor is None else around[room.floor],
            hotel_access_points=everywhere,
        )
        for room in rooms
    }


def _policies(rooms: Collection[RoomFacts], *, profile: Profile) -> dict[RoomId, Policy]:
    wanted = {room.id: (room.profile or profile, room.rssi_floor) for room in rooms}
    policies = {both: Policy(profile=both[0], rssi_floor=both[1]) for both in set(wanted.values())}
    return {room_id: policies[both] for room_id, both in wanted.items()}
