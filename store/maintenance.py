"""Maintenance windows: when trouble is expected, and where."""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from rules.ids import HotelId, RoomId, WindowId
from rules.policy import Window
from store import audit, cursors
from store.audit import Actor, Deed, Detail
from store.database import Database
from store.errors import NotFound, NoWindow, TooManyWindows
from store.records import MaintenanceWindow, NewWindow, Page
from store.revisions import changed_hotel
from store.times import maybe_moment, moment
from store.transaction import Row, Transaction

AT_MOST: Final = 50
"""Windows of a hotel that are not over: more are a mistake, or a schedule that wants a policy."""

LONGEST: Final = timedelta(days=31)
"""A window that somebody forgot leaves nobody without alarms for ever."""

AHEAD: Final = timedelta(days=3_650)
"""How far off one may begin."""

_KEPT_IN_MEMORY: Final = 2 * AT_MOST
"""Of those that end last: all that are not over, and more than a day's worth of those that are."""

_WINDOWS = (
    "SELECT maintenance.key, maintenance.id, room.id, maintenance.floor, maintenance.starts_at, maintenance.ends_at,"
    " maintenance.reason, maintenance.created_by, maintenance.created_at, maintenance.ended_at"
    " FROM maintenance JOIN hotel ON hotel.key = maintenance.hotel_key"
    " LEFT JOIN room ON room.key = maintenance.room_key AND room.hotel_key = hotel.key"
)


class Maintenance:
    _database: Database

    async def add_window(
        self,
        hotel_id: HotelId,
        window_id: WindowId,
        asked: NewWindow,
        *,
        by: Actor,
        now: datetime,
    ) -> MaintenanceWindow:
        """Expect trouble somewhere for a while. None begins before now: what was told was told.

        Raises NotFound (hotel, room, floor), TooManyWindows, NoWindow.
        """
        begins = now if asked.starts_at is None else max(asked.starts_at, now)
        if asked.ends_at <= begins or asked.ends_at - begins > LONGEST:
            raise NoWindow(f"a maintenance window ends after it begins, and after now, by {LONGEST.days} days at most")
        if begins - now > AHEAD:
            raise NoWindow(f"a maintenance window begins within {AHEAD.days} days")
        window = MaintenanceWindow(
            id=window_id,
            room_id=asked.room_id,
            floor=None if asked.room_id is not None else asked.floor,
            starts_at=begins.astimezone(UTC),
            ends_at=asked.ends_at.astimezone(UTC),
            reason=asked.reason,
            created_by=by.shown,
            created_at=now,
        )
        await self._database.write(lambda transaction: _add(transaction, hotel_id, window, by=by, now=now))
        return window

    async def end_window(
        self, hotel_id: HotelId, window_id: WindowId, *, by: Actor, now: datetime
    ) -> MaintenanceWindow:
        """End one that runs, or withdraw one that is to come, and return it. One that is over stays as it is.

        Raises NotFound.
        """
        return await self._database.write(lambda transaction: _end(transaction, hotel_id, window_id, by=by, now=now))

    async def maintenance(
        self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 50
    ) -> Page[MaintenanceWindow]:
        """All windows that there ever were, the newest first. Raises BadCursor."""
        before = cursors.LAST if cursor is None else cursors.decode(cursor, cursors.Place)
        return await self._database.read(lambda transaction: _page(transaction, hotel_id, before=before, limit=limit))


def windows(transaction: Transaction, hotel_id: HotelId) -> tuple[Window, ...]:
    """What the rules go by: those to come, those that run, and the last ones that are over."""
    rows = transaction.rows(
        f"{_WINDOWS} WHERE hotel.id = :hotel ORDER BY coalesce(maintenance.ended_at, maintenance.ends_at) DESC,"
        " maintenance.key LIMIT :limit",
        hotel=hotel_id,
        limit=_KEPT_IN_MEMORY,
    )
    found = [_window(row) for row in rows]
    return tuple(
        Window(
            id=one.id,
            starts_at=one.starts_at,
            ends_at=one.ended_at or one.ends_at,
            room_id=one.room_id,
            floor=one.floor,
        )
        for one in found
        if one.ended_at is None or one.ended_at > one.starts_at
    )


