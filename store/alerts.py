"""Alerts for those who look at them; what they answer is in `store.answers`."""

import msgspec

from rules.alerts import AlertSnapshot, AlertStatus
from rules.ids import AlertId, HotelId
from store import cursors
from store.database import Database
from store.events import NoticeOutcome
from store.records import AnsweredAlert, EventType, Page, TimelineEntry
from store.snapshots import COLUMNS, reasons, snapshot
from store.times import moment
from store.transaction import Row, Transaction

_ALERTS = f"SELECT {COLUMNS} FROM alert WHERE hotel_key = (SELECT key FROM hotel WHERE id = :hotel)"  # noqa: S608 - ours

_NEWEST = (cursors.LAST, cursors.LAST)


_alerts = msgspec.json.Decoder(AnsweredAlert)
_told = msgspec.json.Decoder(NoticeOutcome)


class Alerts:
    _database: Database

    async def alerts(
        self, hotel_id: HotelId, *, status: AlertStatus | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[AlertSnapshot]:
        """Newest first. Raises BadCursor."""
        before = _NEWEST if cursor is None else cursors.decode(cursor, tuple[cursors.Place, cursors.Place])
        return await self._database.read(
            lambda transaction: _page(transaction, hotel_id, status=status, before=before, limit=limit)
        )

    async def open_alerts(self, hotel_id: HotelId) -> list[AlertSnapshot]:
        """Every open one, oldest first: what the bridge republishes at its start."""
        sql = _ALERTS + " AND alert.status = 'open' ORDER BY alert.opened_at, alert.key"
        rows = await self._database.ask(sql, hotel=hotel_id)
        return [snapshot(row) for row in rows]

    async def alert(self, hotel_id: HotelId, alert_id: AlertId) -> AlertSnapshot | None:
        rows = await self._database.ask(_ALERTS + " AND alert.id = :alert", hotel=hotel_id, alert=alert_id)
        return snapshot(rows[0]) if rows else None

    async def timeline(self, hotel_id: HotelId, alert_id: AlertId) -> list[TimelineEntry]:
        """The alert's life in order; empty if the hotel has no such alert."""
        return await self._database.read(lambda transaction: _timeline(transaction, hotel_id, alert_id))


def _page(
    transaction: Transaction,
    hotel_id: HotelId,
    *,
    status: AlertStatus | None,
    before: tuple[int, int],
    limit: int,
) -> Page[AlertSnapshot]:
    limit = cursors.bounded(limit)
    # As words, not as parameters: a partial index is used only where the planner sees its condition.
    wanted = {
        None: "",
        AlertStatus.OPEN: " AND alert.status = 'open'",
        AlertStatus.RESOLVED: " AND alert.status = 'resolved'",
    }[status]
    rows = transaction.rows(
        _ALERTS + wanted + " AND (alert.opened_at, alert.key) < (:opened_at, :key)"
        " ORDER BY alert.opened_at DESC, alert.key DESC LIMIT :limit",
        hotel=hotel_id,
        opened_at=before[0],
        key=before[1],
        limit=limit + 1,
    )
    return cursors.page(rows, snapshot, limit=limit, place=lambda row: (row[9], row[0]))


def _timeline(transaction: Transaction, hotel_id: HotelId, alert_id: AlertId) -> list[TimelineEntry]:
    rows = transaction.rows(
        "SELECT event.id, event.at, event.type, event.data, event.why FROM event"
        " JOIN alert ON alert.key = event.alert_key JOIN hotel ON hotel.key = alert.hotel_key"
        " WHERE hotel.id = :hotel AND alert.id = :alert ORDER BY event.id",
        hotel=hotel_id,
        alert=alert_id,
    )
    return [_entry(row) for row in rows]


def _entry(row: Row) -> TimelineEntry:
    id_, at, type_ = row[0], moment(row[1]), EventType(row[2])
    if type_ in {EventType.NOTIFICATION_SENT, EventType.NOTIFICATION_DEAD}:
        told = _told.decode(row[3])
        return TimelineEntry(id=id_, at=at, type=type_, channel=told.channel, notice=told.kind, error=told.error)
    alert = _alerts.decode(row[3])
    # One that was written before answers said who gave them.
    old = alert.acknowledged if type_ is EventType.ALERT_ACKNOWLEDGED and alert.by is None else None
    return TimelineEntry(
        id=id_,
        at=at,
        type=type_,
        rule=alert.rule,
        severity=alert.severity,
        why=() if row[4] is None else reasons(row[4]),
        by=alert.by if old is None else old.by,
        note=alert.note if old is None else old.note,
        assignee=alert.assignee if type_ is EventType.ALERT_ASSIGNED else None,
        until=alert.snoozed_until if type_ is EventType.ALERT_SNOOZED else None,
    )
