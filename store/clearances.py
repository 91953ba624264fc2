"""What the desk was told of rooms at check-outs, and how a room's tablets are now."""

from datetime import datetime
from typing import Final

import msgspec

from rules.clearance import Clearance, InRoom
from rules.ids import DeviceId, HotelId, RoomId
from rules.place import own_policy
from rules.policy import PolicyChanges, merged, resolve
from store import cursors, facts, states
from store.database import Database
from store.errors import NotFound
from store.records import Page
from store.records.pms import ClearanceGiven
from store.times import micros
from store.transaction import Row, Transaction

_GIVEN: Final = (
    "SELECT clearance.key, clearance.asked_by, clearance.body FROM clearance"
    " JOIN room ON room.key = clearance.room_key JOIN hotel ON hotel.key = room.hotel_key WHERE hotel.id = :hotel"
)
_decode = msgspec.json.Decoder(Clearance).decode


class Clearances:
    _database: Database

    async def clearances(
        self, hotel_id: HotelId, room_id: RoomId | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> Page[ClearanceGiven]:
        """Return those that were given, newest first, of a room or of all. Raises BadCursor."""
        before = cursors.LAST if cursor is None else cursors.decode(cursor, cursors.Place)
        return await self._database.read(
            lambda transaction: _page(transaction, hotel_id, room_id, before=before, limit=limit)
        )

    async def clearance_told(self, hotel_id: HotelId, room_id: RoomId, *, at: datetime) -> Clearance | None:
        """Return the one of a room that was given at that moment, and so with the event of that moment; None: none."""
        given = f"{_GIVEN} AND room.id = :room AND clearance.at = :at ORDER BY clearance.key DESC LIMIT 1"
        rows = await self._database.ask(given, hotel=hotel_id, room=room_id, at=micros(at))
        return _given(rows[0]).clearance if rows else None

    async def tablets_of_room(self, hotel_id: HotelId, room_id: RoomId) -> list[InRoom]:
        """Return a room's tablets as they are now, in order of id. Raises NotFound (room)."""
        return await self._database.read(lambda transaction: _tablets(transaction, hotel_id, room_id))


def _page(
    transaction: Transaction, hotel_id: HotelId, room_id: RoomId | None, *, before: int, limit: int
) -> Page[ClearanceGiven]:
    limit = cursors.bounded(limit)
    of_room = "" if room_id is None else " AND room.id = :room"
    rows = transaction.rows(
        f"{_GIVEN}{of_room} AND clearance.key < :before ORDER BY clearance.key DESC LIMIT :limit",
        hotel=hotel_id,
        before=before,
        limit=limit + 1,
        **({} if room_id is None else {"room": room_id}),
    )
    return cursors.page(rows, _given, limit=limit, place=lambda row: row[0])


def _given(row: Row) -> ClearanceGiven:
    return ClearanceGiven(asked_by=row[1], clearance=_decode(row[2]))


def _tablets(transaction: Transaction, hotel_id: HotelId, room_id: RoomId) -> list[InRoom]:
    room = facts.room(transaction, hotel_id, room_id)
    if room is None:
        raise NotFound("room", room_id)
    hotel = facts.hotel(transaction, hotel_id)
    above = merged(hotel.policy, PolicyChanges(profile=hotel.profile)), own_policy(room)
    rows = transaction.rows(
        "SELECT device.key, device.id, device_state.state, device.policy"
        " FROM device JOIN hotel ON hotel.key = device.hotel_key JOIN room ON room.key = device.room_key"
        " LEFT JOIN device_state ON device_state.device_key = device.key"
        " WHERE hotel.id = :hotel AND room.id = :room AND device.retired_at IS NULL ORDER BY device.id",
        hotel=hotel_id,
        room=room_id,
    )
    heard = states.latest_of(transaction, hotel_id, [row[0] for row in rows])
    return [
        InRoom(DeviceId(row[1]), states.read(row[2], heard.get(row[0])), resolve(*above, facts.policy(row[3])))
        for row in rows
    ]
