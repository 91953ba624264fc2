"""What 0006 let a database say, in the words of the version before it: rows that one would stumble over are translated,
ended or forgotten.

That version knew four families of alerts, and believes two things that it never checks: that a tablet's state carries
exactly the alerts of it that are open, and that a day of minutes has a day of messages beside it. What nobody was told
of, because a window or an incident kept it quiet, is told now: it knows neither.

The words stand here as they were then. Nothing is imported from the rules, whose words go on growing.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import sqlalchemy as sa


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


FAMILIES: Final = _words("breach silence battery token")
RULES: Final = _words(
    "breach.signal breach.access-point breach.reported silence wifi-off powered-off battery.low battery.critical"
    " token.expiring token.expired"
)
REASONS: Final = _words(
    "signal-below-floor room-not-calibrated moved out-of-zone foreign reported silent-after-report nothing-heard"
    " connection-lost overslept bye-overdue wifi-off powered-off battery-low battery-critical token-not-renewed"
    " token-expired kept-out still-firing signal-recovered back-on-own-access-point reported-recovery heard-again"
    " battery-recovered charging token-renewed token-revoked no-longer-judged device-removed"
)
EVENTS: Final = {
    "alert.reopened": "alert.opened",
    "alert.resolved": "alert.cleared",
    "alert.unacknowledged": "alert.changed",
    "alert.lapsed": "alert.changed",
    "alert.assigned": "alert.changed",
    "alert.snoozed": "alert.changed",
    "alert.noted": "alert.changed",
    "alert.suppressed": "alert.changed",
}
"""What a step of an alert's life was called before: it opened, changed or was over."""

NOTICES: Final = {"reopened": "opened", "flapping": "opened", "lapsed": "opened"}
STATE: Final = _words(
    "link posture power since sid last_heard battery charging rssi bssid agent alerts previous_sid signal access_point"
    " reported battery_level silence token"
)
CARRIED: Final = _words("id family rule severity opened_at last_at count why")
SILENCE: Final = _words("quiet_until lost_at silent_since silent told beats token_ended")
ESTABLISHED: Final = _words("silent_since silent told beats")
"""Of a silence: what goes with its alert. Left without one, it would never be told of again."""

PAGE: Final = 1000
_UNKNOWN: Final = "family NOT IN :families OR rule NOT IN :rules"
_DAY: Final = 86_400_000_000  # microseconds

Row = dict[str, Any]


def translate(connection: sa.Connection) -> None:
    """In the transaction of the migration, before any column goes."""
    _forget_alerts(connection)
    _translate_events(connection)
    _translate_notices(connection)
    _translate_reasons(connection)
    _translate_states(connection)
    _tell_what_was_kept_quiet(connection)
    if connection.dialect.name == "postgresql":
        _pair_days(connection)


def _run(connection: sa.Connection, statement: str, values: Row | list[Row] | None = None) -> Any:  # noqa: ANN401 - any row
    return connection.execute(sa.text(statement), values)


def _forget_alerts(connection: sa.Connection) -> None:
    """Those of a kind that it does not know, with all that was told of them."""
    listed: list[sa.BindParameter[Any]] = [sa.bindparam(name, expanding=True) for name in ("families", "rules")]
    words = {"families": sorted(FAMILIES), "rules": sorted(RULES)}
    of_them = f"WHERE alert_key IN (SELECT key FROM alert WHERE {_UNKNOWN})"  # noqa: S608 - ours
    for which in (f"notification {of_them}", f"event {of_them}", f"alert WHERE {_UNKNOWN}"):
        connection.execute(sa.text(f"DELETE FROM {which}").bindparams(*listed), words)  # noqa: S608 - ours


def _translate_events(connection: sa.Connection) -> None:
    """The ids stay. A reader that comes back to where some are gone is told to begin anew."""
    _run(connection, "DELETE FROM event WHERE type LIKE 'incident.%' OR type LIKE 'pms.%'")
    for page in _events(connection):
        told = [({"hotel": row["hotel_key"], "id": row["id"]}, _told(row)) for row in page]
        gone = [place for place, after in told if after is None]
        changed = [place | after for place, after in told if after]
        if gone:
            _run(connection, "DELETE FROM event WHERE hotel_key = :hotel AND id = :id", gone)
        if changed:
            statement = "UPDATE event SET type = :type, data = :data, why = :why WHERE hotel_key = :hotel AND id = :id"
            _run(connection, statement, changed)


