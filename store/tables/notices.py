"""Whom a hotel tells, and the outbox."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field

from store.records import ChannelKind, NoticeKind, NotificationState
from store.tables.base import KEY, Base, UtcDateTime, one_of


class ChannelTable(Base, table=True):
    __tablename__: ClassVar[str] = "channel"
    __table_args__ = (one_of("kind", ChannelKind),)

    key: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY, index=True)
    kind: str
    settings: str = Field(sa_type=Text)  # JSON: store.records.Channel; holds secrets
    created_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(sa_type=UtcDateTime)  # it stays for the ledger's sake, and tells nobody


class NotificationTable(Base, table=True):
    """The outbox. `due_at` is the next attempt while pending, the end of the lease while sending, else empty."""

    __tablename__: ClassVar[str] = "notification"
    __table_args__ = (
        UniqueConstraint("alert_key", "channel_key", "kind", "alert_revision"),
        one_of("kind", NoticeKind),
        one_of("state", NotificationState),
        CheckConstraint("(due_at IS NOT NULL) = (state IN ('pending', 'sending'))", name="due"),
        Index(
            "ix_notification_due",
            "channel_key",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("ix_notification_newest", "hotel_key", "id"),
        Index("ix_notification_state", "hotel_key", "state", "id"),
        Index(
            "uq_notification_incident",
            "incident_key",
            "channel_key",
            "kind",
            "alert_revision",
            unique=True,
            sqlite_where=text("incident_key IS NOT NULL"),
            postgresql_where=text("incident_key IS NOT NULL"),
        ),
    )

    id: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY)
    alert_key: int | None = Field(foreign_key="alert.key", sa_type=KEY)  # none: it tells of an incident
    channel_key: int = Field(foreign_key="channel.key", sa_type=KEY, index=True)
    kind: str
    alert_revision: int = Field(sa_type=BigInteger)
    event_id: int = Field(sa_type=BigInteger)  # the event that it tells of, with the alert as it was
    state: str
    attempts: int = Field(sa_type=Integer)
    due_at: datetime | None = Field(sa_type=UtcDateTime)
    leased_by: str | None
    last_error: str | None = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(sa_type=UtcDateTime)
    incident_key: int | None = Field(sa_type=KEY)  # then `alert_revision` is the incident's
    not_again: str | None  # why it is not tried again, should the attempt that is under way fail
