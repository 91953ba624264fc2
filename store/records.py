"""What the store hands out and takes in: frozen records, no rows, no sessions.

Times are aware UTC, durations `timedelta`. A record whose name is also a thing of the contract (Event, the alert
snapshot, the timeline) encodes with msgspec to exactly what goes on the wire.
"""

from datetime import datetime
from enum import StrEnum
from typing import Generic, NewType, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from rules.alerts import AlertSnapshot, Reason, Rule, Severity
from rules.ids import (
    AlertId,
    CommandId,
    DeviceId,
    EnrolmentId,
    HotelId,
    IntegratorName,
    MessageId,
    RoomId,
    UserName,
)
from rules.policy import Profile
from rules.state import DeviceState

DeviceKey = NewType("DeviceKey", int)
"""One device in this installation: small, never given again, never on the wire."""

NotificationId = NewType("NotificationId", int)
ChannelId = NewType("ChannelId", int)

InboxKey = NewType("InboxKey", int)
"""One message that waits in the inbox; never given again."""

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    """A part of a list; `next` is an opaque cursor, None at the end."""

    items: tuple[T, ...]
    next: str | None = None


class Way(StrEnum):
    """How a tablet speaks: over HTTP by the token that all shared, over HTTP by its own, or by MQTT."""

    LEGACY_TOKEN = "legacy-token"  # noqa: S105, a way
    HTTP = "http"
    MQTT = "mqtt"


# -- the installation


class Hotel(Struct, frozen=True, rename="camel", kw_only=True):
    id: HotelId
    name: str
    timezone: str = "UTC"  # IANA
    profile: Profile = Profile.NORMAL
    suspended_at: datetime | None = None  # since when nobody of it is let in


class Room(Struct, frozen=True, rename="camel", kw_only=True):
    """A room and the access points it may be on: lower case with colons; none means unknown."""

    id: RoomId
    name: str | None = None
    floor: str | None = None
    access_points: tuple[str, ...] = ()
    rssi_floor: float | None = None  # dBm; None: not calibrated
    profile: Profile | None = None  # None: the hotel's


class RoomChanges(Struct, frozen=True, rename="camel", kw_only=True):
    """What is to be different of a room; what is unset stays."""

    name: str | UnsetType | None = UNSET
    floor: str | UnsetType | None = UNSET
    access_points: tuple[str, ...] | UnsetType = UNSET
    rssi_floor: float | UnsetType | None = UNSET
    profile: Profile | UnsetType | None = UNSET


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


class NewDevice(Struct, frozen=True, kw_only=True):
    """A device together with the room that is made for it (`add_devices`)."""

    id: DeviceId
    room: Room


class DeviceRow(Struct, frozen=True, kw_only=True):
    """A device with what is known of it now."""

    device: Device
    floor: str | None
    state: DeviceState


class Home(Struct, frozen=True, kw_only=True):
    """Where one tablet belongs, and by which profile it is judged there."""

    room_id: RoomId
    access_points: tuple[str, ...]
    rssi_floor: float | None
    profile: Profile


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


class HotelFacts(Struct, frozen=True, kw_only=True):
    """One hotel as the bridge keeps it in memory, read in one transaction. Retired devices are not in it."""

    hotel: Hotel
    revision: int
    last_event_id: int
    rooms: tuple[Room, ...]
    devices: tuple[DeviceRow, ...]


class Installation(Struct, frozen=True):
    hotels: tuple[HotelFacts, ...]


# -- enrolment


class EnrolmentState(StrEnum):
    OPEN = "open"  # a tablet may take it
    WAITING = "waiting"  # one that is known has come with it, and waits for somebody's yes
    APPROVED = "approved"  # that one may take it now
    USED = "used"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Enrolment(Struct, frozen=True, rename="camel", kw_only=True):
    """A one-time code for a tablet of a room; the code itself is nowhere.

    `device_id`: for this tablet alone. `again`: one that is known may take it too, which voids the tokens it had.
    `wanted_device_id` is a known one that came with a code that does not say so. `enrolled_device_id` used it.
    """

    id: EnrolmentId
    room_id: RoomId
    device_id: DeviceId | None
    again: bool
    created_by: str
    created_at: datetime
    expires_at: datetime
    wanted_device_id: DeviceId | None = None
    wanted_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    withdrawn_at: datetime | None = None
    used_at: datetime | None = None
    enrolled_device_id: DeviceId | None = None

    def state(self, now: datetime) -> EnrolmentState:
        if self.used_at is not None:
            return EnrolmentState.USED
        if self.withdrawn_at is not None:
            return EnrolmentState.WITHDRAWN
        if self.expires_at <= now:
            return EnrolmentState.EXPIRED
        if self.approved_at is not None:
            return EnrolmentState.APPROVED
        return EnrolmentState.OPEN if self.wanted_at is None else EnrolmentState.WAITING


