"""Telemetry of agents that do not speak MQTT yet, in the words of the old system (docs/contract.md, "HTTP").

It is turned into the message that would have come by MQTT and left in the inbox for the bridge, which judges it like
any other: here only its shape is looked at. What an agent left out is made up for: the id from device, time and body,
so that a repetition with its own time is a duplicate; the time from our clock.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from api.allowances import Allowance, Allowances
from api.gate import Caller, hotel_of
from api.problems import invalid, too_many
from api.speakers import Speakers
from rules.ids import DeviceId, HotelId, is_id
from rules.messages import ReportKind
from rules.moments import EPOCH, old_moment
from rules.state import DeviceState, LinkState
from store import InboxFull, Store
from store.records import InboxKind

LARGEST_MESSAGE: Final = 8 * 1024

PER_DEVICE: Final = Allowance(120, timedelta(seconds=1))
"""Of one process: heartbeats come every 4 s at the most, and a tablet that was offline brings a few at once."""

FULL_FOR: Final = timedelta(seconds=10)
"""When to come again while the inbox is full."""

UNKNOWN_RSSI: Final = -127.0
"""Android's word for a signal that it does not know."""

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Said(Struct, frozen=True, rename="camel", kw_only=True):
    """What every message may have. Fields that nobody knows are ignored: old and new agents mix.

    `ts` is RFC 3339 (without a zone it is taken for UTC) or a number: seconds or milliseconds since 1970.
    """

    device_id: str
    room_id: str | None = None
    id: Id | None = None
    ts: str | float | None = None


class SaidHeartbeat(Said, frozen=True, rename="camel", kw_only=True):
    wifi_bssid: str | None = None
    wifi_ssid: str | None = None
    rssi: float | None = None
    ip: str | None = None
    battery: float | None = None
    charging: bool | None = None
    agent: str | None = None


class SaidBreach(Said, frozen=True, rename="camel", kw_only=True):
    rssi: float | None = None
    wifi_bssid: str | None = None
    cause: str | None = None


class SaidBattery(Said, frozen=True, rename="camel", kw_only=True):
    level: float


class SaidTamper(Said, frozen=True, rename="camel", kw_only=True):
    threats: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()


class Letterbox:
    """Takes what devices say to the inbox."""

    def __init__(self, *, store: Store, speakers: Speakers, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._speakers = speakers
        self._clock = clock
        self._allowances = Allowances(PER_DEVICE, remembered=10_000)

    async def take(self, caller: Caller, said: Said, body: bytes) -> DeviceState:
        """Keep a message of a device that the caller speaks for; return what is known of it, but for the last samples.

        It is on disk then. Raises Refused: 403 for a message of another device, 429 where too much comes or waits.
        """
        hotel_id, now = hotel_of(caller), self._clock()
        device_id = await self._speakers.device_of(caller, said.device_id)
        self._count(hotel_id, device_id, now)
        kind, payload = message_of(said, of=f"{hotel_id}/{device_id}", body=body, now=now)
        try:
            state = await self._store.leave(hotel_id, device_id, kind, payload, now=now)
        except InboxFull:
            raise too_many(FULL_FOR) from None
        await self._speakers.heard(caller, device_id, now=now)
        return state

    def _count(self, hotel_id: HotelId, device_id: DeviceId, now: datetime) -> None:
        wait = self._allowances.wait((hotel_id, device_id), now)
        if wait > timedelta():
            raise too_many(wait)
        self._allowances.count((hotel_id, device_id), now)


def message_of(said: Said, *, of: str, body: bytes, now: datetime) -> tuple[InboxKind, bytes]:
    """Return the message of the contract that this is; `of` names the device. Raises Refused (400)."""
    if said.id is not None and not is_id(said.id):  # `_` alone, or a line's end that the pattern lets through
        raise invalid("id", "is no id")
    ts = _moment(said.ts, now=now)
    kind, fields = _in_our_words(said)
    head = {"id": said.id or _id(of, type(said).__name__, body, ts=ts), "ts": ts, "deviceId": said.device_id}
    if said.ts is None:
        head["dated"] = False
    known = {name: value for name, value in fields.items() if value not in (None, ())}
    return kind, msgspec.json.encode(head | known)


def _in_our_words(said: Said) -> tuple[InboxKind, Mapping[str, object]]:
    match said:
        case SaidHeartbeat():
            beat = {name: getattr(said, field) for field, name in _HEARTBEAT.items()}
            return InboxKind.HEARTBEAT, beat | {"rssi": _known(said.rssi)}
        case SaidBreach():
            told = {"rssi": _known(said.rssi), "wifiBssid": said.wifi_bssid, "cause": said.cause}
            return InboxKind.ALERT, {"kind": ReportKind.BREACH} | told
        case SaidBattery():
            return InboxKind.ALERT, {"kind": ReportKind.BATTERY, "level": said.level}
        case SaidTamper():
            # Cut, where a message by MQTT would be refused: what an old agent says of an attack must not be lost.
            threats = [threat[:256] for threat in said.threats[:32]]
            description = "; ".join(said.descriptions)[:1024] or None
            return InboxKind.ALERT, {"kind": ReportKind.TAMPER, "threats": threats, "description": description}
    raise TypeError(type(said).__name__)


_HEARTBEAT = {
    "room_id": "roomId",
    "wifi_bssid": "wifiBssid",
    "wifi_ssid": "wifiSsid",
    "ip": "ip",
    "battery": "battery",
    "charging": "charging",
    "agent": "agent",
}


def while_speaking(state: DeviceState) -> DeviceState:
    """The state of a device that is being heard just now, whatever was thought of it."""
    return replace(state, link=LinkState.ONLINE)


def _id(of: str, kind: str, body: bytes, *, ts: datetime) -> str:
    """Sorts by time; the same for the same message of the same device."""
    digest = hashlib.blake2b(f"{of} {kind} {ts.isoformat()} ".encode() + body, digest_size=12).hexdigest()
    return f"{max((ts - EPOCH) // timedelta(milliseconds=1), 0):012x}-{digest}"


def _moment(ts: str | float | None, *, now: datetime) -> datetime:
    if ts is None:
        return now
    try:
        return old_moment(ts)
    except (ValueError, OverflowError):
        raise invalid("ts", "is no RFC 3339 time and no number of seconds or milliseconds since 1970") from None


def _known(rssi: float | None) -> float | None:
    return None if rssi is None or rssi <= UNKNOWN_RSSI else rssi