def _events(connection: sa.Connection) -> Iterator[list[Row]]:
    place = {"hotel": 0, "id": 0}
    statement = (
        "SELECT hotel_key, id, type, data, why FROM event WHERE (hotel_key, id) > (:hotel, :id)"
        " AND (type LIKE 'alert.%' OR type LIKE 'notification.%') ORDER BY hotel_key, id LIMIT :limit"
    )
    while page := [dict(row) for row in _run(connection, statement, {**place, "limit": PAGE}).mappings()]:
        yield page
        place = {"hotel": page[-1]["hotel_key"], "id": page[-1]["id"]}


def _told(row: Row) -> Row | None:
    """What an event says in the old words; empty: what it says now, None: nothing."""
    before: Row = msgspec.json.decode(row["data"])
    if row["type"].startswith("notification."):
        if before.get("alertId") is None:
            return None
        after = before | {"kind": NOTICES.get(before["kind"], before["kind"])}
    elif before["family"] not in FAMILIES or before["rule"] not in RULES:
        return None
    else:
        after = before | {"why": _known(before["why"])}
    type_, why = EVENTS.get(row["type"], row["type"]), _listed(row["why"])
    if (type_, after, why) == (row["type"], before, row["why"]):
        return {}
    return {"type": type_, "data": msgspec.json.encode(after).decode(), "why": why}


def _translate_notices(connection: sa.Connection) -> None:
    """Of two that would come to the same the first one stays; what has no event left to tell of is not told."""
    kinds = ", ".join(f"'{word}'" for word in NOTICES)
    _run(
        connection,
        f"DELETE FROM notification WHERE kind IN ({kinds}) AND EXISTS (SELECT 1 FROM notification AS earlier"  # noqa: S608 - ours
        " WHERE earlier.alert_key = notification.alert_key AND earlier.channel_key = notification.channel_key"
        " AND earlier.alert_revision = notification.alert_revision AND earlier.id < notification.id)",
    )
    for kind, before in NOTICES.items():
        words = {"kind": kind, "before": before}
        _run(connection, "UPDATE notification SET kind = :before WHERE kind = :kind", words)
    _run(
        connection,
        "DELETE FROM notification WHERE due_at IS NOT NULL AND alert_key IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM event"
        " WHERE event.hotel_key = notification.hotel_key AND event.id = notification.event_id)",
    )


def _translate_reasons(connection: sa.Connection) -> None:
    after = 0
    statement = "SELECT key, why FROM alert WHERE key > :after ORDER BY key LIMIT :limit"
    while page := _run(connection, statement, {"after": after, "limit": PAGE}).all():
        after = page[-1][0]
        changed = [{"key": key, "why": known} for key, why in page if (known := _listed(why)) != why]
        if changed:
            _run(connection, "UPDATE alert SET why = :why WHERE key = :key", changed)


def _listed(why: str | None) -> str | None:
    """Reasons as they are stored, without those that it has no word for."""
    if why is None:
        return None
    reasons: list[Row] = msgspec.json.decode(why)
    known = _known(reasons)
    return why if known == reasons else msgspec.json.encode(known).decode()


def _known(reasons: Iterable[Row]) -> list[Row]:
    return [reason for reason in reasons if reason["because"] in REASONS]


def _translate_states(connection: sa.Connection) -> None:
    """After the alerts: a state carries those that are open, and what is open is carried or ends here."""
    opened = _run(
        connection,
        "SELECT alert.device_key, alert.id, alert.key FROM alert JOIN device ON device.key = alert.device_key"
        " WHERE alert.status = 'open' AND device.retired_at IS NULL",
    ).all()
    lost = {(device_key, alert_id): key for device_key, alert_id, key in opened}
    of_device: dict[int, set[str]] = {}
    for device_key, alert_id in lost:
        of_device.setdefault(device_key, set()).add(alert_id)
    after = 0
    statement = "SELECT device_key, state FROM device_state WHERE device_key > :after ORDER BY device_key LIMIT :limit"
    while page := _run(connection, statement, {"after": after, "limit": PAGE}).all():
        after = page[-1][0]
        rows = []
        for device_key, stored in page:
            state = _state(msgspec.msgpack.decode(bytes(stored)), is_open=of_device.get(device_key, set()))
            rows.append({"key": device_key, "state": msgspec.msgpack.encode(state)})
            for alert in state["alerts"].values():
                del lost[device_key, alert["id"]]
        _run(connection, "UPDATE device_state SET state = :state WHERE device_key = :key", rows)
    _end(connection, [{"key": key} for key in lost.values()])


