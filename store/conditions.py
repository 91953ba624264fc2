"""The condition side of alerts: how one opens, changes and clears.

It is the bridge's alone, as long as the tablet is watched; of one that is retired it is ended with the tablet.
"""

from datetime import datetime
from itertools import chain
from typing import Final

import msgspec

from rules.alerts import AlertChange, AlertSnapshot, AlertStatus, ChangeKind, Condition, Reason
from rules.ids import HotelId
from rules.response import lapse_of
from store.batch import DeviceChange
from store.errors import DataRefused
from store.records import DeviceKey
from store.snapshots import COLUMNS, reasons, snapshot
from store.times import micros
from store.transaction import Transaction, Value

OPENED_COLUMNS: dict[str, str] = {
    "hotel_key": "bigint",
    "id": "varchar",
    "device_key": "bigint",
    "room_id": "varchar",
    "floor": "varchar",
    "family": "varchar",
    "rule": "varchar",
    "severity": "varchar",
    "opened_at": "bigint",
    "last_at": "bigint",
    "count": "bigint",
    "why": "text",
    "suppressed_by": "varchar",
    "flapping": "boolean",
    "rule_version": "varchar",
}
"""What differs from one alert that opens to the next, with PostgreSQL's types."""

_NAMES = ", ".join(OPENED_COLUMNS)
INSERT = f"INSERT INTO alert ({_NAMES}, condition, status, drill, revision)"
OPEN = "'active', 'open', FALSE, 1"
"""What is the same, in the order in which INSERT has it last."""


def opened_row(change: DeviceChange, *, hotel_key: int) -> dict[str, Value]:
    """What is written of an alert that opens, by name in `OPENED_COLUMNS`."""
    alert = change.change.alert
    return {
        "hotel_key": hotel_key,
        "id": alert.id,
        "device_key": change.device_key,
        "room_id": change.room_id,
        "floor": change.floor,
        "family": alert.family.value,
        "rule": alert.rule.value,
        "severity": alert.severity.value,
        "opened_at": micros(alert.opened_at),
        "last_at": micros(alert.last_at),
        "count": alert.count,
        "why": _why(change.change),
        "suppressed_by": alert.suppressed_by,
        "flapping": alert.flapping is not None,
        "rule_version": change.rule_version,
    }


def opened_snapshot(change: DeviceChange) -> AlertSnapshot:
    """The alert as others see it when it has just opened."""
    alert = change.change.alert
    return AlertSnapshot(
        id=alert.id,
        device_id=change.device_id,
        room_id=change.room_id,
        floor=change.floor,
        family=alert.family,
        rule=alert.rule,
        severity=alert.severity,
        status=AlertStatus.OPEN,
        condition=Condition.ACTIVE,
        opened_at=alert.opened_at,
        last_at=alert.last_at,
        count=alert.count,
        why=alert.why,
        revision=1,
        suppressed_by=alert.suppressed_by,
        flapping=alert.flapping is not None,
        rule_version=change.rule_version,
    )


def open_alert(transaction: Transaction, change: DeviceChange, *, hotel_key: int) -> tuple[int, AlertSnapshot]:
    """Insert an alert; its key, and what others see of it."""
    places = ", ".join(f":{name}" for name in OPENED_COLUMNS)
    key = transaction.insert(
        f"{INSERT} VALUES ({places}, {OPEN}) RETURNING key",  # our own words
        **opened_row(change, hotel_key=hotel_key),
    )
    return key, opened_snapshot(change)


