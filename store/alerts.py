"""Alerts for those who look at them and answer them: reading, and the response side of the row."""

from datetime import datetime

import msgspec

from rules.alerts import AlertSnapshot, AlertStatus
from rules.ids import AlertId, HotelId
from store import audit, cursors, events
from store.audit import Actor, Deed
from store.database import Database
from store.errors import AlertGone, AlreadyAcknowledged, NotFound
from store.events import NoticeOutcome
from store.records import EventType, Page, TimelineEntry
from store.snapshots import COLUMNS, reasons, snapshot
from store.times import moment
from store.transaction import Row, Transaction

_ALERTS = f"SELECT {COLUMNS} FROM alert WHERE hotel_key = (SELECT key FROM hotel WHERE id = :hotel)"  # noqa: S608 - ours

_NEWEST = (cursors.LAST, cursors.LAST)


_alerts = msgspec.json.Decoder(AlertSnapshot)
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

    async def acknowledge(
        self, hotel_id: HotelId, alert_id: AlertId, *, by: Actor, note: str | None, now: datetime
    ) -> AlertSnapshot:
        """First wins: compare-and-swap, with the event alert.acknowledged in the same transaction.

        Raises AlreadyAcknowledged, AlertGone (resolved), NotFound (alert), DataRefused, StoreUnavailable.
        """
        return await self._database.write(
            lambda transaction: _acknowledge(transaction, hotel_id, alert_id, by=by, note=note, now=now)
        )


def _row(transaction: Transaction, hotel_id: HotelId, alert_id: AlertId) -> Row | None:
    return transaction.row(_ALERTS + " AND alert.id = :alert", hotel=hotel_id, alert=alert_id)


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
    answer = alert.acknowledged if type_ is EventType.ALERT_ACKNOWLEDGED else None
    return TimelineEntry(
        id=id_,
        at=at,
        type=type_,
        rule=alert.rule,
        severity=alert.severity,
        why=() if row[4] is None else reasons(row[4]),
        by=None if answer is None else answer.by,
        note=None if answer is None else answer.note,
    )


def _acknowledge(
    transaction: Transaction, hotel_id: HotelId, alert_id: AlertId, *, by: Actor, note: str | None, now: datetime
) -> AlertSnapshot:
    row = transaction.row(
        "UPDATE alert SET acknowledged_by = :by, acknowledged_at = :now, acknowledged_note = :note,"  # noqa: S608
        " revision = revision + 1"
        " WHERE hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel) AND id = :alert"
        f" AND status = 'open' AND acknowledged_by IS NULL RETURNING {COLUMNS}",
        by=by.shown,
        now=now,
        note=note,
        hotel=hotel_id,
        alert=alert_id,
    )
    if row is None:
        raise _refusal(transaction, hotel_id, alert_id)
    alert = snapshot(row)
    audit.note(transaction, hotel_id, Deed.ALERT_ACKNOWLEDGED, by=by, subject=alert_id, now=now)
    entry = events.of_alert(EventType.ALERT_ACKNOWLEDGED, alert, key=row[0], at=now)
    events.append(transaction, hotel_id, [entry])
    return alert


def _refusal(transaction: Transaction, hotel_id: HotelId, alert_id: AlertId) -> Exception:
    row = _row(transaction, hotel_id, alert_id)
    if row is None:
        return NotFound("alert", alert_id)
    alert = snapshot(row)
    if alert.status is AlertStatus.RESOLVED or alert.acknowledged is None:
        return AlertGone(f"alert {alert_id} is resolved")
    return AlreadyAcknowledged(by=alert.acknowledged.by, at=alert.acknowledged.at)
