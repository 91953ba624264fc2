"""Reading an export of the old system: JSON lines, with fields in camelCase or snake_case alike.

A line is a room, a tablet or an alert; `record`, `table`, `entity`, `kind` or `type` says which, or else its fields do.
What has no place here (heartbeats, people) and what is not right is told with the reason, never guessed at.
"""

import math
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from rules.alerts import Acknowledgment, Because, Family, Reason, Rule, Severity
from rules.ids import DeviceId, HotelId, RoomId, is_id
from rules.moments import old_moment
from rules.place import normal_bssid
from rules.policy import Policy
from rules.texts import as_lines
from store.importing import OldAlert, OldDevice
from store.records import Room

LONGEST_LINE: Final = 64 * 1024
LONGEST_NOTE: Final = 2000


class Useless(StrEnum):
    """Why a line is of no use here, in words for whoever imports."""

    TOO_LONG = "longer than 64 KiB"
    NO_JSON = "no JSON object"
    UNKNOWN = "neither a room, a tablet nor an alert"
    HEARTBEAT = "heartbeats and events are not taken over"
    PERSON = "people are not taken over: add them by `innwatch user add`"
    OTHER_HOTEL = "of another hotel"
    ROOM_ID = "a room's id is missing or is none here (letters, digits, '-', '_')"
    DEVICE_ID = "a tablet's id is missing or is none here (letters, digits, '-', '_')"
    ACCESS_POINT = "an access point that is no BSSID"
    SIGNAL = "a signal outside of -126 to 0 dBm"
    TAMPER = "what the alerts of tampering found is judged anew by the tablet's next report"
    ALERT = "an alert of a kind that nobody knows"
    TIME = "a time that is missing, in the future, or cannot be read"
    NUMBER = "an alert's number that is no whole number"
    STRANGER = "an alert of a tablet that nobody knows"


class Unusable(Exception):
    """A line that cannot be used."""

    def __init__(self, why: Useless) -> None:
        super().__init__(why.value)
        self.why = why


Fields = dict[str, object]
Found = Room | OldDevice | OldAlert

_NOUNS: Final = {
    **dict.fromkeys(("room", "rooms"), "room"),
    **dict.fromkeys(("device", "devices", "tablet", "tablets"), "device"),
    **dict.fromkeys(("alert", "alerts", "alarm", "alarms"), "alert"),
    **dict.fromkeys(("heartbeat", "heartbeats", "event", "events", "telemetry", "log", "logs"), "heartbeat"),
    **dict.fromkeys(("user", "users", "account", "accounts"), "person"),
}
_KINDS: Final = {
    **dict.fromkeys(("breach", "geofence", "signal"), Family.BREACH),
    **dict.fromkeys(("battery", "battery_low", "low_battery"), Family.BATTERY),
    **dict.fromkeys(("offline", "silence", "silent"), Family.SILENCE),
}
_TAMPERING: Final = frozenset({"tamper", "tampering", "compromised", "root"})


def read(line: bytes, *, hotel_id: HotelId, now: datetime) -> Found:
    """Return what a line says. Raises Unusable."""
    if len(line) > LONGEST_LINE:
        raise Unusable(Useless.TOO_LONG)
    try:
        decoded = msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unusable(Useless.NO_JSON) from None
    fields = {_camel(name): value for name, value in decoded.items() if value is not None}
    if fields.get("hotelId", hotel_id) != hotel_id:
        raise Unusable(Useless.OTHER_HOTEL)
    match _noun(fields):
        case "room":
            return _room(fields)
        case "device":
            return OldDevice(DeviceId(_id(fields, "deviceId", "id", why=Useless.DEVICE_ID)), _room_id(fields, "roomId"))
        case "alert":
            return _alert(fields, now=now)
        case "heartbeat":
            raise Unusable(Useless.HEARTBEAT)
        case "person":
            raise Unusable(Useless.PERSON)
    raise Unusable(Useless.UNKNOWN)


def _camel(name: str) -> str:
    return re.sub(r"_+([a-zA-Z0-9])", lambda found: found[1].upper(), name)


def _noun(fields: Fields) -> str | None:
    for name in ("record", "table", "entity", "kind", "type"):
        said = fields.get(name)
        if isinstance(said, str) and said.lower() in _NOUNS:
            return _NOUNS[said.lower()]
    if "deviceId" not in fields:
        return "room" if "roomId" in fields else "person" if "username" in fields else None
    if _kind(fields) is not None:
        return "alert"
    has_time = any(name in fields for name in _TIMES)
    return "heartbeat" if has_time and "rssi" in fields else "device" if "roomId" in fields else None


def _id(fields: Fields, *names: str, why: Useless) -> str:
    said = next((fields[name] for name in names if name in fields), None)
    if isinstance(said, int) and not isinstance(said, bool):
        said = str(said)  # rooms are often numbers
    if not isinstance(said, str) or not is_id(said):
        raise Unusable(why)
    return said


