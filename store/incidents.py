"""Incidents: many silences with one cause. The bridge writes them beside the alerts they speak for; people read them
and say "I have it".

An alert that is absorbed stays what it is: it is open, it gets worse and is resolved by itself. What is pending of its
notices is cancelled, and the row says which incident is told instead (docs/adr/0036).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from rules.alerts import Acknowledgment, AlertSnapshot, AlertStatus, Because, Reason
from rules.ids import AlertId, DeviceId, HotelId, IncidentId
from rules.incident import IncidentSnapshot, Outage, Scope
from rules.outage import IncidentChange, Turn
from rules.words import place_in_words
from store import audit, cursors, events, incident_life
from store.audit import Actor, Deed
from store.database import Database
from store.errors import AlertGone, AlreadyAcknowledged, DataRefused, NotFound
from store.events import Entry
from store.records import EventType, IncidentStep, Page
from store.snapshots import COLUMNS as ALERT_COLUMNS
from store.snapshots import reasons, snapshot
from store.times import maybe_moment, moment
from store.transaction import Row, Transaction

_COLUMNS = """
    key, id, rule, scope, place, opened_at, closed_at, members, back, lost, back_at, why, acknowledged_by,
    acknowledged_at, revision, part_of
"""
_INCIDENTS = f"SELECT {_COLUMNS} FROM incident WHERE hotel_key = (SELECT key FROM hotel WHERE id = :hotel)"  # noqa: S608
_ALERTS = (
    f"SELECT {ALERT_COLUMNS} FROM alert"  # noqa: S608 - ours
    " WHERE hotel_key = (SELECT key FROM hotel WHERE id = :hotel) AND incident_key ="
    " (SELECT incident.key FROM incident JOIN hotel ON hotel.key = incident.hotel_key"
    " WHERE hotel.id = :hotel AND incident.id = :incident) ORDER BY alert.opened_at, alert.key"
)

EVENT_OF: Final = {
    Turn.OPENED: EventType.INCIDENT_OPENED,
    Turn.GREW: EventType.INCIDENT_CHANGED,
    Turn.CHANGED: EventType.INCIDENT_CHANGED,
    Turn.LASTS: EventType.INCIDENT_CHANGED,
    Turn.CLOSED: EventType.INCIDENT_CLOSED,
}


class Lasting(Struct, frozen=True):
    """An incident that is not over, and the alerts for which it speaks or spoke, each with its tablet."""

    incident: IncidentSnapshot
    alerts: Mapping[AlertId, DeviceId]


class Written(Struct, frozen=True):
    """What a turn of an incident wrote: the incident's key, what others see of it, and the alerts it took in."""

    key: int
    incident: IncidentSnapshot
    absorbed: tuple[int, ...]
    entries: tuple[Entry, ...]


