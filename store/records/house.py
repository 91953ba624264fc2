"""Hotels, rooms and tablets, and by which way a tablet speaks."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NewType

from msgspec import UNSET, Struct, UnsetType

from rules.fingerprint import fingerprint
from rules.ids import (
    DeviceId,
    HotelId,
    RoomId,
    WindowId,
)
from rules.policy import NO_CHANGES, Policy, PolicyChanges, Profile, Window, pushed
from rules.room_status import RoomStatus
from rules.state import DeviceState

DeviceKey = NewType("DeviceKey", int)
"""One device in this installation: small, never given again, never on the wire."""


class Way(StrEnum):
    """How a tablet speaks: over HTTP by the token that all shared, over HTTP by its own, or by MQTT."""

    LEGACY_TOKEN = "legacy-token"  # noqa: S105, a way
    HTTP = "http"
    MQTT = "mqtt"


class Hotel(Struct, frozen=True, rename="camel", kw_only=True):
    id: HotelId
    name: str
    timezone: str = "UTC"  # IANA
    profile: Profile = Profile.NORMAL
    suspended_at: datetime | None = None  # since when nobody of it is let in
    policy: PolicyChanges = NO_CHANGES  # without its profile, which stands above


class Room(Struct, frozen=True, rename="camel", kw_only=True):
    """A room and the access points it may be on: lower case with colons; none means unknown.

    `zone` is what may fail at once with other rooms, beside floor and access point: a switch, a wing.
    """

    id: RoomId
    name: str | None = None
    floor: str | None = None
    access_points: tuple[str, ...] = ()
    rssi_floor: float | None = None  # dBm; None: not calibrated
    profile: Profile | None = None  # None: the hotel's
    zone: str | None = None
    policy: PolicyChanges = NO_CHANGES  # without the two above


class RoomChanges(Struct, frozen=True, rename="camel", kw_only=True):
    """What is to be different of a room; what is unset stays."""

    name: str | UnsetType | None = UNSET
    floor: str | UnsetType | None = UNSET
    access_points: tuple[str, ...] | UnsetType = UNSET
    rssi_floor: float | UnsetType | None = UNSET
    profile: Profile | UnsetType | None = UNSET
    zone: str | UnsetType | None = UNSET


class Device(Struct, frozen=True, kw_only=True):
    """Where a tablet belongs. `gen` is the generation a token must carry; a retired one is known to nobody.

    `token_issued_at` and `token_expires_at` are those of its newest token; none: it never had one that we know of.
    `legacy`: whoever has API_TOKEN may speak for it.
    """

    key: DeviceKey
    hotel_id: HotelId
    id: DeviceId
    room_id: RoomId
    name: str | None = None
    gen: int = 1
    added_at: datetime
    retired_at: datetime | None = None
    revoked_at: datetime | None = None  # when it was last shut out
    legacy: bool = False
    token_issued_at: datetime | None = None
    token_expires_at: datetime | None = None
    policy: PolicyChanges = NO_CHANGES


class NewDevice(Struct, frozen=True, kw_only=True):
    """A device together with the room that is made for it (`add_devices`)."""

    id: DeviceId
    room: Room


class DeviceRow(Struct, frozen=True, kw_only=True):
    """A device with what is known of it now."""

    device: Device
    floor: str | None
    state: DeviceState


class LevelPolicy(Struct, frozen=True, kw_only=True):
    """What a hotel, a room or a tablet decides, what it would inherit without that, and what it comes to.

    `revision` is another one when the level decides something else: what it inherits has no part in it.
    """

    own: PolicyChanges
    inherited: Policy
    effective: Policy

    @property
    def revision(self) -> str:
        return fingerprint(self.own)

    @property
    def pushed(self) -> Mapping[str, str]:
        """What another threshold keeps from being as it is decided, and which one (names of the wire)."""
        return pushed(self.own, inherited=self.inherited, effective=self.effective)


class PolicyException(Struct, frozen=True, rename="camel", kw_only=True):
    """A room, or one of its tablets, that decides thresholds itself.

    `own` is what it decides, and `inherited` what those thresholds would be without that: by its room, or the hotel.
    """

    room_id: RoomId
    device_id: DeviceId | None = None
    own: PolicyChanges
    inherited: PolicyChanges


class WindowState(StrEnum):
    TO_COME = "to-come"
    RUNNING = "running"
    OVER = "over"


class NewWindow(Struct, frozen=True, kw_only=True):
    """When trouble is expected, and where: in a room, on a floor, or (neither) in the whole hotel. No start: now."""

    room_id: RoomId | None = None
    floor: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime
    reason: str | None = None


class MaintenanceWindow(Struct, frozen=True, rename="camel", kw_only=True):
    """A time in which trouble is expected: in a room, on a floor, or (neither) in the whole hotel.

    `ended_at`: when somebody ended it before its time; if it had not begun by then, it never will.
    """

    id: WindowId
    room_id: RoomId | None
    floor: str | None
    starts_at: datetime
    ends_at: datetime
    reason: str | None
    created_by: str
    created_at: datetime
    ended_at: datetime | None = None

    def state_at(self, now: datetime) -> WindowState:
        if self.ended_at is not None or now >= self.ends_at:
            return WindowState.OVER
        return WindowState.TO_COME if now < self.starts_at else WindowState.RUNNING


class Job(Struct, frozen=True, rename="camel", kw_only=True):
    """What is done at intervals: how it went last. `error` is that of the last time; None: it went well, or goes on."""

    name: str
    started_at: datetime
    succeeded_at: datetime | None
    failed_at: datetime | None
    error: str | None
    took_s: float | None


class Home(Struct, frozen=True, kw_only=True):
    """Where one tablet belongs, and by what it is judged there."""

    room_id: RoomId
    access_points: tuple[str, ...]
    policy: Policy


class Contact(Struct, frozen=True, rename="camel"):
    """When a tablet spoke by one way, the first time and lately (some minutes behind)."""

    first_at: datetime
    last_at: datetime


class MigrationRow(Struct, frozen=True, rename="camel", kw_only=True):
    """How far a tablet has come on the way from HTTP to MQTT.

    `speaks` is the way by which it was heard last. `shared_token`: the shared token may speak for it. `cut`: without
    that token it would be heard no more, or could not begin: it speaks by it, or was never heard and has no token.
    """

    device_id: DeviceId
    room_id: RoomId
    speaks: Way | None
    shared_token: bool
    cut: bool
    legacy_token: Contact | None
    http: Contact | None
    mqtt: Contact | None
    token_issued_at: datetime | None
    token_expires_at: datetime | None


class MigrationCounts(Struct, frozen=True, rename="camel", kw_only=True):
    """A hotel's tablets by the way by which each was heard last, and how many the end of the shared token would cut."""

    devices: int
    mqtt: int
    http: int
    legacy_token: int
    never: int
    cut: int


