"""The tablet itself: where it stands, what it feels of Wi-Fi and battery, and what it would say of that.

No socket and no clock: time is an argument, so that a test can ask what a tablet says after an hour on the battery.
"""

from datetime import datetime, timedelta
from random import Random
from typing import TypedDict

import msgspec
from msgspec import Struct

from broker.topics import Kind, device_topic
from config.simulate.errands import Answer
from config.simulate.identity import TabletIdentity
from rules.ids import CommandId, MessageId
from rules.messages import Heartbeat, Link, Message, Plug, Renew, Report, ReportKind, Result, State

AGENT = "innwatch-simulator/1"
CAPABILITIES = ("receipts", "backlog", "commands", "renew")

BESIDE_THE_ACCESS_POINT = -52.0  # dBm
ROOM_WARM = 31.0  # °C
WOBBLE = 2.5  # dB, standard deviation from one sample to the next

DRAIN_PER_HOUR = 4.0  # percent, with the screen on
CHARGE_PER_HOUR = 40.0
PLUGGED_IN_BELOW, PLUGGED_OUT_ABOVE = 35.0, 96.0  # percent: a chambermaid who keeps an eye on it

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Outgoing(Struct, frozen=True):
    """One message as it goes on the wire. A heartbeat is done at PUBACK, everything else at its receipt."""

    kind: Kind
    id: MessageId
    body: bytes


class _Head(TypedDict):
    """What every message of a device begins with (contract §2)."""

    id: MessageId
    ts: datetime
    sid: str
    seq: int
    up_ms: int


class Tablet:
    """One tablet, from its boot on. Scenarios move `signal`, `bssid`, `battery`, `celsius`, `kiosk`, `minded`."""

    def __init__(self, identity: TabletIdentity, *, chance: Random) -> None:
        self.identity = identity
        self._chance = chance
        self.bssid: str | None = identity.bssid
        self.signal: float | None = BESIDE_THE_ACCESS_POINT - chance.uniform(0, 8)
        self.at_home = self.signal
        self.battery = chance.uniform(45, 95)
        self.celsius = ROOM_WARM
        self.kiosk = True
        self.charging = chance.random() < 0.3
        self.config_revision: int | None = None
        self.minded = True  # somebody plugs it in and out; a scenario about the battery says no
        self._boot = f"{chance.getrandbits(32):08x}"
        self._attempts = 0
        self.sid = f"{self._boot}-0"
        self._seq = 0
        self._booted_at: datetime | None = None
        self._lived_until: datetime | None = None

    @property
    def heard(self) -> str | None:
        """The access point it hangs on; None while the radio is off."""
        return None if self.signal is None else self.bssid

    def next_sid(self) -> str:
        """Return the name of the session that a CONNECT would begin (contract §2, `{boot}-{n}`); its will names it."""
        self._attempts += 1
        return f"{self._boot}-{self._attempts}"

    def begin_session(self, sid: str) -> None:
        """The broker took us; until then, what is said belongs to the session before."""
        self.sid = sid
        self._seq = 0

    def topic(self, kind: Kind) -> str:
        return device_topic(self.identity.hotel_id, self.identity.device_id, kind)

    def ready(self, now: datetime) -> Outgoing:
        birth = State(
            **self._head(now),
            state=Link.READY,
            agent=AGENT,
            model="Simulated",
            config_rev=self.config_revision,
            caps=CAPABILITIES,
        )
        return _outgoing(Kind.STATE, birth)

    def bye(self, reason: str, now: datetime) -> Outgoing:
        return _outgoing(Kind.STATE, State(**self._head(now), state=Link.BYE, reason=reason))

    def heartbeat(self, now: datetime, *, waiting: int = 0) -> Outgoing:
        """A sample of signal and power; `waiting` is how many messages its backlog holds."""
        self._live_until(now)
        beat = Heartbeat(
            **self._head(now),
            wifi_bssid=self.heard,
            rssi=self._rssi(),
            battery=round(self.battery, 1),
            charging=self.charging,
            plug=Plug.AC if self.charging else Plug.NONE,
            temp_c=round(self.celsius, 1),
            screen_on=True,
            kiosk=self.kiosk,
            agent=AGENT,
            backlog=waiting,
        )
        return _outgoing(Kind.HEARTBEAT, beat)

    def report(self, kind: ReportKind, cause: str | None, now: datetime) -> Outgoing:
        return _outgoing(
            Kind.ALERT,
            Report(**self._head(now), kind=kind, cause=cause, rssi=self._rssi(), wifi_bssid=self.heard),
        )

    def result(self, command_id: CommandId, answer: Answer, now: datetime) -> Outgoing:
        return _outgoing(
            Kind.RESULT,
            Result(**self._head(now), command_id=command_id, status=answer.status, detail=answer.detail),
        )

    def renew(self, now: datetime) -> Outgoing:
        return _outgoing(Kind.RENEW, Renew(**self._head(now)))

    def backlog(self, items: list[Outgoing], now: datetime) -> Outgoing:
        """Messages kept while offline, in one envelope with their original ids and times; at most 100."""
        identity = _ulid(now, self._chance)
        kept = [{"kind": item.kind, "message": msgspec.Raw(item.body)} for item in items]
        return Outgoing(Kind.BACKLOG, identity, msgspec.json.encode({"id": identity, "ts": now, "items": kept}))

    def _head(self, now: datetime) -> _Head:
        self._booted_at = self._booted_at or now
        self._seq += 1
        up = max(now - self._booted_at, timedelta())
        return {
            "id": _ulid(now, self._chance),
            "ts": now,
            "sid": self.sid,
            "seq": self._seq,
            "up_ms": up // timedelta(milliseconds=1),
        }

    def _rssi(self) -> float | None:
        if self.signal is None:
            return None
        return float(round(min(-20, max(-110, self._chance.gauss(self.signal, WOBBLE)))))

    def _live_until(self, now: datetime) -> None:
        """Let the battery drain or charge up to now. A clock that was moved back costs nothing."""
        hours = max((now - (self._lived_until or now)) / timedelta(hours=1), 0)
        self._lived_until = now
        change = CHARGE_PER_HOUR if self.charging else -DRAIN_PER_HOUR
        self.battery = min(100, max(1, self.battery + change * hours))
        if self.minded and self.battery < PLUGGED_IN_BELOW:
            self.charging = True
        elif self.minded and self.battery > PLUGGED_OUT_ABOVE:
            self.charging = False


def will(sid: str) -> bytes:
    """What the broker says for a tablet that is gone: contract §2, the state and the session, nothing more."""
    return msgspec.json.encode({"state": Link.LOST, "sid": sid})


def _outgoing(kind: Kind, message: Message) -> Outgoing:
    """Encode without what is unknown: an agent sends what it has."""
    known = {name: value for name, value in msgspec.to_builtins(message).items() if value not in (None, ())}
    return Outgoing(kind, message.id, msgspec.json.encode(known))


def _ulid(now: datetime, chance: Random) -> MessageId:
    """48 bits of milliseconds and 80 of chance in 26 characters that sort by time (the ULID specification)."""
    number = int(now.timestamp() * 1000) << 80 | chance.getrandbits(80)
    return MessageId("".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)))
