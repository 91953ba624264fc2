"""The condition side of alerts: how one opens, changes and clears.

It is the bridge's alone, as long as the tablet is watched; of one that is retired it is ended with the tablet.
"""

from datetime import datetime
from itertools import chain

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
    """Write the condition side of an open alert. None: a person has resolved it meanwhile, so nothing changes."""
    alert = change.change.alert
    cleared = change.change.kind is ChangeKind.CLEARED
    row = transaction.row(
        "UPDATE alert SET rule = :rule, severity = :severity, last_at = :last_at, count = :count, why = :why,"  # noqa: S608
        " condition = :condition, status = :status, resolved_at = :resolved_at, revision = revision + 1,"
        # Somebody took it on when it was milder: from now on that holds for as long as with any critical one.
        " lapses_at = CASE WHEN acknowledged_by IS NULL OR severity = 'critical' THEN lapses_at ELSE :lapses_at END"
        f" WHERE hotel_key = :hotel AND id = :id AND status = 'open' RETURNING {COLUMNS}",
        hotel=hotel_key,
        id=alert.id,
        rule=alert.rule,
        severity=alert.severity,
        last_at=alert.last_at,
        count=alert.count,
        why=_why(change.change),
        condition="cleared" if cleared else "active",
        status="resolved" if cleared else "open",
        resolved_at=change.change.at if cleared else None,
        lapses_at=lapse_of(alert.severity, at=change.change.at),
    )
    if row is not None:
        return row[0], snapshot(row)
    if not transaction.row("SELECT 1 FROM alert WHERE hotel_key = :hotel AND id = :id", hotel=hotel_key, id=alert.id):
        raise DataRefused(f"no alert {alert.id} to change")
    return None


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
    """The reasons that stand in the row: why it is open and, once it is over, why it ended too."""
    cleared = change.kind is ChangeKind.CLEARED
    reasons = tuple(chain(change.alert.why, change.why)) if cleared else change.alert.why
    return msgspec.json.encode(reasons).decode()