class Ours(StrEnum):
    """Is it the hotel's? It was learned that it is; a person said so; or a person said that it is not."""

    LEARNED = "learned"
    CONFIRMED = "confirmed"
    FORGOTTEN = "forgotten"


class LearnedAccessPoint(Struct, frozen=True, rename="camel", kw_only=True):
    """An access point on which tablets of so many rooms were heard in their rooms, the first time at `since`.

    `decided_by` is the person whose word `state` is, None while nobody said anything.
    """

    bssid: str
    ssid: str | None
    rooms: int
    since: datetime
    state: Ours = Ours.LEARNED
    decided_by: str | None = None
    decided_at: datetime | None = None


class HotelFacts(Struct, frozen=True, kw_only=True):
    """One hotel as the bridge keeps it in memory, read in one transaction. Retired devices are not in it."""

    hotel: Hotel
    revision: int
    last_event_id: int
    rooms: tuple[Room, ...]
    devices: tuple[DeviceRow, ...]
    statuses: Mapping[RoomId, RoomStatus] = {}  # of the rooms of which anything was said
    windows: tuple[Window, ...] = ()  # of maintenance: those to come, those that run, and some that are over
    learned: tuple[str, ...] = ()  # access points that its tablets were heard on in their rooms
    confirmed: tuple[str, ...] = ()  # those of them that a person knows to be the hotel's


class Installation(Struct, frozen=True):
    hotels: tuple[HotelFacts, ...]
