"""Replays that people asked for, how far each is and what came of it; and the alerts to hold it against.

Whoever serves people adds a row. One process takes it up (`take_replay`), for as long as it says now and then that it
is still at it; one that was killed leaves it to the next.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Raw, Struct

from rules.alerts import Family, Rule, Severity
from rules.ids import AlertId, DeviceId, HotelId, ReplayId, RoomId
from rules.proposal import OfDevice, Trouble
from store import audit, cursors, facts
from store.audit import Actor, Deed
from store.database import Database
from store.errors import TooManyReplays
from store.records import Page
from store.times import maybe_moment, micros, moment
from store.transaction import Row, Transaction

AT_MOST: Final = 5
"""Replays of one hotel that may wait at once."""

KEPT: Final = timedelta(days=30)
"""What came of one that ended."""

FORSAKEN_AFTER: Final = timedelta(minutes=1)
"""One that nobody has said anything of for so long is taken up anew."""


class Asked(Struct, frozen=True, rename="camel", kw_only=True):
    """A replay that somebody asked for. `done` of `total` are rows; both are 0 until it has begun.

    `request` and `result` are JSON; it has ended with either a result or an error.
    """

    id: ReplayId
    asked_by: str
    asked_at: datetime
    request: Raw
    done: int
    total: int
    finished_at: datetime | None = None
    error: str | None = None
    result: Raw | None = None


class Taken(Struct, frozen=True):
    """A replay that this process is to do."""

    hotel_id: HotelId
    id: ReplayId


_RAISED: Final = """
    SELECT alert.device_key, alert.id, device.id, alert.room_id, alert.family, alert.rule, alert.severity,
        alert.opened_at, alert.resolved_at
    FROM alert JOIN device ON device.key = alert.device_key
    WHERE alert.hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel) AND alert.opened_at < :end
        AND (alert.resolved_at IS NULL OR alert.resolved_at >= :start) AND alert.legacy_id IS NULL AND NOT alert.drill
    ORDER BY alert.opened_at, alert.key