def move_alert(transaction: Transaction, change: DeviceChange, *, hotel_key: int) -> tuple[int, AlertSnapshot] | None:
    """Write the condition side of an open alert. None: a person has resolved it meanwhile, so nothing changes.

    One that fires again is open again, whoever had ended it, and nobody has answered for it yet; it names the room that
    its tablet belongs to by now. One that is relabelled stays what it is, open or not.
    """
    kind, alert = change.change.kind, change.change.alert
    if kind is ChangeKind.RELABELLED:
        set_, where = "rule = :rule, why = :why", ""
    elif kind is ChangeKind.REOPENED:
        set_, where = f"{_MOVED}, {_AGAIN}, {_THERE}", ""
    else:
        set_, where = f"{_MOVED}, {_LAPSE}, {_WAKES}", " AND status = 'open'"
    over = kind is ChangeKind.CLEARED
    row = transaction.row(
        f"UPDATE alert SET {set_}, revision = revision + 1"  # noqa: S608 - our own words
        f" WHERE hotel_key = :hotel AND id = :id{where} RETURNING {COLUMNS}",
        hotel=hotel_key,
        id=alert.id,
        rule=alert.rule,
        severity=alert.severity,
        last_at=alert.last_at,
        count=alert.count,
        why=_why(change.change),
        condition=Condition.CLEARED if over else alert.condition,
        status=AlertStatus.RESOLVED if over else AlertStatus.OPEN,
        resolved_at=change.change.at if over else None,
        suppressed_by=alert.suppressed_by,
        flapping=alert.flapping is not None,
        rule_version=change.rule_version,
        lapses_at=lapse_of(alert.severity, at=change.change.at),
        incident=change.spoken_for,
        room=change.room_id,
        floor=change.floor,
    )
    if row is not None:
        return row[0], snapshot(row)
    if not transaction.row("SELECT 1 FROM alert WHERE hotel_key = :hotel AND id = :id", hotel=hotel_key, id=alert.id):
        raise DataRefused(f"no alert {alert.id} to change")
    return None


_MOVED: Final = (
    "rule = :rule, severity = :severity, last_at = :last_at, count = :count, why = :why, condition = :condition,"
    " status = :status, resolved_at = :resolved_at, suppressed_by = :suppressed_by, flapping = :flapping,"
    " rule_version = :rule_version"
)

# Somebody took it on when it was milder: from now on that holds for as long as with any critical one.
_LAPSE: Final = (
    "lapses_at = CASE WHEN acknowledged_by IS NULL OR severity = 'critical' THEN lapses_at ELSE :lapses_at END"
)

# Likewise a snooze: one that was given for days lasts no longer than one that is given now.
_WAKES: Final = (
    "snoozed_until = CASE WHEN severity <> 'critical' AND snoozed_until > :lapses_at THEN :lapses_at"
    " ELSE snoozed_until END"
)

_AGAIN: Final = (
    "reopened = reopened + 1, acknowledged_by = NULL, acknowledged_at = NULL, acknowledged_note = NULL,"
    " snoozed_until = NULL, resolved_by = NULL, lapses_at = NULL,"
    " incident_key = (SELECT incident.key FROM incident WHERE incident.hotel_key = :hotel AND incident.id = :incident)"
)

_THERE: Final = "room_id = :room, floor = :floor"


def end_alerts(
    transaction: Transaction, hotel_id: HotelId, device_key: DeviceKey, *, why: tuple[Reason, ...], at: datetime
) -> list[tuple[int, AlertSnapshot]]:
    """End what is open of a tablet that is watched no more; their keys, and what others see of them."""
    rows = transaction.rows(
        "SELECT alert.key, alert.why FROM alert JOIN hotel ON hotel.key = alert.hotel_key"
        " WHERE hotel.id = :hotel AND alert.device_key = :device AND alert.status = 'open' ORDER BY alert.key",
        hotel=hotel_id,
        device=device_key,
    )
    return [(key, _end(transaction, key, why=(*reasons(text), *why), at=at)) for key, text in rows]


def _end(transaction: Transaction, key: int, *, why: tuple[Reason, ...], at: datetime) -> AlertSnapshot:
    (row,) = transaction.rows(
        "UPDATE alert SET condition = 'cleared', status = 'resolved', resolved_at = :at, why = :why,"  # noqa: S608 - ours
        f" revision = revision + 1 WHERE key = :key RETURNING {COLUMNS}",
        at=at,
        why=msgspec.json.encode(why).decode(),
        key=key,
    )
    return snapshot(row)


def _why(change: AlertChange) -> str:
    """The reasons that stand in the row: why it is open and, once its condition is over, why it ended too."""
    if change.kind in {ChangeKind.CLEARED, ChangeKind.SUBSIDED}:
        reasons = tuple(chain(change.alert.why, change.why))
    else:
        reasons = change.why if change.kind is ChangeKind.RELABELLED else change.alert.why
    return msgspec.json.encode(reasons).decode()
