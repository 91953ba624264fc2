"""Which rooms and tablets are held to something else than the hotel's policy, because they decide it themselves."""

from typing import Final

from msgspec import UNSET
from msgspec.structs import asdict, replace

from rules.ids import HotelId
from rules.place import own_policy
from rules.policy import NO_CHANGES, Policy, PolicyChanges, in_full, merged, resolve
from store import facts
from store.database import Database
from store.records import PolicyException, Room
from store.transaction import Transaction

_CALIBRATED: Final = "rssi_floor"
"""Of a room it is no exception: every room that was calibrated has one."""


class PolicyExceptions:
    _database: Database

    async def policy_exceptions(self, hotel_id: HotelId) -> list[PolicyException]:
        """Every room, and every tablet that is not retired, that decides thresholds itself, though it decides them as
        the hotel does: by room, before its tablets. A room's own floor is not told of, for that is its calibration.

        Raises NotFound (hotel).
        """
        return await self._database.read(lambda transaction: _exceptions(transaction, hotel_id))


def _exceptions(transaction: Transaction, hotel_id: HotelId) -> list[PolicyException]:
    hotel = facts.hotel(transaction, hotel_id)
    of_hotel = merged(hotel.policy, PolicyChanges(profile=hotel.profile))
    rooms = {room.id: room for room in facts.rooms_with_policy(transaction, hotel_id)}
    found = [one for room in rooms.values() if (one := _of_room(room, resolve(of_hotel))) is not None]
    for device in facts.devices_with_policy(transaction, hotel_id):
        inherited = resolve(of_hotel, own_policy(rooms[device.room_id]))
        otherwise = _alike(device.policy, inherited)
        found.append(
            PolicyException(room_id=device.room_id, device_id=device.id, own=device.policy, inherited=otherwise)
        )
    return sorted(found, key=lambda one: (one.room_id, one.device_id or ""))


def _of_room(room: Room, inherited: Policy) -> PolicyException | None:
    own = replace(own_policy(room), **{_CALIBRATED: UNSET})
    if own == NO_CHANGES:
        return None
    return PolicyException(room_id=room.id, own=own, inherited=_alike(own, inherited))


def _alike(own: PolicyChanges, inherited: Policy) -> PolicyChanges:
    """Of what is inherited, what `own` decides."""
    above = asdict(in_full(inherited))
    return PolicyChanges(**{name: above[name] for name, value in asdict(own).items() if value is not UNSET})