def _room_id(fields: Fields, *names: str) -> RoomId:
    return RoomId(_id(fields, *names, why=Useless.ROOM_ID))


def _room(fields: Fields) -> Room:
    floor = _number(fields, "minRssi", "rssiFloor", "rssiThreshold")
    if floor is not None and not -126 <= floor <= 0:
        raise Unusable(Useless.SIGNAL)
    return Room(
        id=_room_id(fields, "roomId", "id", "number"),
        name=_text(fields, "name", "roomName", longest=200),
        floor=_text(fields, "floor", longest=64),
        access_points=_access_points(fields),
        rssi_floor=floor,
    )


def _access_points(fields: Fields) -> tuple[str, ...]:
    said = next((fields[name] for name in ("accessPoints", "bssids", "bssid", "wifiBssid") if name in fields), ())
    found = [
        normal_bssid(one) if isinstance(one, str) else None for one in (said if isinstance(said, list) else [said])
    ]
    if said in ((), ""):
        return ()
    if None in found:
        raise Unusable(Useless.ACCESS_POINT)
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _kind(fields: Fields) -> str | None:
    """The kind of an alert, as the old system said it."""
    for name in ("alertType", "alertKind", "type", "kind", "alert"):
        said = fields.get(name)
        if isinstance(said, str):
            word = said.lower().replace("-", "_")
            if word in _KINDS or word in _TAMPERING:
                return word
    return None


def _alert(fields: Fields, *, now: datetime) -> OldAlert:
    kind = _kind(fields)
    if kind in _TAMPERING:
        raise Unusable(Useless.TAMPER)
    if kind is None:
        raise Unusable(Useless.ALERT)
    rule, severity, why = _verdict(fields, _KINDS[kind])
    at = _time(fields, *_TIMES, now=now)
    if at is None:
        raise Unusable(Useless.TIME)
    return OldAlert(
        number=_alert_number(fields),
        device_id=DeviceId(_id(fields, "deviceId", why=Useless.DEVICE_ID)),
        family=_KINDS[kind],
        rule=rule,
        severity=severity,
        at=at,
        why=why,
        acknowledged=_acknowledgment(fields, at=at, now=now),
        resolved_at=_time(fields, "resolvedAt", "closedAt", now=now),
    )


def _verdict(fields: Fields, family: Family) -> tuple[Rule, Severity, Reason]:
    """What our rules would have made of it."""
    match family:
        case Family.BREACH:
            return Rule.BREACH_REPORTED, Severity.HIGH, Reason(Because.REPORTED, observed=_number(fields, "rssi"))
        case Family.BATTERY:
            level = _number(fields, "level", "battery")
            if level is not None and level <= Policy().battery_critical:
                return Rule.BATTERY_CRITICAL, Severity.MEDIUM, Reason(Because.BATTERY_CRITICAL, observed=level)
            return Rule.BATTERY_LOW, Severity.LOW, Reason(Because.BATTERY_LOW, observed=level)
    return Rule.SILENCE, Severity.HIGH, Reason(Because.NOTHING_HEARD)


def _alert_number(fields: Fields) -> int | None:
    said = next((fields[name] for name in ("alertId", "id") if name in fields), None)
    if said is None:
        return None
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 19:
        said = int(said)
    if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said < 2**63:
        raise Unusable(Useless.NUMBER)
    return said


def _acknowledgment(fields: Fields, *, at: datetime, now: datetime) -> Acknowledgment | None:
    when = _time(fields, "acknowledgedAt", "ackAt", now=now)
    by = _text(fields, "acknowledgedBy", "ackBy", longest=200)
    if when is None and by is None and fields.get("acknowledged") not in (True, 1):
        return None
    note = _text(fields, "notes", "note", "acknowledgedNote", longest=LONGEST_NOTE)
    return Acknowledgment(by or "old system", when or at, note)


_TIMES: Final = ("ts", "timestamp", "createdAt", "at", "time", "openedAt")


def _time(fields: Fields, *names: str, now: datetime) -> datetime | None:
    said = next((fields[name] for name in names if name in fields), None)
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, (str, int, float)):
        raise Unusable(Useless.TIME)
    try:
        moment = old_moment(said)
    except (ValueError, OverflowError):
        raise Unusable(Useless.TIME) from None
    if moment > now + timedelta(days=1):  # clocks differ, and a zone may be missing
        raise Unusable(Useless.TIME)
    return moment


def _number(fields: Fields, *names: str) -> float | None:
    said = next((fields[name] for name in names if name in fields), None)
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        return None
    try:
        return float(said)
    except OverflowError:  # JSON's whole numbers know no end
        return math.inf if said > 0 else -math.inf


def _text(fields: Fields, *names: str, longest: int) -> str | None:
    said = next((fields[name] for name in names if name in fields), None)
    if isinstance(said, int) and not isinstance(said, bool):
        said = str(said)
    return (as_lines(said).strip()[:longest] or None) if isinstance(said, str) else None