class Incidents:
    _database: Database

    async def incidents(
        self, hotel_id: HotelId, *, open_only: bool = False, cursor: str | None = None, limit: int = 50
    ) -> Page[IncidentSnapshot]:
        """Newest first. Raises BadCursor."""
        last = (cursors.LAST, cursors.LAST)
        before = last if cursor is None else cursors.decode(cursor, tuple[cursors.Place, cursors.Place])
        limit = cursors.bounded(limit)
        rows = await self._database.ask(
            _INCIDENTS + (" AND incident.closed_at IS NULL" if open_only else "") + " AND (incident.opened_at,"
            " incident.key) < (:opened_at, :key) ORDER BY incident.opened_at DESC, incident.key DESC LIMIT :limit",
            hotel=hotel_id,
            opened_at=before[0],
            key=before[1],
            limit=limit + 1,
        )
        return cursors.page(rows, incident_of, limit=limit, place=lambda row: (row[5], row[0]))

    async def incident(self, hotel_id: HotelId, incident_id: IncidentId) -> IncidentSnapshot | None:
        rows = await self._database.ask(
            _INCIDENTS + " AND incident.id = :incident", hotel=hotel_id, incident=incident_id
        )
        return incident_of(rows[0]) if rows else None

    async def incident_alerts(self, hotel_id: HotelId, incident_id: IncidentId) -> list[AlertSnapshot]:
        """The alerts for which it speaks or spoke, the oldest first."""
        rows = await self._database.ask(_ALERTS, hotel=hotel_id, incident=incident_id)
        return [snapshot(row) for row in rows]

    async def incident_steps(self, hotel_id: HotelId, incident_id: IncidentId) -> list[IncidentStep]:
        """Its life in order; empty if the hotel has no such incident."""
        return await self._database.read(lambda transaction: incident_life.steps(transaction, hotel_id, incident_id))

    async def lasting_incidents(self, hotel_id: HotelId) -> list[Lasting]:
        """Those that are not over, the oldest first: what the bridge goes on with after a start."""
        return await self._database.read(lambda transaction: _lasting(transaction, hotel_id))

    async def acknowledge_incident(
        self, hotel_id: HotelId, incident_id: IncidentId, *, by: Actor, now: datetime
    ) -> IncidentSnapshot:
        """First wins. Its pending notices are not sent; the alerts of its tablets stay unacknowledged, each by itself.

        Raises AlreadyAcknowledged, AlertGone (it is over), NotFound (incident), DataRefused, StoreUnavailable.
        """
        return await self._database.write(
            lambda transaction: _acknowledge(transaction, hotel_id, incident_id, by=by, now=now)
        )


def by_key(transaction: Transaction, hotel_id: HotelId, key: int) -> IncidentSnapshot:
    (row,) = transaction.rows(_INCIDENTS + " AND incident.key = :incident", hotel=hotel_id, incident=key)
    return incident_of(row)


def incident_of(row: Row) -> IncidentSnapshot:
    return IncidentSnapshot(
        id=IncidentId(row[1]),
        rule=Outage(row[2]),
        scope=Scope(row[3]),
        place=row[4],
        opened_at=moment(row[5]),
        closed_at=maybe_moment(row[6]),
        members=row[7],
        back=row[8],
        lost=row[9],
        back_at=maybe_moment(row[10]),
        why=reasons(row[11]),
        acknowledged=None if row[12] is None else Acknowledgment(row[12], moment(row[13])),
        revision=row[14],
        part_of=None if row[15] is None else IncidentId(row[15]),
    )


def write(transaction: Transaction, hotel_key: int, change: IncidentChange) -> Written:
    """Write one turn of an incident, and that its alerts are part of it."""
    known = change.incident if change.into is None else _part_of(change.into, change.incident)
    row = (_insert if change.turn is Turn.OPENED else _update)(transaction, hotel_key, known)
    key, incident = row[0], incident_of(row)
    part = Reason(Because.PART_OF_OUTAGE, observed=place_in_words(incident.scope, incident.place))
    absorbed: list[int] = []
    entries: list[Entry] = []
    for alert_id in change.absorbed:
        alert = transaction.row(
            "UPDATE alert SET incident_key = :incident, revision = revision + 1"  # noqa: S608 - ours
            f" WHERE hotel_key = :hotel AND id = :alert RETURNING {ALERT_COLUMNS}",
            incident=key,
            hotel=hotel_key,
            alert=alert_id,
        )
        if alert is None:
            raise DataRefused(f"no alert {alert_id} to be part of incident {incident.id}")
        absorbed.append(alert[0])
        told = snapshot(alert)
        if told.status is AlertStatus.OPEN:  # else it was over, or a person has resolved it, in the same moment
            entries.append(events.of_alert(EventType.ALERT_SUPPRESSED, told, key=alert[0], at=change.at, why=(part,)))
    data = events.encoded(incident)
    entries.append(Entry(at=change.at, type=EVENT_OF[change.turn], subject=incident.id, data=data))
    return Written(key, incident, tuple(absorbed), tuple(entries))


def _part_of(wider: IncidentId, incident: IncidentSnapshot) -> IncidentSnapshot:
    """It ends because a wider one speaks for its tablets: none is lost by that."""
    return replace(incident, lost=0, part_of=wider, why=(*incident.why, Reason(Because.PART_OF_OUTAGE)))


