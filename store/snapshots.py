"""From the alert's row to the alert as others see it."""

import msgspec

from rules.alerts import Acknowledgment, AlertSnapshot, AlertStatus, Condition, Family, Reason, Rule, Severity
from rules.ids import AlertId, DeviceId, IncidentId, RoomId
from store.times import maybe_moment, moment
from store.transaction import Row

COLUMNS = """
    key, id, (SELECT device.id FROM device WHERE device.key = alert.device_key), room_id, floor, family, rule, severity,
    condition, opened_at, last_at, count, why, status, acknowledged_by, acknowledged_at, acknowledged_note, assignee,
    snoozed_until, suppressed_by, resolved_at, drill, revision,
    (SELECT incident.id FROM incident WHERE incident.key = alert.incident_key),
    flapping, reopened, resolved_by, rule_version
"""
"""For SELECT … FROM alert and for RETURNING alike; `snapshot` reads them."""

_reasons = msgspec.json.Decoder(tuple[Reason, ...])


def snapshot(row: Row) -> AlertSnapshot:
    """Both sides of the row: the bridge's condition and the people's response."""
    return AlertSnapshot(
        id=AlertId(row[1]),
        device_id=DeviceId(row[2]),
        room_id=None if row[3] is None else RoomId(row[3]),
        floor=row[4],
        family=Family(row[5]),
        rule=Rule(row[6]),
        severity=Severity(row[7]),
        condition=Condition(row[8]),
        opened_at=moment(row[9]),
        last_at=moment(row[10]),
        count=row[11],
        why=_reasons.decode(row[12]),
        status=AlertStatus(row[13]),
        acknowledged=None if row[14] is None else Acknowledgment(row[14], moment(row[15]), row[16]),
        assignee=row[17],
        snoozed_until=maybe_moment(row[18]),
        suppressed_by=row[19],
        resolved_at=maybe_moment(row[20]),
        drill=bool(row[21]),
        revision=row[22],
        incident_id=None if row[23] is None else IncidentId(row[23]),
        flapping=bool(row[24]),
        reopened=row[25],
        resolved_by=row[26],
        rule_version=row[27],
    )


def reasons(text: str) -> tuple[Reason, ...]:
    return _reasons.decode(text)
