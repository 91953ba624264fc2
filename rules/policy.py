"""Thresholds, and what the hotel knows of a room: the part of a verdict that people decide.

Policy is hotel → room → device; a level that says nothing inherits. This module resolves the levels once,
so that the rules see one flat record per device.
"""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from rules.ids import DeviceId, HotelId, RoomId
from rules.room_status import NOTHING_SAID, RoomStatus


class Profile(StrEnum):
    STRICT = "strict"
    NORMAL = "normal"


_INTERVAL = {Profile.STRICT: timedelta(seconds=4), Profile.NORMAL: timedelta(seconds=10)}
_ALLOWANCE = {profile: max(timedelta(seconds=15), 3 * interval) for profile, interval in _INTERVAL.items()}
_GRACE = {Profile.STRICT: timedelta(seconds=3), Profile.NORMAL: timedelta(seconds=10)}


class Policy(Struct, frozen=True, rename="camel", kw_only=True):
    """The thresholds of one device, flat. Defaults are those of docs/rules.md."""

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
    restart_grace: timedelta = timedelta(seconds=60)
    token_expiring_from: float = 0.85  # of its life; tablets renew theirs from 0.8 to 0.84

    @property
    def heartbeat_interval(self) -> timedelta:
        return _INTERVAL[self.profile]

    @property
    def silence_allowance(self) -> timedelta:
        """How long nothing may be heard before the profile's grace begins."""
        return _ALLOWANCE[self.profile]

    @property
    def silence_grace(self) -> timedelta:
        return _GRACE[self.profile]


class Place(Struct, frozen=True, kw_only=True):
    """Where a device belongs and what stands around it. BSSIDs are lower case with colons.

    `access_points` are the room's own; empty means unknown. `neighbours` are those of the rooms on the same
    floor, `hotel_access_points` those of the whole hotel (own and neighbours included).
    """

    room_id: RoomId | None = None
    floor: str | None = None
    access_points: frozenset[str] = frozenset()
    neighbours: frozenset[str] = frozenset()
    hotel_access_points: frozenset[str] = frozenset()


class Assignment(Struct, frozen=True, kw_only=True):
    """Everything about one device that the rules need and the device does not say itself."""

    hotel_id: HotelId
    device_id: DeviceId
    place: Place
    policy: Policy
    room: RoomStatus = NOTHING_SAID  # what the hotel's systems say of the room
