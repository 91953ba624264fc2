"""Alerts, the incidents that speak for them, and a hotel's history."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field

from rules.alerts import AlertStatus, Condition
from store.tables.base import ID, KEY, NOT_AT_FIRST, WITHOUT_ROWID, Base, UtcDateTime, one_of


class AlertTable(Base, table=True):
    """The condition side is written by the bridge, the response side by whoever answers; each raises `revision`."""

    __tablename__: ClassVar[str] = "alert"
    __table_args__ = (
        UniqueConstraint("hotel_key", "id"),
        one_of("status", AlertStatus),
        one_of("condition", Condition),
        Index(
            "uq_alert_open",
            "hotel_key",
            "device_key",
            "family",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_alert_newest", "hotel_key", "opened_at", "key"),
        Index(
            "ix_alert_open_newest",
            "hotel_key",
            "opened_at",
            "key",
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
        Index(
            "uq_alert_legacy",
            "hotel_key",
            "legacy_id",
            unique=True,
            sqlite_where=text("legacy_id IS NOT NULL"),
            postgresql_where=text("legacy_id IS NOT NULL"),
        ),
        Index(
            "ix_alert_lapses",
            "lapses_at",
            sqlite_where=text("status = 'open' AND lapses_at IS NOT NULL"),
            postgresql_where=text("status = 'open' AND lapses_at IS NOT NULL"),
        ),
        Index(
            "ix_alert_snoozed",
            "snoozed_until",
            sqlite_where=text("status = 'open' AND snoozed_until IS NOT NULL"),
            postgresql_where=text("status = 'open' AND snoozed_until IS NOT NULL"),
        ),
        Index(
            "ix_alert_incident",
            "incident_key",
            sqlite_where=text("incident_key IS NOT NULL"),
            postgresql_where=text("incident_key IS NOT NULL"),
        ),
    )

    key: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY)
    id: str = Field(sa_type=ID)
    device_key: int = Field(foreign_key="device.key", sa_type=KEY)
    room_id: str | None  # where the device was when the alert opened
    floor: str | None
    family: str
    # the condition side
    rule: str
    severity: str
    condition: str
    opened_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    count: int = Field(sa_type=BigInteger)
    why: str = Field(sa_type=Text)  # JSON: rules.alerts.Reason[]
    # the response side
    status: str
    acknowledged_by: str | None
    acknowledged_at: datetime | None = Field(sa_type=UtcDateTime)
    acknowledged_note: str | None = Field(sa_type=Text)
    assignee: str | None
    snoozed_until: datetime | None = Field(sa_type=UtcDateTime)
    suppressed_by: str | None
    resolved_at: datetime | None = Field(sa_type=UtcDateTime)
    drill: bool
    revision: int = Field(sa_type=BigInteger)
    legacy_id: int | None = Field(sa_type=BigInteger)  # its number in the old system, for those that were imported
    # the condition side again, of what came later
    incident_key: int | None = Field(sa_type=KEY)  # what it is part of
    rule_version: str | None  # of the rules and of the policy that opened it
    flapping: bool = Field(sa_column_kwargs=NOT_AT_FIRST)
    reopened: int = Field(sa_type=Integer, sa_column_kwargs={"server_default": "0"})  # how often
    # the response side again
    lapses_at: datetime | None = Field(sa_type=UtcDateTime)  # when its acknowledgment ends by itself: it is critical
    resolved_by: str | None  # a person; none: the condition ended


OF_INCIDENT = (
    "alert_key IS NULL AND type IN ('incident.opened', 'incident.changed', 'incident.closed',"
    " 'notification.sent', 'notification.dead')"
)
"""What tells of an incident and of no alert."""


class EventTable(Base, table=True):
    """A hotel's ordered history; an alert's timeline is the part of it that has the alert's key."""

    __tablename__: ClassVar[str] = "event"
    __table_args__ = (
        Index(
            "ix_event_alert_key",
            "alert_key",
            "id",
            sqlite_where=text("alert_key IS NOT NULL"),
            postgresql_where=text("alert_key IS NOT NULL"),
        ),
        Index(
            "ix_event_incident",
            "subject",  # alone: of an index that begins as the primary key does, SQLite takes the key
            sqlite_where=text(OF_INCIDENT),
            postgresql_where=text(OF_INCIDENT),
        ),
        WITHOUT_ROWID,
    )

    hotel_key: int = Field(primary_key=True, foreign_key="hotel.key", sa_type=KEY)
    id: int = Field(primary_key=True, sa_type=KEY)
    at: datetime = Field(sa_type=UtcDateTime)
    type: str
    subject: str
    alert_key: int | None = Field(foreign_key="alert.key", sa_type=KEY)
    why: str | None = Field(sa_type=Text)  # JSON: the reasons of this change, where `data` holds the alert's own
    data: str = Field(sa_type=Text)  # JSON


class AnnouncedTable(Base, table=True):
    """The newest event of each hotel that the bridge has published, or a somewhat older one."""

    __tablename__: ClassVar[str] = "announced"

    hotel_key: int = Field(primary_key=True, foreign_key="hotel.key", sa_type=KEY)
    event_id: int = Field(sa_type=BigInteger)


class IncidentTable(Base, table=True):
    """Many silences, one cause. Its alerts name it by `incident_key`."""

    __tablename__: ClassVar[str] = "incident"
    __table_args__ = (
        UniqueConstraint("hotel_key", "id"),
        Index("ix_incident_newest", "hotel_key", "opened_at", "key"),
    )

    key: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY)
    id: str = Field(sa_type=ID)
    rule: str  # outage.area, outage.hotel, outage.own
    scope: str  # rules.incident.Scope
    place: str | None  # which one
    opened_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(sa_type=UtcDateTime)
    members: int = Field(sa_type=Integer)
    back: int = Field(sa_type=Integer)
    lost: int = Field(sa_type=Integer)  # did not return
    back_at: datetime | None = Field(sa_type=UtcDateTime)  # since when most of them are back
    part_of: str | None = Field(sa_type=ID)  # the id of the one that took its tablets over
    why: str = Field(sa_type=Text)  # JSON: rules.alerts.Reason[]
    acknowledged_by: str | None
    acknowledged_at: datetime | None = Field(sa_type=UtcDateTime)
    revision: int = Field(sa_type=BigInteger)