def _insert(transaction: Transaction, hotel_key: int, incident: IncidentSnapshot) -> Row:
    (row,) = transaction.rows(
        "INSERT INTO incident (hotel_key, id, rule, scope, place, opened_at, members, back, lost, why, revision)"  # noqa: S608
        f" VALUES (:hotel, :id, :rule, :scope, :place, :opened_at, :members, :back, 0, :why, 1) RETURNING {_COLUMNS}",
        hotel=hotel_key,
        id=incident.id,
        rule=incident.rule,
        scope=incident.scope,
        place=incident.place,
        opened_at=incident.opened_at,
        members=incident.members,
        back=incident.back,
        why=_encoded(incident.why),
    )
    return row


def _update(transaction: Transaction, hotel_key: int, incident: IncidentSnapshot) -> Row:
    row = transaction.row(
        "UPDATE incident SET rule = :rule, scope = :scope, place = :place, closed_at = :closed_at, members = :members,"  # noqa: S608
        " back = :back, lost = :lost, back_at = :back_at, part_of = :part_of, why = :why, revision = revision + 1"
        f" WHERE hotel_key = :hotel AND id = :id RETURNING {_COLUMNS}",
        rule=incident.rule,
        scope=incident.scope,
        place=incident.place,
        closed_at=incident.closed_at,
        members=incident.members,
        back=incident.back,
        lost=incident.lost,
        back_at=incident.back_at,
        part_of=incident.part_of,
        why=_encoded(incident.why),
        hotel=hotel_key,
        id=incident.id,
    )
    if row is None:
        raise DataRefused(f"no incident {incident.id} to change")
    return row


def _encoded(why: Iterable[Reason]) -> str:
    return msgspec.json.encode(tuple(why)).decode()


def _lasting(transaction: Transaction, hotel_id: HotelId) -> list[Lasting]:
    rows = transaction.rows(
        _INCIDENTS + " AND incident.closed_at IS NULL ORDER BY incident.opened_at, incident.key", hotel=hotel_id
    )
    lasting = []
    for row in rows:
        alerts = transaction.rows(
            "SELECT alert.id, device.id FROM alert JOIN device ON device.key = alert.device_key"
            " JOIN hotel ON hotel.key = alert.hotel_key WHERE hotel.id = :hotel AND alert.incident_key = :incident",
            hotel=hotel_id,
            incident=row[0],
        )
        lasting.append(Lasting(incident_of(row), {AlertId(one[0]): DeviceId(one[1]) for one in alerts}))
    return lasting


def _acknowledge(
    transaction: Transaction, hotel_id: HotelId, incident_id: IncidentId, *, by: Actor, now: datetime
) -> IncidentSnapshot:
    row = transaction.row(
        "UPDATE incident SET acknowledged_by = :by, acknowledged_at = :now, revision = revision + 1"  # noqa: S608
        " WHERE hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel) AND id = :incident"
        f" AND closed_at IS NULL AND acknowledged_by IS NULL RETURNING {_COLUMNS}",
        by=by.shown,
        now=now,
        hotel=hotel_id,
        incident=incident_id,
    )
    if row is None:
        raise _refusal(transaction, hotel_id, incident_id)
    incident = incident_of(row)
    audit.note(transaction, hotel_id, Deed.INCIDENT_ACKNOWLEDGED, by=by, subject=incident_id, now=now)
    data = events.encoded(incident)
    events.append(
        transaction, hotel_id, [Entry(at=now, type=EventType.INCIDENT_CHANGED, subject=incident.id, data=data)]
    )
    return incident


def _refusal(transaction: Transaction, hotel_id: HotelId, incident_id: IncidentId) -> Exception:
    row = transaction.row(_INCIDENTS + " AND incident.id = :incident", hotel=hotel_id, incident=incident_id)
    if row is None:
        return NotFound("incident", incident_id)
    incident = incident_of(row)
    if incident.closed_at is not None or incident.acknowledged is None:
        return AlertGone(f"incident {incident_id} is over")
    return AlreadyAcknowledged(by=incident.acknowledged.by, at=incident.acknowledged.at, revision=incident.revision)
