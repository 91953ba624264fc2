"""Thresholds, and what the hotel knows of a room: the part of a verdict that people decide.

Policy is hotel → room → device; a level that says nothing inherits. This module resolves the levels once,
so that the rules see one flat record per device.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict, replace

from rules.ids import DeviceId, HotelId, RoomId, WindowId
from rules.room_status import NOTHING_SAID, RoomStatus


class Profile(StrEnum):
    STRICT = "strict"
    NORMAL = "normal"


_INTERVAL = {Profile.STRICT: timedelta(seconds=4), Profile.NORMAL: timedelta(seconds=10)}
_ALLOWANCE = {profile: max(timedelta(seconds=15), 3 * interval) for profile, interval in _INTERVAL.items()}
_GRACE = {Profile.STRICT: timedelta(seconds=3), Profile.NORMAL: timedelta(seconds=10)}


class Policy(Struct, frozen=True, rename="camel", kw_only=True):
    """The thresholds of one device, flat. Defaults are those of docs/rules.md.

    Each stands in `PolicyChanges` too, which says within which limits people may set it.
    """

    profile: Profile = Profile.NORMAL
    rssi_floor: float | None = None  # dBm; None: the room is not calibrated
    rssi_default_floor: float = -80.0  # dBm, for a room that is not calibrated
    rssi_recovery_margin: float = 6.0  # dB above the floor
    breach_min_span: timedelta = timedelta(seconds=10)
    breach_silent_within: timedelta = timedelta(seconds=60)  # of the tablet's own report
    battery_low: float = 20.0
    battery_low_clear: float = 25.0
    battery_critical: float = 10.0
    battery_critical_clear: float = 15.0
    battery_charging_clear: timedelta = timedelta(minutes=5)
    bye_reconnect: timedelta = timedelta(seconds=60)
    bye_reboot: timedelta = timedelta(seconds=180)
    sleep_longest: timedelta = timedelta(minutes=10)
    silence_high_after: timedelta = timedelta(seconds=30)  # in the normal profile, as is the next
    silence_critical_after: timedelta = timedelta(minutes=10)
    silence_grace: timedelta | None = None  # None: the profile's
    restart_grace: timedelta = timedelta(seconds=60)
    token_expiring_from: float = 0.85  # of its life; tablets renew theirs from 0.8 to 0.84
    docked: bool = False  # the room's tablets stand on chargers, and are to stay there
    never_seen_after: timedelta = timedelta(hours=24)  # it was added
    battery_drain: float = 15.0  # percent an hour, as is the next
    battery_drain_clear: float = 8.0
    battery_tonight: float = 5.0  # percent, the least it should have at 07:00, as is the next
    battery_tonight_clear: float = 10.0
    unplugged_longest: timedelta = timedelta(minutes=10)
    unplugged_clear: timedelta = timedelta(minutes=1)  # on its dock
    unplugged_fall: float = 15.0  # dB within `unplugged_fall_within` of being unplugged: it is carried off
    unplugged_fall_within: timedelta = timedelta(seconds=60)
    overheat: float = 45.0  # °C, as is the next
    overheat_clear: float = 42.0
    kiosk_left_longest: timedelta = timedelta(minutes=5)
    clock_skew: timedelta = timedelta(seconds=120)
    clock_skew_clear: timedelta = timedelta(seconds=30)
    misfit_share: float = 0.7  # of half an hour on the access points of other rooms
    backlog_longest: float = 50.0  # messages waiting
    backlog_oldest: timedelta = timedelta(minutes=15)
    take_overs: int = 3  # within `take_overs_within`
    take_overs_within: timedelta = timedelta(minutes=5)
    departing_within: timedelta = timedelta(minutes=60)  # of the time at which the guest leaves
    checkout_guard: timedelta = timedelta(minutes=45)  # after a check-out
    checkout_seen: timedelta = timedelta(minutes=5)  # in its room, until all is well

    @property
    def heartbeat_interval(self) -> timedelta:
        return _INTERVAL[self.profile]

    @property
    def silence_allowance(self) -> timedelta:
        """How long nothing may be heard before the profile's grace begins."""
        return _ALLOWANCE[self.profile]

    @property
    def grace(self) -> timedelta:
        """How long nothing may be heard after the allowance."""
        return _GRACE[self.profile] if self.silence_grace is None else self.silence_grace


_Dbm = Annotated[float, Meta(ge=-126, le=0)]
_Percent = Annotated[float, Meta(ge=1, le=100)]


