"""What every answer to an alert shares: the alert is held, and is the one that was seen; one transaction has the row,
the event (`AnsweredAlert`), the line of the audit, and what follows for the alert's notices.
"""

# ruff: noqa: S608 - only words of ours are put together here; what comes from others goes in as values.

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from rules.alerts import AlertSnapshot, AlertStatus
from rules.ids import AlertId, HotelId, IncidentId
from store import audit, events, telling
from store.audit import NO_DETAIL, Actor, Deed, Detail
from store.errors import AlertGone, NotFound, Overtaken
from store.records import AnsweredAlert, EventType, NoticeKind
from store.snapshots import COLUMNS, snapshot
from store.times import maybe_moment, moment
from store.transaction import Transaction, Value

_HOTEL: Final = "hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"

NOT_ACKNOWLEDGED: Final = "acknowledged_by = NULL, acknowledged_at = NULL, acknowledged_note = NULL, lapses_at = NULL"

_answered = msgspec.json.Decoder(AnsweredAlert)


class Asked(Struct, frozen=True):
    """Who answers which alert, and when; `seen` is the revision of it that they saw, if they say."""

    hotel_id: HotelId
    alert_id: AlertId
    by: Actor
    now: datetime
    seen: int | None = None


class Held(Struct, frozen=True):
    """An open alert that is held until the transaction ends."""

    hotel_id: HotelId
    key: int
    hotel_key: int
    alert: AlertSnapshot
    lapses_at: datetime | None


def hold(transaction: Transaction, hotel_id: HotelId, alert_id: AlertId) -> Held:
    """Keep an alert as it is. Raises NotFound, AlertGone."""
    transaction.hold(f"SELECT 1 FROM alert WHERE {_HOTEL} AND id = :alert", hotel=hotel_id, alert=alert_id)
    row = transaction.row(
        f"SELECT {COLUMNS}, hotel_key, lapses_at FROM alert WHERE {_HOTEL} AND id = :alert",
        hotel=hotel_id,
        alert=alert_id,
    )
    if row is None:
        raise NotFound("alert", alert_id)
    held = Held(hotel_id, row[0], row[-2], snapshot(row), maybe_moment(row[-1]))
    if held.alert.status is AlertStatus.RESOLVED:
        raise AlertGone(f"alert {alert_id} is resolved")
    return held


def hold_as_seen(transaction: Transaction, asked: Asked) -> Held:
    """As `hold`. Raises Overtaken too, with who changed the alert last, where it is not the one that somebody saw."""
    held = hold(transaction, asked.hotel_id, asked.alert_id)
    be_as_seen(transaction, held, asked)
    return held


def be_as_seen(transaction: Transaction, held: Held, asked: Asked) -> None:
    if asked.seen is not None and asked.seen != held.alert.revision:
        raise overtaken(transaction, held)


def overtaken(transaction: Transaction, held: Held) -> Overtaken:
    """What to raise: who changed the alert last, and when."""
    row = transaction.row(
        "SELECT at, data FROM event WHERE hotel_key = :hotel AND alert_key = :alert AND type LIKE 'alert.%'"
        " ORDER BY id DESC LIMIT 1",
        hotel=held.hotel_key,
        alert=held.key,
    )
    if row is None:
        return Overtaken(by=None, at=held.alert.last_at, revision=held.alert.revision)
    return Overtaken(by=_answered.decode(row[1]).by, at=moment(row[0]), revision=held.alert.revision)


def note(transaction: Transaction, asked: Asked, deed: Deed, detail: Detail = NO_DETAIL) -> None:
    """Its line of the audit."""
    audit.note(transaction, asked.hotel_id, deed, by=asked.by, subject=asked.alert_id, now=asked.now, detail=detail)


def write(
    transaction: Transaction,
    held: Held,
    type_: EventType,
    change: str,
    *,
    at: datetime,
    by: str | None,
    words: str | None = None,
    **values: Value,
) -> tuple[AlertSnapshot, int]:
    """Write `change` into the row, and the event that says so, with a person's `words`; its id too."""
    (row,) = transaction.rows(
        f"UPDATE alert SET {change}, revision = revision + 1 WHERE key = :key AND {_HOTEL} RETURNING {COLUMNS}",
        key=held.key,
        hotel=held.hotel_id,
        **values,
    )
    alert = snapshot(row)
    whole = AnsweredAlert(**msgspec.structs.asdict(alert), by=by, note=words)
    (recorded,) = events.append(transaction, held.hotel_id, [events.of_alert(type_, whole, key=held.key, at=at)])
    return alert, recorded.event.id


def add_note(transaction: Transaction, held: Held, asked: Asked, words: str) -> AlertSnapshot:
    """Add a line to the timeline of an alert that is held; its revision rises."""
    note(transaction, asked, Deed.ALERT_NOTED)
    nothing = "assignee = assignee"
    alert, _ = write(transaction, held, EventType.ALERT_NOTED, nothing, at=asked.now, by=asked.by.shown, words=words)
    return alert


def tell(
    transaction: Transaction, held: Held, alert: AlertSnapshot, kind: NoticeKind, *, event_id: int, now: datetime
) -> None:
    """Nobody is told of what is suppressed, nor of what an incident speaks for, but of the end of it."""
    if alert.suppressed_by is not None and kind is not NoticeKind.RECOVERED:
        return
    telling.tell(
        transaction,
        held.hotel_key,
        alert_key=held.key,
        family=alert.family,
        kind=kind,
        revision=alert.revision,
        event_id=event_id,
        now=now,
        spoken_for=_speaker(transaction, held),
    )


def tell_after_all(transaction: Transaction, held: Held, *, now: datetime) -> None:
    """Nobody answers for the alert any more: whoever was not told because of that is, if anybody is to be told."""
    if held.alert.suppressed_by is None and _speaker(transaction, held) is None:
        telling.tell_after_all(transaction, held.hotel_key, alert_key=held.key, now=now)


def _speaker(transaction: Transaction, held: Held) -> IncidentId | None:
    """The incident that lasts and is told instead of the alert."""
    incident_id = held.alert.incident_id
    if incident_id is None:
        return None
    lasting = transaction.row(
        "SELECT 1 FROM incident WHERE hotel_key = :hotel AND id = :incident AND closed_at IS NULL",
        hotel=held.hotel_key,
        incident=incident_id,
    )
    return None if lasting is None else incident_id