# -- people and integrators


class MemberRole(StrEnum):
    VIEWER = "viewer"
    STAFF = "staff"
    MANAGER = "manager"


class Membership(Struct, frozen=True):
    """Tokens for the hotel that were issued up to the second `void_until` are void: the person might do more then."""

    hotel_id: HotelId
    hotel_name: str
    role: MemberRole
    suspended: bool = False  # the hotel is
    void_until: datetime | None = None


class Account(Struct, frozen=True, kw_only=True):
    """A person. `password_hash` is argon2id; None: cannot log in by password. Memberships oldest first.

    `temporary`: somebody else knows the password, having chosen it.
    """

    name: UserName
    password_hash: str | None
    admin: bool
    gen: int
    disabled: bool
    temporary: bool = False
    memberships: tuple[Membership, ...]

    def __repr__(self) -> str:
        return f"Account(name={self.name!r}, admin={self.admin}, disabled={self.disabled})"


class Member(Struct, frozen=True, rename="camel", kw_only=True):
    """A person as one hotel sees them. `elsewhere`: they belong to other hotels too, whichever."""

    name: UserName
    role: MemberRole
    admin: bool
    disabled: bool
    temporary: bool
    has_password: bool
    since: datetime
    elsewhere: bool


class PasswordLink(Struct, frozen=True, kw_only=True):
    """Whoever has the secret sets the person's password by it, once. It is told when the link is made, never again."""

    name: UserName
    secret: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"PasswordLink(name={self.name!r}, expires_at={self.expires_at!r})"


class Integrator(Struct, frozen=True, kw_only=True):
    hotel_id: HotelId
    name: IntegratorName
    scopes: tuple[str, ...]
    gen: int = 1


# -- channels and the outbox


class ChannelKind(StrEnum):
    EMAIL = "email"
    SLACK = "slack"


class EmailChannel(Struct, frozen=True, tag="email", tag_field="kind"):
    """`it`: for the hotel's IT, who are told of tokens and of nothing else; the next one's too."""

    recipients: tuple[str, ...]
    it: bool = False

    @property
    def kind(self) -> ChannelKind:
        return ChannelKind.EMAIL


class SlackChannel(Struct, frozen=True, tag="slack", tag_field="kind"):
    """The webhook's URL is a secret: whoever has it may post."""

    webhook_url: str
    it: bool = False

    @property
    def kind(self) -> ChannelKind:
        return ChannelKind.SLACK

    def __repr__(self) -> str:
        return "SlackChannel(webhook_url=…)"


Channel = EmailChannel | SlackChannel


class ChannelRow(Struct, frozen=True):
    id: ChannelId
    channel: Channel


class NoticeKind(StrEnum):
    """What a notification tells: the reason why its row exists."""

    OPENED = "opened"
    WORSENED = "worsened"
    RECOVERED = "recovered"


class NotificationState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"  # leased by a worker
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"  # a recovery that need not be told: nobody on its channel heard of the trouble


class NotificationRef(Struct, frozen=True):
    hotel_id: HotelId
    id: NotificationId


class Notification(Struct, frozen=True, rename="camel", kw_only=True):
    """One line of the ledger. `due_at`: next attempt while pending, end of the lease while sending."""

    id: NotificationId
    alert_id: AlertId
    channel: ChannelKind
    kind: NoticeKind
    state: NotificationState
    attempts: int
    created_at: datetime
    due_at: datetime | None
    finished_at: datetime | None
    last_error: str | None


class Claimed(Struct, frozen=True, kw_only=True):
    """A notification that this worker, and nobody else, may send until `lease_until`.

    `alert` is the alert at the moment the notice was made, `attempt` counts from 1, `idempotency_id` is the same for
    every attempt at this notice.
    """

    hotel_id: HotelId
    id: NotificationId
    kind: NoticeKind
    channel: Channel
    alert: AlertSnapshot
    attempt: int
    idempotency_id: str
    lease_until: datetime
    hotel_name: str
    timezone: str


# -- what came over HTTP, and what tablets are asked to do


class InboxKind(StrEnum):
    """The topic that a message of the inbox would have come by."""

    HEARTBEAT = "heartbeat"
    ALERT = "alert"


class InboxRow(Struct, frozen=True, kw_only=True):
    """A device's message that came over HTTP and is not stored yet. `payload` is as it would have come by MQTT."""

    key: InboxKey
    hotel_id: HotelId
    device_id: DeviceId
    kind: InboxKind
    payload: bytes
    received_at: datetime


