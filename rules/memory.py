"""What each rule remembers of a device between two samples, nothing more: a calm device remembers nothing.

These records are stored inside DeviceState as MessagePack: add fields with defaults, never rename one and never
change a default (a field that equals its default is not written).
"""

from datetime import datetime
from enum import IntEnum

from msgspec import Struct

from rules.alerts import Reason
from rules.messages import TokenEnd


class SignalMemory(Struct, frozen=True, omit_defaults=True):
    """breach.signal: the last samples while one of them was low, and whether the rule holds."""

    lows: int = 0  # the last four valid samples as bits, the newest lowest; 1 is below the floor
    low_since: datetime | None = None  # the first low sample of the present run
    firing: bool = False
    good: int = 0  # while firing: samples in a row at or above the floor plus the margin


class Astray(IntEnum):
    """How far from its room the access point is that a tablet hangs on. The order is that of severity."""

    HOME = 0
    MOVED = 1  # a neighbouring room's
    OUT_OF_ZONE = 2  # the hotel's, elsewhere
    FOREIGN = 3  # not the hotel's


class AccessPointMemory(Struct, frozen=True, omit_defaults=True):
    """breach.access-point: where the last three valid samples were, and what is taken to be true."""

    recent: tuple[Astray, Astray, Astray] = (Astray.HOME, Astray.HOME, Astray.HOME)  # the newest last
    out_since: datetime | None = None  # the first sample of the present run outside the room's set
    level: Astray = Astray.HOME


class ReportedMemory(Struct, frozen=True, omit_defaults=True):
    """breach.reported: the tablet's own word, until it or three good samples take it back."""

    at: datetime  # the latest report
    cause: str | None = None
    observed: float | str | None = None
    foreign: bool = False
    silent_after: float | None = None  # seconds from the report to the silence that made it critical
    good: int = 0  # samples in a row in which whatever is known is good


class BatteryLevel(IntEnum):
    OK = 0
    LOW = 1
    CRITICAL = 2


class BatteryMemory(Struct, frozen=True, omit_defaults=True):
    """battery.*: the level taken to be true, and that of the last valid sample."""

    level: BatteryLevel = BatteryLevel.OK
    last: BatteryLevel = BatteryLevel.OK
    charging_since: datetime | None = None  # while the level is not OK


class SilenceMemory(Struct, frozen=True, omit_defaults=True):
    """silence: what the tablet announced, what its will said, and the silence that was established."""

    quiet_until: datetime | None = None  # the end of an announced sleep or goodbye
    lost_at: datetime | None = None  # when the current session's will came
    silent_since: datetime | None = None  # when the silence was established; severity steps count from here
    silent: Reason | None = None  # how it was, until the alert clears
    deaf: Reason | None = None  # for how much of it we were not listening, if at all
    told: Reason | None = None  # wifi-off or powered-off in the tablet's own words, until the alert clears
    beats: int = 0  # heartbeats heard since
    token_ended: TokenEnd | None = None  # we ended the connection, and nothing was heard since
    apart: Reason | None = None  # why no outage explains it (it moved, it did not return), until the alert clears


class TokenMemory(Struct, frozen=True, omit_defaults=True):
    """token.*: the newest token that the tablet was given, as far as anybody noted it."""

    issued_at: datetime | None = None
    expires_at: datetime | None = None
    kept_out_at: datetime | None = None  # when we last ended a connection of it because of an expired one


class CheckoutMemory(Struct, frozen=True, omit_defaults=True):
    """checkout.guard: in what way the tablet was gone after a check-out, until it has been in its room for a while."""

    gone: tuple[Reason, ...] = ()
    good_since: datetime | None = None  # since when everything it says is as it should be


class ClockMemory(Struct, frozen=True, omit_defaults=True):
    """lateness: how the tablet's clock goes against ours in the present session. Seconds."""

    lag: float  # the smallest `receive time - ts` so far
    up: float | None = None  # the same against `upMs`: since 1970, when it seems to have begun
    doubt: float | None = None  # how far its heartbeats lag that have been late of late
    doubt_at: datetime | None = None  # the first of them that lagged so far


# One of each, so that "nothing to remember" is a comparison of identity, on the hot path and after decoding alike.
CALM_SIGNAL = SignalMemory()
CALM_ACCESS_POINT = AccessPointMemory()
CALM_BATTERY = BatteryMemory()
CALM_SILENCE = SilenceMemory()
NO_TOKEN = TokenMemory()
NOT_GONE = CheckoutMemory()