def _add(transaction: Transaction, hotel_id: HotelId, window: MaintenanceWindow, *, by: Actor, now: datetime) -> None:
    key = changed_hotel(transaction, hotel_id)
    row = transaction.row(
        "SELECT count(*) FROM maintenance WHERE hotel_key = :hotel AND ended_at IS NULL AND ends_at > :now",
        hotel=key,
        now=now,
    )
    if row is not None and row[0] >= AT_MOST:
        raise TooManyWindows(f"the hotel has {AT_MOST} maintenance windows that are not over, and may have no more")
    transaction.run(
        "INSERT INTO maintenance (hotel_key, id, floor, room_key, starts_at, ends_at, reason, created_by, created_at)"
        " VALUES (:hotel, :id, :floor, :room, :starts_at, :ends_at, :reason, :by, :now)",
        hotel=key,
        id=window.id,
        floor=window.floor,
        room=_place(transaction, key, room_id=window.room_id, floor=window.floor),
        starts_at=window.starts_at,
        ends_at=window.ends_at,
        reason=window.reason,
        by=window.created_by,
        now=now,
    )
    detail: Detail = {
        "roomId": window.room_id,
        "floor": window.floor,
        "startsAt": window.starts_at.isoformat(),
        "endsAt": window.ends_at.isoformat(),
    }
    audit.note(transaction, hotel_id, Deed.MAINTENANCE_ADDED, by=by, subject=window.id, now=now, detail=detail)


def _place(transaction: Transaction, hotel_key: int, *, room_id: RoomId | None, floor: str | None) -> int | None:
    """The room's key. Raises NotFound for a room or a floor that is not there."""
    if room_id is not None:
        row = transaction.row("SELECT key FROM room WHERE hotel_key = :hotel AND id = :id", hotel=hotel_key, id=room_id)
        if row is None:
            raise NotFound("room", room_id)
        return int(row[0])
    if floor is not None and not transaction.row(
        "SELECT 1 FROM room WHERE hotel_key = :hotel AND floor = :floor LIMIT 1", hotel=hotel_key, floor=floor
    ):
        raise NotFound("floor", floor)
    return None


def _end(
    transaction: Transaction, hotel_id: HotelId, window_id: WindowId, *, by: Actor, now: datetime
) -> MaintenanceWindow:
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    row = transaction.row(
        f"{_WINDOWS} WHERE hotel.id = :hotel AND maintenance.id = :window", hotel=hotel_id, window=window_id
    )
    if row is None:
        raise NotFound("maintenance window", window_id)
    window = _window(row)
    if window.ended_at is not None or window.ends_at <= now:
        return window
    key = changed_hotel(transaction, hotel_id)
    transaction.run(
        "UPDATE maintenance SET ended_at = :now WHERE hotel_key = :hotel AND id = :window",
        now=now,
        hotel=key,
        window=window_id,
    )
    audit.note(transaction, hotel_id, Deed.MAINTENANCE_ENDED, by=by, subject=window_id, now=now)
    return replace(window, ended_at=now)


def _page(transaction: Transaction, hotel_id: HotelId, *, before: int, limit: int) -> Page[MaintenanceWindow]:
    limit = cursors.bounded(limit)
    rows = transaction.rows(
        f"{_WINDOWS} WHERE hotel.id = :hotel AND maintenance.key < :before ORDER BY maintenance.key DESC LIMIT :limit",
        hotel=hotel_id,
        before=before,
        limit=limit + 1,
    )
    return cursors.page(rows, _window, limit=limit, place=lambda row: row[0])


def _window(row: Row) -> MaintenanceWindow:
    return MaintenanceWindow(
        id=WindowId(row[1]),
        room_id=None if row[2] is None else RoomId(row[2]),
        floor=row[3],
        starts_at=moment(row[4]),
        ends_at=moment(row[5]),
        reason=row[6],
        created_by=row[7],
        created_at=moment(row[8]),
        ended_at=maybe_moment(row[9]),
    )