class PolicyChanges(
    Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True, repr_omit_defaults=True
):
    """What one level decides: the thresholds of `Policy` with their limits. What is left out is inherited.

    Durations are seconds. A test holds the two lists together.
    """

    profile: Profile | UnsetType = UNSET
    rssi_floor: _Dbm | UnsetType = UNSET
    rssi_default_floor: _Dbm | UnsetType = UNSET
    rssi_recovery_margin: Annotated[float, Meta(ge=1, le=40)] | UnsetType = UNSET
    breach_min_span: Annotated[float, Meta(ge=0, le=600)] | UnsetType = UNSET
    breach_silent_within: Annotated[float, Meta(ge=0, le=3600)] | UnsetType = UNSET
    battery_low: Annotated[float, Meta(ge=1, le=90)] | UnsetType = UNSET
    battery_low_clear: _Percent | UnsetType = UNSET
    battery_critical: Annotated[float, Meta(ge=1, le=90)] | UnsetType = UNSET
    battery_critical_clear: _Percent | UnsetType = UNSET
    battery_charging_clear: Annotated[float, Meta(ge=0, le=3600)] | UnsetType = UNSET
    bye_reconnect: Annotated[float, Meta(ge=10, le=600)] | UnsetType = UNSET
    bye_reboot: Annotated[float, Meta(ge=10, le=3600)] | UnsetType = UNSET
    sleep_longest: Annotated[float, Meta(ge=0, le=600)] | UnsetType = UNSET  # docs/contract.md: 10 min at most
    silence_high_after: Annotated[float, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    silence_critical_after: Annotated[float, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    silence_grace: Annotated[float, Meta(ge=0, le=60)] | UnsetType = UNSET  # more would tear an outage apart
    restart_grace: Annotated[float, Meta(ge=60, le=3600)] | UnsetType = UNSET  # never less: our outage accuses nobody
    token_expiring_from: Annotated[float, Meta(ge=0.85, le=0.99)] | UnsetType = UNSET
    docked: bool | UnsetType = UNSET
    never_seen_after: Annotated[float, Meta(ge=600, le=2_592_000)] | UnsetType = UNSET
    battery_drain: Annotated[float, Meta(ge=2, le=100)] | UnsetType = UNSET
    battery_drain_clear: Annotated[float, Meta(ge=1, le=99)] | UnsetType = UNSET
    battery_tonight: Annotated[float, Meta(ge=1, le=90)] | UnsetType = UNSET
    battery_tonight_clear: _Percent | UnsetType = UNSET
    unplugged_longest: Annotated[float, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    unplugged_clear: Annotated[float, Meta(ge=0, le=3600)] | UnsetType = UNSET
    unplugged_fall: Annotated[float, Meta(ge=6, le=60)] | UnsetType = UNSET
    unplugged_fall_within: Annotated[float, Meta(ge=0, le=600)] | UnsetType = UNSET
    overheat: Annotated[float, Meta(ge=30, le=90)] | UnsetType = UNSET
    overheat_clear: Annotated[float, Meta(ge=20, le=89)] | UnsetType = UNSET
    kiosk_left_longest: Annotated[float, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    clock_skew: Annotated[float, Meta(ge=10, le=86_400)] | UnsetType = UNSET
    clock_skew_clear: Annotated[float, Meta(ge=5, le=86_400)] | UnsetType = UNSET
    misfit_share: Annotated[float, Meta(ge=0.5, le=1)] | UnsetType = UNSET
    backlog_longest: Annotated[float, Meta(ge=1, le=100_000)] | UnsetType = UNSET
    backlog_oldest: Annotated[float, Meta(ge=60, le=86_400)] | UnsetType = UNSET
    take_overs: Annotated[int, Meta(ge=2, le=20)] | UnsetType = UNSET
    take_overs_within: Annotated[float, Meta(ge=60, le=3600)] | UnsetType = UNSET
    departing_within: Annotated[float, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    checkout_guard: Annotated[float, Meta(ge=0, le=86_400)] | UnsetType = UNSET
    checkout_seen: Annotated[float, Meta(ge=0, le=3600)] | UnsetType = UNSET


NO_CHANGES: Final = PolicyChanges()
DEFAULTS: Final = Policy()

SPANS: Final = frozenset(name for name, value in asdict(DEFAULTS).items() if isinstance(value, timedelta)) | {
    "silence_grace"
}
"""The thresholds that are durations."""


class _Apart(Struct, frozen=True):
    """Of two thresholds, `moves` is what gives way where `lower` + `by` would be above `upper`."""

    lower: str
    upper: str
    by: float | timedelta
    moves: str


_APART: Final = (
    _Apart("battery_critical", "battery_low", 0.0, moves="battery_critical"),  # before what must be above it
    _Apart("battery_low", "battery_low_clear", 1.0, moves="battery_low_clear"),
    _Apart("battery_critical", "battery_critical_clear", 1.0, moves="battery_critical_clear"),
    _Apart("silence_high_after", "silence_critical_after", timedelta(0), moves="silence_critical_after"),
    _Apart("battery_drain_clear", "battery_drain", 1.0, moves="battery_drain_clear"),
    _Apart("battery_tonight", "battery_tonight_clear", 1.0, moves="battery_tonight_clear"),
    _Apart("overheat_clear", "overheat", 1.0, moves="overheat_clear"),
    _Apart("clock_skew_clear", "clock_skew", timedelta(seconds=5), moves="clock_skew_clear"),
)
"""What keeps an alert from flapping on a constant signal, however people set the one and leave the other."""


def resolve(*levels: PolicyChanges, over: Policy = DEFAULTS) -> Policy:
    """Of each threshold what the last level says that says anything: the hotel's first, the device's last.

    Two that contradict each other are moved apart, at the end: hand over all levels at once.
    """
    decided = {name: value for level in levels if level is not NO_CHANGES for name, value in _decided(level).items()}
    return apart(replace(over, **decided)) if decided else over


def in_full(policy: Policy) -> PolicyChanges:
    """A policy as one level that decides all of it; a room that is not calibrated has no floor."""
    said = {
        name: value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in asdict(policy).items()
        if value is not None
    }
    return replace(NO_CHANGES, **said)


def merged(before: PolicyChanges, changes: PolicyChanges) -> PolicyChanges:
    """What a level decides after `changes` to it."""
    return replace(before, **{name: value for name, value in asdict(changes).items() if value is not UNSET})


def _decided(level: PolicyChanges) -> dict[str, Any]:
    return {
        name: timedelta(seconds=value) if name in SPANS else value
        for name, value in asdict(level).items()
        if value is not UNSET
    }


def apart(policy: Policy) -> Policy:
    """The policy with no two thresholds that contradict each other; the same one where there are none."""
    for pair in _APART:
        lower, upper = getattr(policy, pair.lower), getattr(policy, pair.upper)
        if lower + pair.by > upper:
            moved = lower + pair.by if pair.moves == pair.upper else upper - pair.by
            policy = replace(policy, **{pair.moves: moved})
    return policy


def pushed(own: PolicyChanges, *, inherited: Policy, effective: Policy) -> Mapping[str, str]:
    """Of one level what is not as it decides or inherits it, and the other threshold that it gave way to.

    Both by their names on the wire.
    """
    decided, name = _decided(own), dict(zip(Policy.__struct_fields__, Policy.__struct_encode_fields__, strict=True))
    return {
        name[pair.moves]: name[pair.lower if pair.moves == pair.upper else pair.upper]
        for pair in _APART
        if getattr(effective, pair.moves) != decided.get(pair.moves, getattr(inherited, pair.moves))
        and getattr(effective, pair.lower) + pair.by == getattr(effective, pair.upper)
    }


class Place(Struct, frozen=True, kw_only=True):
    """Where a device belongs and what stands around it. BSSIDs are lower case with colons.

    `access_points` are the room's own; empty means unknown. `neighbours` are those of the rooms on the same
    floor, `hotel_access_points` those of the whole hotel (own and neighbours included). `zone` is what may fail at
    once with other rooms, such as a switch or a wing. `rooms` are the hotel's, `rooms_on` those that share an access
    point. `is_incomplete`: the hotel is known to have access points that stand in no room's list.
    """

    room_id: RoomId | None = None
    floor: str | None = None
    zone: str | None = None
    access_points: frozenset[str] = frozenset()
    neighbours: frozenset[str] = frozenset()
    hotel_access_points: frozenset[str] = frozenset()
    rooms: frozenset[RoomId] = frozenset()
    rooms_on: Mapping[str, frozenset[RoomId]] = {}
    is_incomplete: bool = False


class Window(Struct, frozen=True, rename="camel", kw_only=True):
    """A time of maintenance, in which trouble is expected: of a room, of a floor, or (neither) of the whole hotel.

    It is over at `ends_at`, the moment itself not included; for one that somebody ended early, that moment.
    """

    id: WindowId
    starts_at: datetime
    ends_at: datetime
    room_id: RoomId | None = None
    floor: str | None = None


class Assignment(Struct, frozen=True, kw_only=True):
    """Everything about one device that the rules need and the device does not say itself.

    `windows` are those of its place, the earliest first (`rules.maintenance`). `timezone` is the hotel's (IANA),
    `added_at` when the device was added, as far as that is known.
    """

    hotel_id: HotelId
    device_id: DeviceId
    place: Place
    policy: Policy
    room: RoomStatus = NOTHING_SAID  # what the hotel's systems say of the room
    windows: tuple[Window, ...] = ()
    timezone: str = "UTC"
    added_at: datetime | None = None
