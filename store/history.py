"""What was heard: a device's samples down-sampled, the stored messages, what was refused, and orphans."""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Final

from rules.ids import DeviceId, HotelId, MessageId
from store import coarsening, cursors, facts, gathering
from store.database import Database
from store.errors import NotFound
from store.records import HistoryPoint, MessageRow, OrphanRow, Page, QuarantineRow
from store.times import maybe_moment, micros, moment
from store.transaction import Row, Transaction

_PAGE: Final = 1000
_MOST_ORPHANS: Final = 1000

# The other kinds of input were found out or decided here; nobody was promised that they are stored.
_MESSAGES = """
    SELECT message.id, device.id, message.message_id, message.kind, message.received_at, message.ts, message.late
    FROM message JOIN device ON device.key = message.device_key JOIN hotel ON hotel.key = message.hotel_key
    WHERE hotel.id = :hotel AND message.kind IN ('heartbeat', 'report', 'state', 'result')
        AND (CAST(:device AS TEXT) IS NULL OR device.id = :device) AND message.id > :after
    ORDER BY message.id LIMIT :limit
"""

_COUNT = """
    SELECT count(*)
    FROM message JOIN device ON device.key = message.device_key JOIN hotel ON hotel.key = message.hotel_key
    WHERE hotel.id = :hotel AND message.kind IN ('heartbeat', 'report', 'state', 'result')
        AND (CAST(:device AS TEXT) IS NULL OR device.id = :device)
"""

_HISTORY = """
    WITH point (at, id, count, rssi_sum, rssi_count, rssi_min, battery, charging) AS (
        SELECT CASE WHEN at < :start THEN :start ELSE at END, first_id, count, rssi_sum, rssi_count, rssi_min, battery,
            charging
        FROM minute WHERE device_key = :device AND at >= :first_minute AND at < :end
        UNION ALL
        SELECT received_at, id, 1, rssi, CASE WHEN rssi IS NULL THEN 0 ELSE 1 END, rssi, battery, charging
        FROM message WHERE id > :gathered AND device_key = :device AND kind = 'heartbeat' AND NOT late
            AND received_at >= :start AND received_at < :end
    ), placed AS (
        SELECT (at - :start) * :points / (:end - :start) AS slice, * FROM point
    ), latest AS (
        SELECT *,
            first_value(battery) OVER (PARTITION BY slice ORDER BY battery IS NULL, at DESC, id DESC) AS last_battery,
            first_value(charging) OVER (PARTITION BY slice ORDER BY charging IS NULL, at DESC, id DESC) AS last_charging
        FROM placed
    )
    SELECT slice, sum(count), sum(rssi_sum) / nullif(sum(rssi_count), 0), min(rssi_min), max(last_battery),
        max(CASE WHEN last_charging THEN 1 WHEN NOT last_charging THEN 0 END)
    FROM latest GROUP BY slice ORDER BY slice
"""


class History:
    _database: Database

    async def history(
        self, hotel_id: HotelId, device_id: DeviceId, *, start: datetime, end: datetime, points: int
    ) -> list[HistoryPoint]:
        """Live heartbeats received in [start, end) in at most `points` equal slices, oldest first, without the empty
        ones.

        What is older than a minute or two is kept by the minute, and what is older than messages by five minutes; it
        counts for the slice that those begin in.
        Raises NotFound (device), ValueError unless start < end and points ≥ 1.
        """
        if start >= end or points < 1:
            raise ValueError("a history needs a start before its end, and at least one point")
        return await self._database.read(
            lambda transaction: _history(transaction, hotel_id, device_id, start=start, end=end, points=points)
        )

    async def messages(self, hotel_id: HotelId, device_id: DeviceId | None = None) -> AsyncIterator[MessageRow]:
        """What tablets sent and were acknowledged for, in the order in which it counted: one device's or all of the
        hotel's.

        Reads in pages, holds no transaction between them; what is stored meanwhile is included.
        """
        after = 0
        while True:
            page = partial(_messages, hotel_id=hotel_id, device_id=device_id, after=after)
            rows = await self._database.read(page)
            for row in rows:
                yield _message(row)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    async def count_messages(self, hotel_id: HotelId, device_id: DeviceId | None = None) -> int:
        """How many `messages` would give. Looks at each: a second for some millions."""
        rows = await self._database.ask(_COUNT, hotel=hotel_id, device=device_id)
        return int(rows[0][0])

    async def quarantine(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 50) -> Page[QuarantineRow]:
        """Newest first. Raises BadCursor."""
        before = cursors.LAST if cursor is None else cursors.decode(cursor, cursors.Place)
        limit = cursors.bounded(limit)
        rows = await self._database.read(
            lambda transaction: transaction.rows(
                "SELECT id, device_id, topic, reason, detail, head, at FROM quarantine"
                " WHERE hotel_id = :hotel AND id < :before ORDER BY id DESC LIMIT :limit",
                hotel=hotel_id,
                before=before,
                limit=limit + 1,
            )
        )
        return cursors.page(rows, _quarantined, limit=limit, place=lambda row: row[0])

    async def orphans(self, hotel_id: HotelId) -> list[OrphanRow]:
        """Last heard first, at most 1,000."""
        rows = await self._database.read(
            lambda transaction: transaction.rows(
                "SELECT device_id, first_at, last_at, count FROM orphan WHERE hotel_id = :hotel"
                " ORDER BY last_at DESC, device_id LIMIT :limit",
                hotel=hotel_id,
                limit=_MOST_ORPHANS,
            )
        )
        return [
            OrphanRow(device_id=row[0], first_at=moment(row[1]), last_at=moment(row[2]), count=row[3]) for row in rows
        ]


def _history(
    transaction: Transaction, hotel_id: HotelId, device_id: DeviceId, *, start: datetime, end: datetime, points: int
) -> list[HistoryPoint]:
    device = facts.find_device(transaction, hotel_id, device_id)
    if device is None:
        raise NotFound("device", device_id)
    first = micros(start)
    grain = coarsening.FIVE_MINUTES if first < coarsening.coarse_before(transaction) else gathering.MINUTE
    rows = transaction.rows(
        _HISTORY,
        device=device.key,
        start=first,
        end=end,
        first_minute=first - first % grain,
        points=points,
        gathered=gathering.gathered_upto(transaction, device.key),
    )
    span = end - start
    return [
        HistoryPoint(
            at=start + span * row[0] / points,
            count=row[1],
            rssi_avg=row[2],
            rssi_min=row[3],
            battery=row[4],
            charging=None if row[5] is None else bool(row[5]),
        )
        for row in rows
    ]


def _messages(transaction: Transaction, *, hotel_id: HotelId, device_id: DeviceId | None, after: int) -> list[Row]:
    return transaction.rows(_MESSAGES, hotel=hotel_id, device=device_id, after=after, limit=_PAGE)


def _message(row: Row) -> MessageRow:
    return MessageRow(
        device_id=None if row[1] is None else DeviceId(row[1]),
        id=MessageId(row[2]),
        kind=row[3],
        received_at=moment(row[4]),
        ts=maybe_moment(row[5]),
        late=bool(row[6]),
    )


def _quarantined(row: Row) -> QuarantineRow:
    head = bytes(row[5]).decode(errors="backslashreplace")
    return QuarantineRow(
        id=row[0], device_id=row[1], topic=row[2], reason=row[3], detail=row[4], head=head, at=moment(row[6])
    )
