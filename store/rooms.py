"""Rooms, and who lives in them. Each change raises the hotel's revision and is in the audit."""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from operator import itemgetter

import msgspec
from msgspec import UNSET
from msgspec.structs import asdict, replace

from rules.ids import DeviceId, HotelId, RoomId
from store import audit, cursors, facts
from store.audit import Actor, Deed
from store.database import Database
from store.errors import Exists, NotFound
from store.records import Page, Room, RoomChanges
from store.revisions import changed_hotel
from store.times import micros
from store.transaction import Transaction


class Rooms:
    _database: Database

    async def add_room(self, hotel_id: HotelId, room: Room, *, by: Actor, now: datetime) -> None:
        """Raises NotFound (hotel), Exists."""
        await self._database.write(lambda transaction: put_room(transaction, hotel_id, room, by=by, now=now))

    async def change_room(
        self, hotel_id: HotelId, room_id: RoomId, changes: RoomChanges, *, by: Actor, now: datetime
    ) -> Room:
        """Change a room and return it as it is now. Raises NotFound."""
        return await self._database.write(
            lambda transaction: change_room(transaction, hotel_id, room_id, changes, by=by, now=now)
        )

    async def room(self, hotel_id: HotelId, room_id: RoomId) -> Room | None:
        return await self._database.read(lambda transaction: facts.room(transaction, hotel_id, room_id))

    async def rooms(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 100) -> Page[Room]:
        """In order of id. Raises BadCursor."""
        after = "" if cursor is None else cursors.decode(cursor, str)
        return await self._database.read(
            lambda transaction: facts.rooms(transaction, hotel_id, after=after, limit=limit)
        )

    async def residents(self, hotel_id: HotelId, *, first: RoomId, last: RoomId) -> dict[RoomId, tuple[DeviceId, ...]]:
        """Return the tablets, without the retired, of the rooms from `first` to `last` in order of id.

        A room without any is left out.
        """
        return await self._database.read(lambda transaction: _residents(transaction, hotel_id, first=first, last=last))


def _residents(
    transaction: Transaction, hotel_id: HotelId, *, first: RoomId, last: RoomId
) -> dict[RoomId, tuple[DeviceId, ...]]:
    rows = transaction.rows(
        "SELECT room.id, device.id FROM hotel JOIN room ON room.hotel_key = hotel.key"
        " JOIN device ON device.room_key = room.key"
        " WHERE hotel.id = :hotel AND room.id BETWEEN :first AND :last AND device.retired_at IS NULL"
        " ORDER BY room.id, device.id",
        hotel=hotel_id,
        first=first,
        last=last,
    )
    return {
        RoomId(room_id): tuple(DeviceId(row[1]) for row in devices)
        for room_id, devices in groupby(rows, key=itemgetter(0))
    }


def put_room(transaction: Transaction, hotel_id: HotelId, room: Room, *, by: Actor, now: datetime) -> None:
    key = changed_hotel(transaction, hotel_id)
    if transaction.row("SELECT 1 FROM room WHERE hotel_key = :hotel AND id = :id", hotel=key, id=room.id):
        raise Exists("room", room.id)
    insert_rooms(transaction, key, [room], now=now)
    audit.note(transaction, hotel_id, Deed.ROOM_ADDED, by=by, subject=room.id, now=now)


def change_room(
    transaction: Transaction, hotel_id: HotelId, room_id: RoomId, changes: RoomChanges, *, by: Actor, now: datetime
) -> Room:
    key = changed_hotel(transaction, hotel_id)
    before = facts.room(transaction, hotel_id, room_id)
    if before is None:
        raise NotFound("room", room_id)
    given = {name: value for name, value in asdict(changes).items() if value is not UNSET}
    room = replace(before, **given)
    transaction.run(
        "UPDATE room SET name = :name, floor = :floor, access_points = :access_points, rssi_floor = :rssi_floor,"
        " profile = :profile, zone = :zone WHERE hotel_key = :hotel AND id = :room",
        name=room.name,
        floor=room.floor,
        access_points=msgspec.json.encode(room.access_points).decode(),
        rssi_floor=room.rssi_floor,
        profile=room.profile,
        zone=room.zone,
        hotel=key,
        room=room_id,
    )
    detail = {"changed": ", ".join(sorted(given))}
    audit.note(transaction, hotel_id, Deed.ROOM_CHANGED, by=by, subject=room_id, now=now, detail=detail)
    return room


def insert_rooms(transaction: Transaction, key: int, rooms: Iterable[Room], *, now: datetime) -> None:
    transaction.many(
        "INSERT INTO room (hotel_key, id, name, floor, access_points, rssi_floor, profile, zone, policy, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                key,
                room.id,
                room.name,
                room.floor,
                msgspec.json.encode(room.access_points).decode(),
                room.rssi_floor,
                room.profile,
                room.zone,
                facts.policy_text(room.policy),
                micros(now),
            )
            for room in rooms
        ],
    )
