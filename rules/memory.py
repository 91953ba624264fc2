"""What each rule remembers of a device between two samples, nothing more: a calm device remembers nothing.

These records are stored inside DeviceState as MessagePack: add fields with defaults, never rename one and never
change a default (a field that equals its default is not written).
"""

from datetime import datetime, timedelta
from enum import IntEnum

from msgspec import Struct

from rules.alerts import Reason, Rule
from rules.ids import DeviceId, RoomId
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
    explained: Reason | None = None  # the same, learnt late
    beats: int = 0  # heartbeats heard since
    token_ended: TokenEnd | None = None  # we ended the connection, and nothing was heard since
    apart: Reason | None = None  # why no outage explains it (it moved, it did not return), until the alert clears


class TokenMemory(Struct, frozen=True, omit_defaults=True):
    """token.*: the newest token that the tablet was given, as far as anybody noted it."""

    issued_at: datetime | None = None
    expires_at: datetime | None = None
    kept_out_at: datetime | None = None  # when we last ended a connection of it because of an expired one


class CheckoutMemory(Struct, frozen=True, omit_defaults=True):
    """checkout.guard: since when it is missed if it goes, and how it was gone until it has been back for a while."""

    guarded_from: datetime | None = None  # the last check-out of its room, until somebody checks in
    gone: tuple[Reason, ...] = ()
    good_since: datetime | None = None  # since when everything it says is as it should be
    room_id: RoomId | None = None  # the room that it is guarded in; None: of whichever, as it was noted once

    def guarded_in(self, room_id: RoomId | None) -> datetime | None:
        """Since when, should it be in this room: the guard of another one is none."""
        return self.guarded_from if self.room_id in (None, room_id) else None


class ClockMemory(Struct, frozen=True, omit_defaults=True):
    """lateness: how the tablet's clock goes against ours in the present session. Seconds."""

    lag: float  # the smallest `receive time - ts` so far
    up: float | None = None  # the same against `upMs`: since 1970, when it seems to have begun
    doubt: float | None = None  # how far its heartbeats lag that have been late of late
    doubt_at: datetime | None = None  # the first of them that lagged so far
    least: timedelta = timedelta(0)  # a heartbeat that lags by more than this, and no more than that, is as usual
    most: timedelta = timedelta(0)


class Charge(Struct, frozen=True, gc=False):
    """How full a battery was, and when."""

    noted_at: datetime
    percent: float


class DrainMemory(Struct, frozen=True, omit_defaults=True):
    """battery.drain and battery.tonight: how fast it empties. No outage of ours moves what was seen."""

    recent: tuple[Charge, ...] = ()  # ten minutes apart, of the last half hour, the newest last; none: it is charging
    origin: Charge | None = None  # where the longer reckoning begins: two to four hours ago, or when it was unplugged
    middle: Charge | None = None  # where it will begin next
    rate: float | None = None  # percent an hour, as last reckoned; outlives a charge
    draining: bool = False
    dying_until: datetime | None = None  # battery.tonight holds, until this morning
    night_over: datetime | None = None  # the last morning that ended it, should nothing be heard after it


class HeatMemory(Struct, frozen=True, omit_defaults=True):
    """power.overheat."""

    hot: int = 0  # samples in a row
    firing: bool = False
    last: float | None = None  # °C


class SupplyMemory(Struct, frozen=True, omit_defaults=True):
    """power.unplugged: a tablet that should be on its dock, and is not."""

    unplugged_at: datetime | None = None
    plugged_at: datetime | None = None  # while the rule holds: the first sample of the present run on the dock
    firing: bool = False
    signal: float | None = None  # dBm, the last before it was unplugged
    fell_to: float | None = None  # dBm, so soon after that somebody must have carried it off


class Tampering(Struct, frozen=True):
    """One thing that was found wrong with the tablet itself, until a clean word about it."""

    rule: Rule
    found_at: datetime
    words: str | None = None  # the tablet's own


class TamperMemory(Struct, frozen=True, omit_defaults=True):
    """tamper.*: what was found, in the order of finding."""

    found: tuple[Tampering, ...] = ()
    left_at: datetime | None = None  # since when its kiosk is known to be left


class SkewMemory(Struct, frozen=True, omit_defaults=True):
    """clock.skew."""

    wrong: int = 0  # live messages in a row
    firing: bool = False
    ahead: float = 0.0  # seconds by which its clock was ahead of ours in the last of them


class BacklogMemory(Struct, frozen=True, omit_defaults=True):
    """backlog.stuck."""

    filled_at: datetime | None = None  # it was never seen empty since
    long: int = 0  # samples in a row with too many waiting
    waiting: int = 0
    firing: bool = False


class Slice(Struct, frozen=True, gc=False):
    """The samples of a few minutes: on the room's own access points, and on other rooms'."""

    at: datetime
    own: int = 0
    other: int = 0


class RoomFitMemory(Struct, frozen=True, omit_defaults=True):
    """room.*: where it has been lately, since it was first seen on another room's access point."""

    room_id: RoomId | None = None  # the room that it was held against
    astray_at: datetime | None = None
    slices: tuple[Slice, ...] = ()  # of the last half hour, the newest last
    bssid: str | None = None  # the last access point of another room
    says: RoomId | None = None  # another room that it reports
    said: int = 0  # how often in a row
    misfit_at: datetime | None = None  # since when the rule holds; nobody is told for the first minute
    partner: DeviceId | None = None  # the tablet that is where this one belongs, and belongs where this one is
    leads: bool = False  # of the two, the one whose alert tells of both


class IdentityMemory(Struct, frozen=True, omit_defaults=True):
    """identity.conflict: the boots that took over from each other lately."""

    boots: tuple[tuple[datetime, str], ...] = ()  # when each began to speak, the newest last
    conflict_at: datetime | None = None  # the last take-over that made it one, until long enough ago


class StuckMemory(Struct, frozen=True, omit_defaults=True):
    """agent-stuck: signs of life that are no heartbeats."""

    missing_at: datetime | None = None  # heartbeats have been missing since, while something else was heard
    alive_at: datetime | None = None  # when the broker last knew its connection to live, as far as a deadline asked


class RareMemory(Struct, frozen=True, omit_defaults=True):
    """The memories of rules that mostly have none: together, so that a heartbeat passes all of them in one step."""

    heat: HeatMemory = HeatMemory()
    supply: SupplyMemory = SupplyMemory()
    tamper: TamperMemory = TamperMemory()
    skew: SkewMemory = SkewMemory()
    backlog: BacklogMemory = BacklogMemory()
    room_fit: RoomFitMemory = RoomFitMemory()
    identity: IdentityMemory = IdentityMemory()
    stuck: StuckMemory = StuckMemory()


# One of each, so that "nothing to remember" is a comparison of identity, on the hot path and after decoding alike.
CALM_SIGNAL = SignalMemory()
CALM_ACCESS_POINT = AccessPointMemory()
CALM_BATTERY = BatteryMemory()
CALM_SILENCE = SilenceMemory()
NO_TOKEN = TokenMemory()
NOT_GONE = CheckoutMemory()
NO_CHARGES = DrainMemory()
CALM_RARE = RareMemory()
