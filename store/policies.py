"""Policy: what a hotel, a room or a tablet decides, and what it comes to.

Of a hotel the profile, of a room the profile and the floor are columns of their own; here they are part of the level
like all else. Each change raises the hotel's revision, by which the bridge takes it up within about a second.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from msgspec import UNSET, Struct, to_builtins
from msgspec.structs import replace

from rules.ids import DeviceId, HotelId, RoomId
from rules.place import own_policy
from rules.policy import PolicyChanges, Profile, merged, resolve
from rules.thresholds import THRESHOLDS
from store import audit, facts, lives
from store.audit import Actor, Deed, Detail
from store.database import Database
from store.errors import NotFound, SeenOtherwise
from store.records import Hotel, LevelPolicy, Room
from store.revisions import changed_hotel
from store.transaction import Transaction

_OF_ROOM: Final = frozenset({"profile", "rssi_floor"})
"""What is of a room's policy and may be changed as the room's own, in the audit's words."""

_AMONG: Final = 50
"""Lines of the audit about one subject among which the last one about its policy is looked for."""


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
        if_revision: str | None = None,
        by: Actor,
        now: datetime,
    ) -> LevelPolicy:
        """Let a level decide just this, and return it. A hotel's profile and a room's floor, left out, stay.

        A hotel always has a profile, and a room whose floor is gone is not calibrated, which nobody does in passing
        (`change_policy` does, by the name). Raises NotFound, SeenOtherwise.
        """
        stays = "rssi_floor" if room_id is not None else "profile" if device_id is None else None
        return await self._database.write(
            lambda transaction: _change(
                transaction,
                _Level(hotel_id, room_id, device_id),
                lambda before: changes if stays is None else _with(changes, stays, before),
                if_revision=if_revision,
                by=by,
                now=now,
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
        if_revision: str | None = None,
        by: Actor,
        now: datetime,
    ) -> LevelPolicy:
        """Change the thresholds that are named alone, and return the level: `unset` are inherited again.

        A hotel's profile stays even so. Raises NotFound, SeenOtherwise.
        """
        of_hotel = room_id is None and device_id is None
        inherited = dict.fromkeys((name for name in unset if not (of_hotel and name == "profile")), UNSET)
        return await self._database.write(
            lambda transaction: _change(
                transaction,
                _Level(hotel_id, room_id, device_id),
                lambda before: replace(merged(before, changes), **inherited),
                if_revision=if_revision,
                by=by,
                now=now,
            )
        )


class _Level(Struct, frozen=True):
    """A tablet, a room, or (neither) the hotel."""

    hotel_id: HotelId
    room_id: RoomId | None
    device_id: DeviceId | None

    @property
    def subject(self) -> str:
        return self.device_id or self.room_id or self.hotel_id

    @property
    def word(self) -> str:
        return "device" if self.device_id else "room" if self.room_id else "hotel"


def _with(changes: PolicyChanges, name: str, before: PolicyChanges) -> PolicyChanges:
    return changes if getattr(changes, name) is not UNSET else replace(changes, **{name: getattr(before, name)})


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
    level: _Level,
    change: Callable[[PolicyChanges], PolicyChanges],
    *,
    if_revision: str | None,
    by: Actor,
    now: datetime,
) -> LevelPolicy:
    hotel_id, room_id, device_id = level.hotel_id, level.room_id, level.device_id
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    before = _policy(transaction, hotel_id, room_id=room_id, device_id=device_id)
    if if_revision is not None and if_revision != before.revision:
        raise _changed_since(transaction, level)
    own = change(before.own)
    if own == before.own:
        return before
    key = changed_hotel(transaction, hotel_id)
    if device_id is not None:
        _write_device(transaction, key, device_id, own)
    elif room_id is not None:
        _write_room(transaction, key, room_id, own)
    else:
        _write_hotel(transaction, key, own)
    detail: Detail = {"of": level.word, **_differences(before.own, own)}
    audit.note(transaction, hotel_id, Deed.POLICY_CHANGED, by=by, subject=level.subject, now=now, detail=detail)
    return _policy(transaction, hotel_id, room_id=room_id, device_id=device_id)


def _changed_since(transaction: Transaction, level: _Level) -> SeenOtherwise:
    """Who changed it last, and when: a room's profile and floor are changed as the room's, too."""
    deeds = (Deed.POLICY_CHANGED, Deed.ROOM_CHANGED)
    for line in audit.latest(transaction, level.hotel_id, subject=level.subject, deeds=deeds, limit=_AMONG):
        changed = str(line.detail.get("changed", "")).split(", ")
        if line.detail.get("of") == level.word or (
            level.room_id is not None and line.deed == Deed.ROOM_CHANGED and not _OF_ROOM.isdisjoint(changed)
        ):
            return SeenOtherwise("the policy", by=line.by, at=line.at)
    return SeenOtherwise("the policy")


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
        name: f"{_word(name, was.get(name))} → {_word(name, is_.get(name))}"
        for name in was | is_
        if was.get(name) != is_.get(name)
    }


def _word(name: str, value: object) -> str:
    return "inherited" if value is None else THRESHOLDS[name].shown(value)
