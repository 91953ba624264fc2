"""What is known of one device between two messages: three axes, never one, and what the rules must remember."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from rules.alerts import AlertChange, EndedAlert, Family, OpenAlert
from rules.ids import DeviceId, RoomId
from rules.memory import (
    CALM_ACCESS_POINT,
    CALM_BATTERY,
    CALM_RARE,
    CALM_SIGNAL,
    CALM_SILENCE,
    NO_CHARGES,
    NO_TOKEN,
    NOT_GONE,
    AccessPointMemory,
    BatteryMemory,
    CheckoutMemory,
    ClockMemory,
    DrainMemory,
    RareMemory,
    ReportedMemory,
    SignalMemory,
    SilenceMemory,
    TokenMemory,
)
from rules.messages import TokenEnd


class LinkState(StrEnum):
    NEVER_SEEN = "never-seen"
    ONLINE = "online"
    SLEEPING = "sleeping"
    AWAY = "away"  # said goodbye, or its token ended (`silence.token_ended` says so)
    SILENT = "silent"


class Posture(StrEnum):
    IN_ROOM = "in-room"
    WEAK = "weak"
    OUT_OF_ZONE = "out-of-zone"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


class Power(StrEnum):
    OK = "ok"
    LOW = "low"
    CRITICAL = "critical"
    CHARGING = "charging"
    UNKNOWN = "unknown"


class DeviceState(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One device, as of its last message. Rules return a new one; nobody changes one, its `alerts` neither.

    The fields below are what everyone may read; those that only a rule remembers between samples stand after
    them, named after the rule. It is stored whole as MessagePack, without the fields that equal their default:
    add fields with defaults, never rename one, never change a default.
    """

    link: LinkState = LinkState.NEVER_SEEN
    posture: Posture = Posture.UNKNOWN
    power: Power = Power.UNKNOWN
    since: datetime | None = None  # when an axis last changed
    sid: str | None = None
    last_heard: datetime | None = None  # the last live message of any kind but the will
    battery: float | None = None  # this and the next four: the last that was known
    charging: bool | None = None
    rssi: float | None = None
    bssid: str | None = None
    agent: str | None = None
    alerts: dict[Family, OpenAlert] = {}
    ended: dict[Family, EndedAlert] = {}  # the last that was over, of each family, until it is too old to matter

    previous_sid: str | None = None  # so that a resent message of the last session does not bring it back
    signal: SignalMemory = CALM_SIGNAL
    access_point: AccessPointMemory = CALM_ACCESS_POINT
    reported: ReportedMemory | None = None
    battery_level: BatteryMemory = CALM_BATTERY
    silence: SilenceMemory = CALM_SILENCE
    token: TokenMemory = NO_TOKEN
    checkout: CheckoutMemory = NOT_GONE
    clock: ClockMemory | None = None
    deaf_s: float = 0.0  # seconds since last_heard in which nobody could have heard it: we were not listening
    drain: DrainMemory = NO_CHARGES
    rare: RareMemory = CALM_RARE


class Verdict(Struct, frozen=True, gc=False):
    """What one message or deadline made of a device: its next state, and the alerts that changed, in order.

    `as_usual`: it was a heartbeat, and `caught_up` would make the same of the state from the heartbeat's row alone.
    `late`: it is history (`rules.history`).
    """

    state: DeviceState
    changes: tuple[AlertChange, ...] = ()
    as_usual: bool = False
    late: bool = False


def caught_up(state: DeviceState, *, last_heard: datetime, rssi: float | None, battery: float | None) -> DeviceState:
    """The state after a heartbeat that was as usual: it moves these three and nothing else."""
    return replace(state, last_heard=last_heard, rssi=rssi, battery=battery)


def remembering(state: DeviceState, **memories: Struct) -> DeviceState:
    """The state with other memories of the rules that mostly have none, named as in `RareMemory`."""
    rare = replace(state.rare, **memories)
    if rare == state.rare:
        return state
    return replace(state, rare=CALM_RARE if rare == CALM_RARE else rare)


class StatusSnapshot(Struct, frozen=True, rename="camel", kw_only=True):
    """A device as others see it: on `hotels/{h}/devices/{d}/status` and in `device.status` events.

    `token_ended` is why it is away, when it is so by our doing.
    """

    device_id: DeviceId
    room_id: RoomId | None
    link: LinkState
    posture: Posture
    power: Power
    since: datetime | None
    last_heard: datetime | None
    battery: float | None
    charging: bool | None
    rssi: float | None
    token_ended: TokenEnd | None = None
