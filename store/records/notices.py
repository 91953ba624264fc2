"""Whom a hotel tells, and what became of each notice."""

from datetime import datetime
from enum import StrEnum
from typing import NewType

from msgspec import Struct

from rules.alerts import AlertSnapshot
from rules.ids import (
    AlertId,
    HotelId,
    IncidentId,
)
from rules.incident import IncidentSnapshot

NotificationId = NewType("NotificationId", int)
ChannelId = NewType("ChannelId", int)


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
    REOPENED = "reopened"
    FLAPPING = "flapping"
    LAPSED = "lapsed"  # nobody ended what somebody had acknowledged
    RECOVERED = "recovered"
    INCIDENT = "incident"  # this and the next stand for the alerts of all its tablets
    INCIDENT_OVER = "incident-over"


class NotificationState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"  # leased by a worker
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"  # it need not be told, and its last error says why


class NotificationRef(Struct, frozen=True):
    hotel_id: HotelId
    id: NotificationId


class Notification(Struct, frozen=True, rename="camel", kw_only=True):
    """One line of the ledger. `due_at`: next attempt while pending, end of the lease while sending."""

    id: NotificationId
    alert_id: AlertId | None
    incident_id: IncidentId | None = None  # what it tells of, where it is no alert
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

    It tells of an alert, as it was at the moment the notice was made, or of an incident, as it is now: that waited for
    what may belong to it. `attempt` counts from 1, `idempotency_id` is the same for every attempt at this notice.
    """

    hotel_id: HotelId
    id: NotificationId
    kind: NoticeKind
    channel: Channel
    about: AlertSnapshot | IncidentSnapshot
    attempt: int
    idempotency_id: str
    lease_until: datetime
    hotel_name: str
    timezone: str

    @property
    def noun(self) -> str:
        """What it tells of."""
        return "incident" if isinstance(self.about, IncidentSnapshot) else "alert"
