"""Policy: what a hotel, a room or a tablet decides, and what it comes to.

Of a hotel the profile, of a room the profile and the floor are columns of their own; here they are part of the level
like all else. Each change raises the hotel's revision, by which the bridge takes it up within about a second.
"""

from collections.abc import Callable, Collection
from datetime import datetime

from msgspec import UNSET, to_builtins
from msgspec.structs import replace

from rules.ids import DeviceId, HotelId, RoomId
from rules.place import own_policy
from rules.policy import PolicyChanges, Profile, merged, resolve
from store import audit, facts, lives
from store.audit import Actor, Deed, Detail
from store.database import Database
from store.errors import NotFound
from store.records import Hotel, LevelPolicy, Room
from store.revisions import changed_hotel
from store.transaction import Transaction


class Policies:
    _database: Database

    async def policy(
        self, hotel_id: HotelId, *, room_id: RoomId | None = None, device_id: DeviceId | None = None
    ) -> LevelPolicy:
        """What a tablet, a room or (neither) the hotel decides, and what it comes to there. Raises NotFound."""
        return await self._database.read(
            lambda transaction: _policy(transaction, hotel_id, room_id=room_id, device_id=device_id)
        )

    async def put_policy(
        self,
        hotel_id: HotelId,
        changes: PolicyChanges,
        *,
        room_id: RoomId | None = None,
        device_id: DeviceId | None = None,
        by: Actor,
        now: datetime,
    ) -> LevelPolicy:
        """Let a level decide just this, and return it. A hotel always has a profile: left out, it stays.

        Raises NotFound.
        """
        return await self._database.write(
            lambda transaction: _change(
                transaction, hotel_id, lambda _: changes, room_id=room_id, device_id=device_id, by=by, now=now
            )
        )

    async def change_policy(
        self,
        hotel_id: HotelId,
        changes: PolicyChanges,
        *,
        unset: Collection[str] = (),
        room_id: RoomId | None = None,
        device_id: DeviceId | None = None,
        by: Actor,
        now: datetime,
    ) -> LevelPolicy:
        """As `put_policy`, of the thresholds that are named alone: `unset` are inherited again."""
        return await self._database.write(
            lambda transaction: _change(
                transaction,
                hotel_id,
                lambda before: replace(merged(before, changes), **dict.fromkeys(unset, UNSET)),
                room_id=room_id,
                device_id=device_id,
                by=by,
                now=now,
            )
        )


def _policy(
    transaction: Transaction, hotel_id: HotelId, *, room_id: RoomId | None, device_id: DeviceId | None
) -> LevelPolicy:
    hotel = facts.hotel(transaction, hotel_id)
    levels = [_of_hotel(hotel)]
    if device_id is not None:
        device = lives.known(transaction, hotel_id, device_id)
        levels += [own_policy(_room(transaction, hotel_id, device.room_id)), device.policy]
    elif room_id is not None:
        levels.append(own_policy(_room(transaction, hotel_id, room_id)))
    *above, own = levels
    return LevelPolicy(own=own, inherited=resolve(*above), effective=resolve(*levels))


def _of_hotel(hotel: Hotel) -> PolicyChanges:
    return merged(hotel.policy, PolicyChanges(profile=hotel.profile))


def _room(transaction: Transaction, hotel_id: HotelId, room_id: RoomId) -> Room:
    room = facts.room(transaction, hotel_id, room_id)
    if room is None:
        raise NotFound("room", room_id)
    return room


def _change(
    transaction: Transaction,
    hotel_id: HotelId,
    change: Callable[[PolicyChanges], PolicyChanges],
    *,
    room_id: RoomId | None,
    device_id: DeviceId | None,
    by: Actor,
    now: datetime,
) -> LevelPolicy:
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    before = _policy(transaction, hotel_id, room_id=room_id, device_id=device_id)
    own = change(before.own)
    if device_id is None and room_id is None and own.profile is UNSET:
        own = replace(own, profile=before.own.profile)
    if own == before.own:
        return before
    key = changed_hotel(transaction, hotel_id)
    if device_id is not None:
        _write_device(transaction, key, device_id, own)
    elif room_id is not None:
        _write_room(transaction, key, room_id, own)
    else:
        _write_hotel(transaction, key, own)
    subject = device_id or room_id or hotel_id
    level = "device" if device_id else "room" if room_id else "hotel"
    detail: Detail = {"of": level, **_differences(before.own, own)}
    audit.note(transaction, hotel_id, Deed.POLICY_CHANGED, by=by, subject=subject, now=now, detail=detail)
    return _policy(transaction, hotel_id, room_id=room_id, device_id=device_id)


def _write_hotel(transaction: Transaction, key: int, own: PolicyChanges) -> None:
    transaction.run(
        "UPDATE hotel SET profile = :profile, policy = :policy WHERE key = :hotel",
        profile=_profile(own),
        policy=facts.policy_text(replace(own, profile=UNSET)),
        hotel=key,
    )


def _write_room(transaction: Transaction, key: int, room_id: RoomId, own: PolicyChanges) -> None:
    transaction.run(
        "UPDATE room SET profile = :profile, rssi_floor = :floor, policy = :policy"
        " WHERE hotel_key = :hotel AND id = :room",
        profile=_profile(own),
        floor=None if own.rssi_floor is UNSET else own.rssi_floor,
        policy=facts.policy_text(replace(own, profile=UNSET, rssi_floor=UNSET)),
        hotel=key,
        room=room_id,
    )


def _write_device(transaction: Transaction, key: int, device_id: DeviceId, own: PolicyChanges) -> None:
    transaction.run(
        "UPDATE device SET policy = :policy WHERE hotel_key = :hotel AND id = :device AND retired_at IS NULL",
        policy=facts.policy_text(own),
        hotel=key,
        device=device_id,
    )


def _profile(own: PolicyChanges) -> Profile | None:
    return None if own.profile is UNSET else own.profile


def _differences(before: PolicyChanges, after: PolicyChanges) -> Detail:
    """Of each threshold that is another one now: what it was, and what it is."""
    was, is_ = to_builtins(before), to_builtins(after)
    return {
        name: f"{_word(was.get(name))} → {_word(is_.get(name))}" for name in was | is_ if was.get(name) != is_.get(name)
    }


def _word(value: object) -> str:
    if value is None:
        return "inherited"
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
