"""A hotel's history, and what is read of messages, refused ones and strangers."""

from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from rules.alerts import AlertSnapshot, Reason, Rule, Severity
from rules.ids import (
    DeviceId,
    HotelId,
    MessageId,
)
from rules.incident import Scope
from store.records.notices import ChannelKind, NoticeKind


class EventType(StrEnum):
    DEVICE_STATUS = "device.status"
    DEVICE_ADDED = "device.added"
    DEVICE_REMOVED = "device.removed"
    DEVICE_MOVED = "device.moved"
    ALERT_OPENED = "alert.opened"
    ALERT_CHANGED = "alert.changed"
    ALERT_CLEARED = "alert.cleared"
    ALERT_REOPENED = "alert.reopened"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_UNACKNOWLEDGED = "alert.unacknowledged"
    ALERT_LAPSED = "alert.lapsed"
    ALERT_ASSIGNED = "alert.assigned"
    ALERT_SNOOZED = "alert.snoozed"
    ALERT_NOTED = "alert.noted"
    ALERT_SUPPRESSED = "alert.suppressed"
    ALERT_RESOLVED = "alert.resolved"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_CHANGED = "incident.changed"
    INCIDENT_CLOSED = "incident.closed"
    NOTIFICATION_SENT = "notification.sent"
    NOTIFICATION_DEAD = "notification.dead"
    MONITOR_CHANGED = "monitor.changed"
    COMMAND_CHANGED = "command.changed"
    PMS_RECEIVED = "pms.received"


class Event(Struct, frozen=True, rename="camel"):
    """One line of a hotel's history, as it goes on the wire.

    `id` is per hotel, gapless and committed in order. `subject` is an alert's id (alert.*, notification.*), a
    device's (device.*), a command's (command.*), a room's (pms.*) or the hotel's (monitor.*). `data` is JSON: the
    whole AlertSnapshot after the change for alert.* (an AnsweredAlert where somebody did it), the StatusSnapshot for
    device.status, {deviceId, roomId} for device.added and device.removed, {deviceId, roomId, fromRoomId} for
    device.moved, {alertId, channel, kind, error?} for notification.*, {state, why} for monitor.changed, {id,
    deviceId, name, state, by, detail, expiresAt} for command.changed, PmsTold for pms.received.
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


class AnsweredAlert(AlertSnapshot, frozen=True, rename="camel", kw_only=True):
    """The alert as somebody's answer left it: who it was, and what they noted. The data of such an alert.* event."""

    by: str | None = None
    note: str | None = None


class TimelineEntry(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """One step in an alert's life: an alert.* event of it, or a notification.* about it. `id` is the event's."""

    id: int
    at: datetime
    type: EventType
    rule: Rule | None = None
    severity: Severity | None = None
    why: tuple[Reason, ...] = ()
    by: str | None = None  # of alert.lapsed: whose acknowledgment it was
    note: str | None = None
    assignee: str | None = None  # of alert.assigned
    until: datetime | None = None  # of alert.snoozed; none: the snooze is over
    channel: ChannelKind | None = None
    notice: NoticeKind | None = None
    error: str | None = None


class IncidentStep(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """One step of an incident: an incident.* event of it, or a notification.* about it. `id` is the event's.

    The former carry how wide it was then and how many were silent, back and lost; `by` took it on with this step.
    """

    id: int
    at: datetime
    type: EventType
    scope: Scope | None = None
    place: str | None = None
    members: int | None = None
    back: int | None = None
    lost: int | None = None
    by: str | None = None
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
