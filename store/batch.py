"""What the bridge wants written in one transaction: the result of evaluating a batch of messages or deadlines."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct, field

from rules.alerts import AlertChange
from rules.clearance import Clearance
from rules.ids import CommandId, DeviceId, HotelId, IncidentId, MessageId, RoomId
from rules.inputs import InputKind
from rules.outage import IncidentChange
from rules.room_status import PmsRecord, RoomStatus
from rules.state import DeviceState, StatusSnapshot
from store.records import CommandState, DeviceKey, InboxKey


class StoredMessage(Struct, frozen=True, kw_only=True, gc=False):
    """One row. `(device_key, message_id)` is unique for ever: check with `Store.known` first.

    `device_key` is None for an input of the whole hotel. `body` is the JSON as it came. The samples are those of a
    heartbeat: dBm, percent, BSSID in lower case with colons.
    """

    hotel_id: HotelId
    device_key: DeviceKey | None
    kind: InputKind
    message_id: MessageId
    received_at: datetime
    body: bytes
    ts: datetime | None = None
    late: bool = False
    rssi: float | None = None
    bssid: str | None = None
    battery: float | None = None
    charging: bool | None = None


class DeviceChange(Struct, frozen=True, kw_only=True):
    """What a verdict changed about one alert, and where its device was at that moment.

    `wait`: for so long its notices wait for others with the same cause. `spoken_for`: the incident that is told
    instead, so that nobody is told of this (but of the end, whoever was told of the beginning).
    """

    hotel_id: HotelId
    device_key: DeviceKey
    device_id: DeviceId
    room_id: RoomId | None
    floor: str | None
    change: AlertChange
    rule_version: str | None = None  # `rules.version`
    wait: timedelta = timedelta(0)
    spoken_for: IncidentId | None = None


class IncidentTurn(Struct, frozen=True):
    """→ events incident.* and, of each alert that it takes in, alert.suppressed."""

    hotel_id: HotelId
    change: IncidentChange


class StatusChange(Struct, frozen=True):
    """→ event device.status, dated `Batch.received_at`."""

    hotel_id: HotelId
    snapshot: StatusSnapshot


class Quarantined(Struct, frozen=True, kw_only=True):
    """A refused message. Hotel and device are what its topic said, known or not; `head` is cut to 1 KiB."""

    hotel_id: HotelId | None
    device_id: DeviceId | None
    topic: str
    reason: str
    detail: str
    head: bytes
    at: datetime


class Orphan(Struct, frozen=True):
    """A device that spoke with a valid token and is not known."""

    hotel_id: HotelId
    device_id: DeviceId
    at: datetime


class MonitorChange(Struct, frozen=True):
    """→ event monitor.changed. `state` is `watching`, `degraded` or `blind`, and has been so since `since`."""

    hotel_id: HotelId
    state: str
    why: str | None
    at: datetime
    since: datetime | None = None


class Stretch(Struct, frozen=True):
    """The bridge is listening from `since` on; `why_not_before`: why it was not, where it was earlier."""

    since: datetime
    why_not_before: str | None = None


class CommandChange(Struct, frozen=True, kw_only=True):
    """Where a command of this device has come to; nothing happens when it is there already, or further."""

    hotel_id: HotelId
    device_key: DeviceKey
    command_id: CommandId
    state: CommandState
    detail: str | None = None
    at: datetime


class TokenGiven(Struct, frozen=True, kw_only=True):
    """A tablet that asked for it gets a token of generation `gen`; nothing happens when that is void meanwhile."""

    hotel_id: HotelId
    device_key: DeviceKey
    device_id: DeviceId
    gen: int
    issued_at: datetime
    expires_at: datetime


class PmsTaken(Struct, frozen=True, kw_only=True):
    """What a hotel's system said: → event pms.received, what is known of `rooms` since, and the desk's `clearance`."""

    hotel_id: HotelId
    record: PmsRecord
    rooms: Mapping[RoomId, RoomStatus]
    clearance: Clearance | None
    at: datetime


class Batch(Struct, kw_only=True):
    """Written whole or not at all, in the order given. Event ids per hotel: pms, changes, incidents, statuses, monitor,
    commands.

    `received_at` is the "now" of the batch: it dates rows that have no time of their own. `states` replaces what was
    stored of those devices; it may leave out a device whose heartbeats were as usual (`rules.state.Verdict`).
    `drained`: rows of the inbox that are no longer needed with this batch. `caught_up`: with it the stored states hold
    every heartbeat up to that row (`Store.newest_message`). `listening`: a stretch of the journal that begins with it.
    """

    received_at: datetime
    messages: list[StoredMessage] = field(default_factory=list)
    states: dict[DeviceKey, DeviceState] = field(default_factory=dict)
    changes: list[DeviceChange] = field(default_factory=list)
    incidents: list[IncidentTurn] = field(default_factory=list)
    statuses: list[StatusChange] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    orphans: list[Orphan] = field(default_factory=list)
    monitor: list[MonitorChange] = field(default_factory=list)
    commands: list[CommandChange] = field(default_factory=list)
    tokens: list[TokenGiven] = field(default_factory=list)
    pms: list[PmsTaken] = field(default_factory=list)
    drained: list[InboxKey] = field(default_factory=list)
    caught_up: int | None = None
    listening: Stretch | None = None
