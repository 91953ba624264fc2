"""A hotel's ordered history: adding to it, inside the transaction that made it; and following it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from rules.alerts import AlertSnapshot, Reason
from rules.ids import AlertId, HotelId, IncidentId
from store import cursors
from store.batch import StatusChange
from store.database import Database
from store.errors import NotFound
from store.records import ChannelKind, Event, EventBounds, EventType, NoticeKind, Recorded
from store.times import micros, moment
from store.transaction import Row, Transaction

_ENCODER = msgspec.json.Encoder()

_AFTER = (
    "SELECT event.id, event.at, event.type, event.subject, event.data FROM event"
    " WHERE event.hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel) AND event.id > :after"
    " ORDER BY event.id LIMIT :limit"
)


class Entry(Struct, frozen=True, kw_only=True):
    """An event that has no id yet. `why` are the reasons of this change, for the alert's timeline alone."""

    at: datetime
    type: EventType
    subject: str
    data: msgspec.Raw
    alert_key: int | None = None
    why: tuple[Reason, ...] = ()


class NoticeOutcome(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The data of notification.* events: of an alert or of an incident. `error` is why it is dead."""

    channel: ChannelKind
    kind: NoticeKind
    alert_id: AlertId | None = None
    incident_id: IncidentId | None = None
    error: str | None = None


def encoded(data: object) -> msgspec.Raw:
    return msgspec.Raw(_ENCODER.encode(data))


COLUMNS: Final = {"at": "bigint", "type": "varchar", "subject": "varchar", "why": "text", "data": "text"}
"""What an entry says by itself, with PostgreSQL's types."""


def row_of(entry: Entry) -> Row:
    """In the order of `COLUMNS`."""
    why = _ENCODER.encode(entry.why).decode() if entry.why else None
    return (micros(entry.at), entry.type.value, entry.subject, why, bytes(entry.data).decode())


def of_status(status: StatusChange, *, at: datetime) -> Entry:
    subject = status.snapshot.device_id
    return Entry(at=at, type=EventType.DEVICE_STATUS, subject=subject, data=encoded(status.snapshot))


def of_alert(
    type_: EventType, alert: AlertSnapshot, *, key: int | None = None, at: datetime, why: tuple[Reason, ...] = ()
) -> Entry:
    return Entry(at=at, type=type_, subject=alert.id, data=encoded(alert), alert_key=key, why=why)


def append(transaction: Transaction, hotel_id: HotelId, entries: Iterable[Entry]) -> tuple[Recorded, ...]:
    """Give the entries the hotel's next ids, in order.

    Do it last in the transaction, hotels in order of id: from here to the commit the hotel's row is locked against
    other writers, which is what makes the ids gapless and their order that of the commits.
    """
    entries = tuple(entries)
    if not entries:
        return ()
    row = transaction.row(
        "UPDATE hotel SET last_event_id = last_event_id + :count WHERE id = :hotel RETURNING key, last_event_id",
        count=len(entries),
        hotel=hotel_id,
    )
    if row is None:
        raise NotFound("hotel", hotel_id)
    hotel_key, last = row
    before = last - len(entries)
    transaction.many(
        "INSERT INTO event (hotel_key, id, alert_key, at, type, subject, why, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (hotel_key, event_id, entry.alert_key, *row_of(entry))
            for event_id, entry in enumerate(entries, start=before + 1)
        ],
    )
    return recorded(transaction, hotel_id, entries, before=before)


def recorded(
    transaction: Transaction, hotel_id: HotelId, entries: Iterable[Entry], *, before: int
) -> tuple[Recorded, ...]:
    """Say that the transaction adds these, with the ids before + 1, before + 2, …; and return them as events."""
    added = tuple(
        Recorded(hotel_id, Event(event_id, entry.at, entry.type, entry.subject, entry.data))
        for event_id, entry in enumerate(entries, start=before + 1)
    )
    transaction.news = True
    transaction.recorded += added
    return added


class Events:
    _database: Database

    async def events_after(self, hotel_id: HotelId, after: int, *, limit: int) -> list[Event]:
        """Return up to `limit` events with ids after + 1, after + 2, …; empty if there are none (yet)."""
        rows = await self._database.ask(_AFTER, hotel=hotel_id, after=min(after, cursors.LAST), limit=limit)
        return [Event(row[0], moment(row[1]), EventType(row[2]), row[3], msgspec.Raw(row[4].encode())) for row in rows]

    def events_here_after(self, hotel_id: HotelId, after: int, *, limit: int) -> list[Event]:
        """Return the beginning of `events_after` as far as this process added it lately; the database is not asked."""
        return self._database.recent.after(hotel_id, after, limit=limit)

    def newest_events_here(self) -> dict[HotelId, int]:
        """Return the id of the newest event that this process added to each hotel, without asking the database."""
        return self._database.recent.newest()

    async def newest_events(self) -> dict[HotelId, int]:
        """Return the id of each hotel's newest event, 0 where there is none. Who follows many hotels asks first."""
        rows = await self._database.ask("SELECT id, last_event_id FROM hotel")
        return {HotelId(row[0]): row[1] for row in rows}

    async def announced(self) -> dict[HotelId, int]:
        """Return the newest event of each hotel that was noted as announced; without the hotels that have none."""
        rows = await self._database.read(
            lambda transaction: transaction.rows(
                "SELECT hotel.id, announced.event_id FROM announced JOIN hotel ON hotel.key = announced.hotel_key"
            )
        )
        return {HotelId(row[0]): row[1] for row in rows}

    async def note_announced(self, newest: Mapping[HotelId, int]) -> None:
        """Note the newest event of these hotels that was announced."""
        await self._database.write_batch(lambda transaction: _note_announced(transaction, newest))

    async def event_bounds(self, hotel_id: HotelId) -> EventBounds:
        """Raises NotFound (hotel)."""
        return await self._database.read(lambda transaction: _bounds(transaction, hotel_id))


def _note_announced(transaction: Transaction, newest: Mapping[HotelId, int]) -> None:
    transaction.many(
        "INSERT INTO announced (hotel_key, event_id) VALUES ((SELECT hotel.key FROM hotel WHERE hotel.id = ?), ?)"
        " ON CONFLICT (hotel_key) DO UPDATE SET event_id = excluded.event_id",
        sorted(newest.items()),
    )


def _bounds(transaction: Transaction, hotel_id: HotelId) -> EventBounds:
    row = transaction.row(
        "SELECT hotel.last_event_id, (SELECT min(event.id) FROM event WHERE event.hotel_key = hotel.key)"
        " FROM hotel WHERE hotel.id = :hotel",
        hotel=hotel_id,
    )
    if row is None:
        raise NotFound("hotel", hotel_id)
    newest, oldest = row
    return EventBounds(oldest=newest + 1 if oldest is None else oldest, newest=newest)