class CommandName(StrEnum):
    RING = "ring"
    LOCK = "lock"
    UNLOCK = "unlock"
    LOCATE = "locate"
    MESSAGE = "message"
    REBOOT = "reboot"
    SYNC = "sync"
    APPLY_CONFIG = "apply-config"


class CommandState(StrEnum):
    """How far a command has come. The last four end it; only the device's own word still changes `expired`."""

    PENDING = "pending"  # waits for the bridge
    SENT = "sent"  # published to the device's topic
    RECEIVED = "received"  # this and the following: the device says so
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    EXPIRED = "expired"  # its time was up before it began


Argument = str | bool | int | float | None


class Command(Struct, frozen=True, rename="camel", kw_only=True):
    """What a device was asked to do, and what became of it. `by`: a person's name, or `command line`."""

    id: CommandId
    device_id: DeviceId
    name: CommandName
    args: dict[str, Argument]
    state: CommandState
    detail: str | None
    by: str
    created_at: datetime
    changed_at: datetime
    expires_at: datetime


class CommandRef(Struct, frozen=True):
    """A command of one device: of another's id nothing is known."""

    device_key: DeviceKey
    id: CommandId


class OpenCommand(Struct, frozen=True, kw_only=True):
    """A command as the bridge needs it to tell its device."""

    hotel_id: HotelId
    device_key: DeviceKey
    command: Command


# -- events and what hangs on them


class EventType(StrEnum):
    DEVICE_STATUS = "device.status"
    DEVICE_ADDED = "device.added"
    DEVICE_REMOVED = "device.removed"
    DEVICE_MOVED = "device.moved"
    ALERT_OPENED = "alert.opened"
    ALERT_CHANGED = "alert.changed"
    ALERT_CLEARED = "alert.cleared"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    NOTIFICATION_SENT = "notification.sent"
    NOTIFICATION_DEAD = "notification.dead"
    MONITOR_CHANGED = "monitor.changed"
    COMMAND_CHANGED = "command.changed"


class Event(Struct, frozen=True, rename="camel"):
    """One line of a hotel's history, as it goes on the wire.

    `id` is per hotel, gapless and committed in order. `subject` is an alert's id (alert.*, notification.*), a device's
    (device.*), a command's (command.*) or the hotel's (monitor.*). `data` is JSON: the whole AlertSnapshot after the
    change for alert.*, the StatusSnapshot for device.status, {deviceId, roomId} for device.added and device.removed,
    {deviceId, roomId, fromRoomId} for device.moved, {alertId, channel, kind, error?} for notification.*, {state, why}
    for monitor.changed, {id, deviceId, name, state, by, detail, expiresAt} for command.changed.
    """

    id: int
    at: datetime
    type: EventType
    subject: str
    data: msgspec.Raw


class Recorded(Struct, frozen=True):
    """A committed event together with its hotel, which is not on the wire."""

    hotel_id: HotelId
    event: Event


class EventBounds(Struct, frozen=True):
    """The ids that can be read: `oldest` … `newest`. Empty: oldest is newest + 1."""

    oldest: int
    newest: int


class TimelineEntry(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """One step in an alert's life: an alert.* event of it, or a notification.* about it. `id` is the event's."""

    id: int
    at: datetime
    type: EventType
    rule: Rule | None = None
    severity: Severity | None = None
    why: tuple[Reason, ...] = ()
    by: str | None = None
    note: str | None = None
    channel: ChannelKind | None = None
    notice: NoticeKind | None = None
    error: str | None = None


class HistoryPoint(Struct, frozen=True, rename="camel", kw_only=True):
    """The heartbeats of one equal slice of time that starts at `at`. dBm, percent; None: no sample had it."""

    at: datetime
    count: int
    rssi_avg: float | None
    rssi_min: float | None
    battery: float | None  # the last one of the slice
    charging: bool | None


class MessageRow(Struct, frozen=True, rename="camel", kw_only=True):
    """One stored message or other input of the rules; `device_id` is None for what concerns the whole hotel."""

    device_id: DeviceId | None
    id: MessageId
    kind: str
    received_at: datetime
    ts: datetime | None
    late: bool


class QuarantineRow(Struct, frozen=True, rename="camel", kw_only=True):
    """A refused message; `head` is its first KiB as text, with what is not UTF-8 escaped."""

    id: int
    device_id: str | None
    topic: str
    reason: str
    detail: str
    head: str
    at: datetime


class OrphanRow(Struct, frozen=True, rename="camel", kw_only=True):
    """A device with a valid token that the hotel does not know (or no longer)."""

    device_id: str
    first_at: datetime
    last_at: datetime
    count: int
