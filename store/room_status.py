"""What the hotel's systems said of its rooms: one row for each room of which anything was said.

The bridge alone writes it, in the transaction that stores the message it came by, so that what is known of a room and
the inputs that say so are never apart. Stays are sealed with a key of the hotel's own, which never leaves the database.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from rules.clearance import Clearance
from rules.ids import HotelId, IntegratorName, MessageId, RoomId
from rules.room_state import RoomSaid, said_of
from rules.room_status import NOTHING_SAID, RoomStatus, RoomWord
from store import events
from store.batch import PmsTaken
from store.database import Database
from store.errors import NotFound
from store.events import Entry
from store.known import Known
from store.records import EventType
from store.records.pms import PmsTold
from store.times import maybe_micros, maybe_moment, micros
from store.transaction import Dialect, Row, Transaction

_COLUMNS: Final = (
    "room_status.occupied, room_status.departs_at, room_status.service, room_status.housekeeping_since,"
    " room_status.stay_ref, room_status.checked_out_at, room_status.changed_at, room_status.changed_by,"
    " room_status.stay_at, room_status.stay_by"
)
_STATUSES: Final = (
    f"SELECT room.id, {_COLUMNS} FROM room JOIN hotel ON hotel.key = room.hotel_key"  # noqa: S608 - ours
    " JOIN room_status ON room_status.room_key = room.key WHERE hotel.id = :hotel"
)
_STATUS: Final = (
    f"SELECT room.id, {_COLUMNS} FROM room JOIN hotel ON hotel.key = room.hotel_key"  # noqa: S608 - ours
    " LEFT JOIN room_status ON room_status.room_key = room.key WHERE hotel.id = :hotel AND room.id = :room"
)
_STORED: Final = (
    "SELECT message.message_id FROM message JOIN hotel ON hotel.key = message.hotel_key"
    " WHERE hotel.id = :hotel AND message.device_key IS NULL"
)
_NAMED: Final = {
    Dialect.SQLITE: f"{_STORED} AND message.message_id IN (SELECT value FROM json_each(:names))",  # noqa: S608 - ours
    Dialect.POSTGRES: f"{_STORED} AND message.message_id = ANY(:names::varchar[])",
}


class RoomStatuses:
    _database: Database

    async def room_status(self, hotel_id: HotelId, room_id: RoomId) -> RoomSaid:
        """Return what the hotel's systems said of a room last. Raises NotFound (room)."""
        rows = await self._database.ask(_STATUS, hotel=hotel_id, room=room_id)
        if not rows:
            raise NotFound("room", room_id)
        return said_of(_status(rows[0]))

    async def stay_key(self, hotel_id: HotelId) -> bytes:
        """Return what the hotel's references of stays are sealed with; made when it is asked for the first time.

        Raises NotFound (hotel).
        """
        rows = await self._database.ask("SELECT hotel.stay_key FROM hotel WHERE hotel.id = :hotel", hotel=hotel_id)
        if rows and rows[0][0] is not None:
            return bytes.fromhex(rows[0][0])
        return await self._database.write(lambda transaction: _make_key(transaction, hotel_id))

    async def known_words(self, hotel_id: HotelId, names: Collection[MessageId]) -> set[MessageId]:
        """Return those of the names of inputs of the whole hotel that are stored."""
        return await self._database.read(lambda transaction: stored_words(transaction, hotel_id, names))


def statuses(transaction: Transaction, hotel_id: HotelId) -> dict[RoomId, RoomStatus]:
    """What is known of a hotel's rooms, without those of which nothing is."""
    rows = transaction.rows(_STATUSES, hotel=hotel_id)
    return {RoomId(row[0]): _status(row) for row in rows}


def status(transaction: Transaction, hotel_id: HotelId, room_id: RoomId) -> RoomStatus:
    """What is known of a room; of one that is not there, nothing."""
    row = transaction.row(_STATUS, hotel=hotel_id, room=room_id)
    return NOTHING_SAID if row is None else _status(row)