def _state(state: Row, *, is_open: set[str]) -> Row:
    """Without its alert nothing stays of a silence but what was announced, and nothing of a report: silence is judged
    anew. The other rules go by what they remember, and raise theirs again.
    """
    alerts = {
        family: {name: value for name, value in alert.items() if name in CARRIED}
        | {"why": _known(alert.get("why", ()))}
        for family, alert in state.get("alerts", {}).items()
        if family in FAMILIES and alert["rule"] in RULES and alert["id"] in is_open
    }
    silence = {name: value for name, value in state.get("silence", {}).items() if name in SILENCE}
    for name in ("silent", "told"):
        if not _known([silence[name]] if silence.get(name) else []):
            silence.pop(name, None)
    if "silence" not in alerts:
        silence = {name: value for name, value in silence.items() if name not in ESTABLISHED}
    known = {name: value for name, value in state.items() if name in STATE} | {"alerts": alerts, "silence": silence}
    if "breach" not in alerts:
        known.pop("reported", None)
    return known


def _end(connection: sa.Connection, alerts: list[Row]) -> None:
    if alerts:
        _run(
            connection,
            "UPDATE alert SET status = 'resolved', condition = 'cleared', resolved_at = last_at,"
            " revision = revision + 1 WHERE key = :key",
            alerts,
        )
        _run(connection, "DELETE FROM notification WHERE alert_key = :key AND due_at IS NOT NULL", alerts)


def _tell_what_was_kept_quiet(connection: sa.Connection) -> None:
    """What is open and nobody has answered, to whom would have heard of it; not twice where it is about to be told.

    An incident that was told spoke for its alerts; one of which a notice is unsent did not, and is forgotten.
    """
    waits = (
        "alert.status = 'open' AND alert.acknowledged_by IS NULL AND channel.removed_at IS NULL"
        " AND (alert.suppressed_by IS NOT NULL OR EXISTS (SELECT 1 FROM notification AS unsent"
        " WHERE unsent.incident_key = alert.incident_key AND unsent.channel_key = channel.key"
        " AND unsent.kind = 'incident' AND unsent.due_at IS NOT NULL))"
    )
    _run(
        connection,
        "UPDATE notification SET state = 'pending', due_at = created_at, finished_at = NULL, last_error = NULL"  # noqa: S608 - ours
        " WHERE state = 'cancelled' AND kind = 'opened' AND EXISTS (SELECT 1 FROM alert JOIN channel"
        f" ON channel.hotel_key = alert.hotel_key WHERE {waits} AND alert.key = notification.alert_key"
        " AND alert.revision = notification.alert_revision AND channel.key = notification.channel_key)",
    )
    of_it = "(channel.settings LIKE '%\"it\"\\:true%') = (alert.family = 'token')"
    newest = "SELECT max(event.id) FROM event WHERE event.alert_key = alert.key AND event.type LIKE 'alert.%'"
    _run(
        connection,
        "INSERT INTO notification (hotel_key, alert_key, channel_key, kind, alert_revision, event_id, state, attempts,"  # noqa: S608 - ours
        " due_at, created_at) SELECT alert.hotel_key, alert.key, channel.key, 'opened', alert.revision,"
        f" ({newest}), 'pending', 0, alert.last_at, alert.last_at"
        f" FROM alert JOIN channel ON channel.hotel_key = alert.hotel_key WHERE {waits} AND ({newest}) IS NOT NULL"
        f" AND ({of_it} OR NOT EXISTS (SELECT 1 FROM channel AS fit WHERE fit.hotel_key = channel.hotel_key"
        f" AND fit.removed_at IS NULL AND {of_it.replace('channel.', 'fit.')}))"
        " AND NOT EXISTS (SELECT 1 FROM notification AS told WHERE told.alert_key = alert.key"
        " AND told.channel_key = channel.key AND (told.due_at IS NOT NULL"
        " OR (told.kind = 'opened' AND told.alert_revision = alert.revision))) ORDER BY alert.key, channel.key",
    )
    _run(connection, "UPDATE alert SET suppressed_by = NULL WHERE status = 'open' AND suppressed_by IS NOT NULL")


def _pair_days(connection: sa.Connection) -> None:
    """Minutes outlive messages since 0006. The version before forgets a day of them with its day of messages."""
    found = _run(
        connection,
        "SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid"
        " JOIN pg_class AS parent ON parent.oid = pg_inherits.inhparent"
        " WHERE parent.relname IN ('message', 'minute') AND pg_table_is_visible(parent.oid)",
    )
    tables = {name for (name,) in found}
    for number in sorted(int(name.removeprefix("minute_")) for name in tables if name.startswith("minute_")):
        name, start, end = f"message_{number}", number * _DAY, (number + 1) * _DAY
        if name not in tables:
            _run(connection, f"CREATE TABLE {name} PARTITION OF message FOR VALUES FROM ({start}) TO ({end})")
            _run(connection, f"CREATE UNIQUE INDEX uq_{name}_message_id_device_key ON {name} (message_id, device_key)")