"""
_COLUMNS: Final = "key, id, asked_by, asked_at, request, done, total, finished_at, error"
_OF_HOTEL: Final = "FROM replay WHERE hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel)"


class Replays:
    _database: Database

    async def raised(self, hotel_id: HotelId, *, start: datetime, end: datetime) -> list[OfDevice]:
        """The alerts of tablets that were open at some time in [start, end), the oldest first. None of a drill, or that
        came from the old system.
        """
        rows = await self._database.ask(_RAISED, hotel=hotel_id, start=micros(start), end=micros(end))
        return [(row[0], _trouble(row)) for row in rows]

    async def add_replay(
        self, hotel_id: HotelId, replay_id: ReplayId, request: bytes, *, by: Actor, now: datetime
    ) -> Asked:
        """Ask for a replay. Raises NotFound (hotel), TooManyReplays."""
        return await self._database.write(
            lambda transaction: _add(transaction, hotel_id, replay_id, request=request.decode(), by=by, now=now)
        )

    async def replays(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 50) -> Page[Asked]:
        """Newest first, without their results. Raises BadCursor."""
        before = cursors.LAST if cursor is None else cursors.decode(cursor, cursors.Place)
        limit = cursors.bounded(limit)
        rows = await self._database.ask(
            f"SELECT {_COLUMNS}, NULL {_OF_HOTEL} AND key < :before ORDER BY key DESC LIMIT :limit",
            hotel=hotel_id,
            before=before,
            limit=limit + 1,
        )
        return cursors.page(rows, _asked, limit=limit, place=lambda row: row[0])

    async def replay(self, hotel_id: HotelId, replay_id: ReplayId) -> Asked | None:
        rows = await self._database.ask(
            f"SELECT {_COLUMNS}, result {_OF_HOTEL} AND id = :id",
            hotel=hotel_id,
            id=replay_id,
        )
        return _asked(rows[0]) if rows else None

    async def replays_wait(self) -> bool:
        """Whether any of any hotel has not ended; it is perhaps under way."""
        return bool(await self._database.ask("SELECT 1 FROM replay WHERE finished_at IS NULL LIMIT 1"))

    async def take_replay(self, *, now: datetime) -> Taken | None:
        """Take up the oldest, of any hotel, that nobody is at; None where there is none."""
        return await self._database.write(partial(_take, now=now))

    async def replay_is_at(
        self, hotel_id: HotelId, replay_id: ReplayId, *, done: int, total: int, now: datetime
    ) -> None:
        """Say how far it is, and with that that somebody is at it."""
        await self._database.write_batch(
            partial(_is_at, hotel_id=hotel_id, replay_id=replay_id, done=done, total=total, now=now)
        )

    async def end_replay(
        self,
        hotel_id: HotelId,
        replay_id: ReplayId,
        *,
        result: bytes | None = None,
        error: str | None = None,
        now: datetime,
    ) -> bool:
        """Note what came of it, or why nothing did; False where that is known already."""
        text = None if result is None else result.decode()
        return await self._database.write(
            partial(_end, hotel_id=hotel_id, replay_id=replay_id, result=text, error=error, now=now)
        )


def _add(
    transaction: Transaction, hotel_id: HotelId, replay_id: ReplayId, *, request: str, by: Actor, now: datetime
) -> Asked:
    hotel = facts.hotel_key(transaction, hotel_id)
    transaction.hold("SELECT key FROM hotel WHERE key = :hotel", hotel=hotel)
    waiting = transaction.row(
        "SELECT count(*) FROM replay WHERE hotel_key = :hotel AND finished_at IS NULL", hotel=hotel
    )
    if waiting is not None and waiting[0] >= AT_MOST:
        raise TooManyReplays(f"{AT_MOST} replays wait already")
    transaction.run("DELETE FROM replay WHERE hotel_key = :hotel AND finished_at < :old", hotel=hotel, old=now - KEPT)
    transaction.run(
        "INSERT INTO replay (hotel_key, id, asked_by, asked_at, request, done, total)"
        " VALUES (:hotel, :id, :by, :now, :request, 0, 0)",
        hotel=hotel,
        id=replay_id,
        by=by.name,
        now=now,
        request=request,
    )
    audit.note(transaction, hotel_id, Deed.REPLAY_ASKED, by=by, subject=replay_id, now=now)
    return Asked(id=replay_id, asked_by=by.name, asked_at=now, request=Raw(request.encode()), done=0, total=0)


def _take(transaction: Transaction, *, now: datetime) -> Taken | None:
    transaction.hold_table("replay")
    row = transaction.row(
        "SELECT replay.key, hotel.id, replay.id FROM replay JOIN hotel ON hotel.key = replay.hotel_key"
        " WHERE replay.finished_at IS NULL AND (replay.seen_at IS NULL OR replay.seen_at < :forsaken)"
        " ORDER BY replay.key LIMIT 1",
        forsaken=now - FORSAKEN_AFTER,
    )
    if row is None:
        return None
    transaction.run("UPDATE replay SET seen_at = :now, done = 0, total = 0 WHERE key = :key", now=now, key=row[0])
    return Taken(HotelId(row[1]), ReplayId(row[2]))


def _is_at(
    transaction: Transaction, *, hotel_id: HotelId, replay_id: ReplayId, done: int, total: int, now: datetime
) -> None:
    transaction.run(
        "UPDATE replay SET done = :done, total = :total, seen_at = :now WHERE id = :id AND finished_at IS NULL"
        " AND hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel)",
        done=done,
        total=total,
        now=now,
        id=replay_id,
        hotel=hotel_id,
    )


def _end(
    transaction: Transaction,
    *,
    hotel_id: HotelId,
    replay_id: ReplayId,
    result: str | None,
    error: str | None,
    now: datetime,
) -> bool:
    return bool(
        transaction.run(
            "UPDATE replay SET result = :result, error = :error, finished_at = :now WHERE id = :id"
            " AND finished_at IS NULL AND hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel)",
            result=result,
            error=error,
            now=now,
            id=replay_id,
            hotel=hotel_id,
        )
    )


def _trouble(row: Row) -> Trouble:
    return Trouble(
        id=AlertId(row[1]),
        device_id=DeviceId(row[2]),
        room_id=None if row[3] is None else RoomId(row[3]),
        family=Family(row[4]),
        rule=Rule(row[5]),
        severity=Severity(row[6]),
        opened_at=moment(row[7]),
        ended_at=maybe_moment(row[8]),
    )


def _asked(row: Row) -> Asked:
    return Asked(
        id=ReplayId(row[1]),
        asked_by=row[2],
        asked_at=moment(row[3]),
        request=Raw(row[4].encode()),
        done=row[5],
        total=row[6],
        finished_at=maybe_moment(row[7]),
        error=row[8],
        result=None if row[9] is None else Raw(row[9].encode()),
    )