def take(transaction: Transaction, taken: PmsTaken, *, known: Known) -> Entry:
    """Write what a hotel system's message changed; the event that tells of it. A room that is gone is left out."""
    hotel_key = known.hotel_key(transaction, taken.hotel_id)
    _write(transaction, hotel_key, taken.rooms)
    if taken.clearance is not None:
        _give(transaction, hotel_key, taken.clearance, by=taken.record.by)
    record = taken.record
    told = PmsTold(record.room_id, record.by)
    return Entry(at=taken.at, type=EventType.PMS_RECEIVED, subject=record.room_id, data=events.encoded(told))


def _write(transaction: Transaction, hotel_key: int, rooms: Mapping[RoomId, RoomStatus]) -> None:
    transaction.many(
        "INSERT INTO room_status (room_key, occupied, departs_at, service, housekeeping_since, stay_ref,"
        " checked_out_at, changed_at, changed_by, stay_at, stay_by)"
        " SELECT room.key, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12"
        " FROM room WHERE room.hotel_key = ?1 AND room.id = ?2"
        " ON CONFLICT (room_key) DO UPDATE SET occupied = excluded.occupied, departs_at = excluded.departs_at,"
        " service = excluded.service, housekeeping_since = excluded.housekeeping_since, stay_ref = excluded.stay_ref,"
        " checked_out_at = excluded.checked_out_at, changed_at = excluded.changed_at, changed_by = excluded.changed_by,"
        " stay_at = excluded.stay_at, stay_by = excluded.stay_by",
        [_row(hotel_key, room_id, status) for room_id, status in rooms.items()],
    )


def _give(transaction: Transaction, hotel_key: int, given: Clearance, *, by: IntegratorName) -> None:
    """What the desk is told, as `store.clearances` reads it."""
    transaction.run(
        "INSERT INTO clearance (room_key, asked_by, at, verdict, body)"
        " SELECT room.key, CAST(:by AS varchar), CAST(:at AS bigint), CAST(:verdict AS varchar), CAST(:body AS text)"
        " FROM room WHERE room.hotel_key = :hotel AND room.id = :room",
        hotel=hotel_key,
        room=given.room_id,
        by=by,
        at=micros(given.at),
        verdict=given.verdict.value,
        body=msgspec.json.encode(given).decode(),
    )


def _row(hotel_key: int, room_id: RoomId, status: RoomStatus) -> Row:
    return (
        hotel_key,
        room_id,
        status.occupied,
        maybe_micros(status.departs_at),
        status.service,
        maybe_micros(status.housekeeping_since),
        status.stay_ref,
        maybe_micros(status.checked_out_at),
        0 if status.changed_at is None else micros(status.changed_at),
        status.changed_by or "",
        maybe_micros(status.stay_at),
        status.stay_by,
    )


def _status(row: Row) -> RoomStatus:
    """Of a row that begins with the room's id."""
    if row[7] is None:
        return NOTHING_SAID
    return RoomStatus(
        occupied=None if row[1] is None else bool(row[1]),
        departs_at=maybe_moment(row[2]),
        service=None if row[3] is None else RoomWord(row[3]),
        housekeeping_since=maybe_moment(row[4]),
        stay_ref=row[5],
        checked_out_at=maybe_moment(row[6]),
        changed_at=maybe_moment(row[7]),
        changed_by=IntegratorName(row[8]),
        stay_at=maybe_moment(row[9]),
        stay_by=None if row[10] is None else IntegratorName(row[10]),
    )


def _make_key(transaction: Transaction, hotel_id: HotelId) -> bytes:
    row = transaction.row(
        "UPDATE hotel SET stay_key = coalesce(stay_key, :key) WHERE id = :hotel RETURNING stay_key",
        hotel=hotel_id,
        key=secrets.token_hex(32),
    )
    if row is None:
        raise NotFound("hotel", hotel_id)
    return bytes.fromhex(row[0])


def stored_words(transaction: Transaction, hotel_id: HotelId, names: Iterable[MessageId]) -> set[MessageId]:
    """Those of the names of inputs of the whole hotel that are stored."""
    listed = list(names)
    in_postgres = transaction.dialect is Dialect.POSTGRES
    rows = transaction.rows(
        _NAMED[transaction.dialect],
        hotel=hotel_id,
        names=listed if in_postgres else msgspec.json.encode(listed).decode(),
    )
    return {MessageId(row[0]) for row in rows}
