"""Where a device belongs: assignments, made from what a hotel knows of its rooms."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from msgspec import UNSET

from rules import maintenance
from rules.ids import DeviceId, HotelId, RoomId
from rules.policy import NO_CHANGES, Assignment, Place, Policy, PolicyChanges, Profile, Window, merged, resolve

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
    @property
    def zone(self) -> str | None: ...
    @property
    def policy(self) -> PolicyChanges: ...


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


NOTHING_OF_ITS_OWN: Final[Mapping[DeviceId, PolicyChanges]] = {}
NEVER_ADDED: Final[Mapping[DeviceId, datetime]] = {}


def heard_bssid(text: str | None, *, last: str | None, place: Place) -> str | None:
    """The access point that a tablet names, in normal form; None: unknown. What is known already costs no parsing.

    `last` is the one that it named before, in normal form.
    """
    if text is None or text == last or text in place.access_points:
        return text
    return normal_bssid(text)


def assignments(  # noqa: PLR0913, all that a hotel says of its tablets
    hotel_id: HotelId,
    *,
    profile: Profile,
    policy: PolicyChanges = NO_CHANGES,
    rooms: Iterable[RoomFacts],
    devices: Iterable[tuple[DeviceId, RoomId]],
    of_devices: Mapping[DeviceId, PolicyChanges] = NOTHING_OF_ITS_OWN,
    timezone: str = "UTC",
    added: Mapping[DeviceId, datetime] = NEVER_ADDED,
    windows: Sequence[Window] = (),
    learned: Collection[str] = (),
    confirmed: Collection[str] = (),
) -> dict[DeviceId, Assignment]:
    """The assignment of each of a hotel's devices. One whose room is not among `rooms` has no known place.

    `profile` and `policy` are the hotel's; a room may have its own, and so may a device (`of_devices`, of those that
    do). `added` is when each was. `windows` are all of the hotel's; `learned` are access points that its
    tablets were heard on in their rooms, listed or not, `confirmed` those of them that a person knows to be the
    hotel's. Rooms share what they can: thousands of them cost little.
    """
    known, devices = tuple(rooms), tuple(devices)
    places = _places(known, learned=learned, confirmed=confirmed, lived_in={room_id for _, room_id in devices})
    hotel = merged(policy, PolicyChanges(profile=profile))
    of_rooms = {room.id: own_policy(room) for room in known}
    resolved: dict[tuple[PolicyChanges, PolicyChanges], Policy] = {}
    nowhere = Place()
    made = {}
    for device_id, room_id in devices:
        levels = of_rooms.get(room_id, NO_CHANGES), of_devices.get(device_id, NO_CHANGES)
        if levels not in resolved:
            resolved[levels] = resolve(hotel, *levels)
        place = places.get(room_id, nowhere)
        made[device_id] = Assignment(
            hotel_id=hotel_id,
            device_id=device_id,
            place=place,
            policy=resolved[levels],
            timezone=timezone,
            added_at=added.get(device_id),
            windows=maintenance.of_place(windows, place) if windows else (),
        )
    return made


def policy_of(
    room: RoomFacts, *, profile: Profile, policy: PolicyChanges = NO_CHANGES, own: PolicyChanges = NO_CHANGES
) -> Policy:
    """What one device of a room is held against: `profile` and `policy` are its hotel's, `own` is the device's."""
    return resolve(PolicyChanges(profile=profile), policy, own_policy(room), own)


def own_policy(room: RoomFacts) -> PolicyChanges:
    """All that a room decides: its profile and its floor are told apart, as they were before all else could be."""
    if room.profile is None and room.rssi_floor is None:
        return room.policy
    return merged(
        room.policy,
        PolicyChanges(
            profile=UNSET if room.profile is None else room.profile,
            rssi_floor=UNSET if room.rssi_floor is None else room.rssi_floor,
        ),
    )


def _places(
    rooms: Collection[RoomFacts], *, learned: Collection[str], confirmed: Collection[str], lived_in: Collection[RoomId]
) -> dict[RoomId, Place]:
    listed = frozenset(bssid for room in rooms for bssid in room.access_points)
    everywhere = listed.union(learned)
    is_incomplete = everywhere != listed.union(confirmed) or any(
        not room.access_points and room.id in lived_in for room in rooms
    )
    floors: dict[str, set[str]] = {}
    for room in rooms:
        if room.floor is not None:
            floors.setdefault(room.floor, set()).update(room.access_points)
    around = {floor: frozenset(bssids) for floor, bssids in floors.items()}
    known = frozenset(room.id for room in rooms)
    on: dict[str, set[RoomId]] = {}
    for room in rooms:
        for bssid in room.access_points:
            on.setdefault(bssid, set()).add(room.id)
    sharing = {bssid: frozenset(ids) for bssid, ids in on.items()}
    return {
        room.id: Place(
            room_id=room.id,
            floor=room.floor,
            zone=room.zone,
            access_points=frozenset(room.access_points),
            neighbours=_NONE if room.floor is None else around[room.floor],
            hotel_access_points=everywhere,
            rooms=known,
            rooms_on=sharing,
            is_incomplete=is_incomplete,
        )
        for room in rooms
    }
