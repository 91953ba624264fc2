"""The schema: every table of the database, as SQLModel classes.

These classes are what the migrations are held against and what the documentation of the schema is made from. The verbs
speak SQL to these tables directly (see `store.transaction`): on the machine this was measured on, one statement built
by SQLAlchemy costs 0.3 ms of CPU and the same as text 0.03, and the process need not carry SQLAlchemy at all unless
there is something to migrate.

Keys and indexes are chosen by what a heartbeat costs. A row that is added next to the one before costs 4 µs; each
index whose order is the device's costs 20 µs more, because a batch then touches one page per row, and every page
touched is written twice (log, then file). Hence: `message` is in order of storing; the index that keeps a message from
being stored twice begins with the message's id, which senders make in order of time; and a device's samples are
gathered into `minute` in bulk, afterwards.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from rules.alerts import AlertStatus, Condition
from rules.inputs import InputKind
from rules.policy import Profile
from rules.revoked import Subject
from store.audit import ActorKind
from store.records import ChannelKind, CommandState, InboxKind, MemberRole, NoticeKind, NotificationState, Way
from store.times import micros, moment

KEY = BigInteger().with_variant(Integer, "sqlite")  # Only INTEGER is SQLite's own row id.
ID = String(64).with_variant(String(64, collation="C"), "postgresql")
"""In the order of its bytes, which is Python's and SQLite's too, whatever language the database was made for."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time as integer microseconds since 1970 (docs/adr/0019). Refuses naive ones."""

    impl = KEY
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else moment(value)


WITHOUT_ROWID = {"sqlite_with_rowid": False}

NOT_AT_FIRST = {"server_default": false()}
"""For a column that came later: rows that were there say no."""


def one_of(column: str, words: Iterable[StrEnum]) -> CheckConstraint:
    """Words with a check: a native enumeration of PostgreSQL survives a downgrade and breaks the next upgrade."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def mostly(column: str, usual: StrEnum, words: Iterable[StrEnum]) -> CheckConstraint:
    """As `one_of`, asking for the usual word first: SQLite makes a table of a list of words, for every row anew."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} = '{usual}' OR {column} IN ({listed})", name=column)


class Base(
    SQLModel,
    registry=registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_name)s",
                "pk": "pk_%(table_name)s",
            }
        )
    ),
):
    """Of all tables. They never leave the store: a table class validates nothing and shows every column."""


class HotelTable(Base, table=True):
    __tablename__: ClassVar[str] = "hotel"
    __table_args__ = (UniqueConstraint("id"), one_of("profile", Profile))

    key: int = Field(primary_key=True, sa_type=KEY)
    id: str = Field(sa_type=ID)
    name: str
    timezone: str
    profile: str
    revision: int = Field(sa_type=BigInteger)
    last_event_id: int = Field(sa_type=BigInteger)  # the newest of its events, which are 1, 2, 3, …
    created_at: datetime = Field(sa_type=UtcDateTime)
    suspended_at: datetime | None = Field(sa_type=UtcDateTime)
    hidden: bool = Field(sa_column_kwargs=NOT_AT_FIRST)  # ours, in nobody's list: the isolation audit's
    policy: str | None = Field(sa_type=Text)  # JSON: rules.policy.PolicyChanges; so of a room and of a device
    stay_key: str | None  # hex: what references of stays are sealed with, made when the first one comes


class RoomTable(Base, table=True):
    __tablename__: ClassVar[str] = "room"
    __table_args__ = (UniqueConstraint("hotel_key", "id"), one_of("profile", Profile))

    key: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY)
    id: str = Field(sa_type=ID)
    name: str | None
    floor: str | None
    access_points: str = Field(sa_type=Text)  # JSON: BSSIDs, lower case with colons
    rssi_floor: float | None
    profile: str | None
    created_at: datetime = Field(sa_type=UtcDateTime)
    zone: str | None  # what may fail at once with other rooms, beside floor and access point
    policy: str | None = Field(sa_type=Text)


class DeviceTable(Base, table=True):
    __tablename__: ClassVar[str] = "device"
    __table_args__ = (UniqueConstraint("hotel_key", "id"),)

    key: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY)
    id: str = Field(sa_type=ID)
    room_key: int = Field(foreign_key="room.key", sa_type=KEY, index=True)
    name: str | None
    gen: int = Field(sa_type=Integer)
    added_at: datetime = Field(sa_type=UtcDateTime)
    retired_at: datetime | None = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(sa_type=UtcDateTime)
    legacy: bool = Field(sa_column_kwargs=NOT_AT_FIRST)  # API_TOKEN may speak for it
    token_issued_at: datetime | None = Field(sa_type=UtcDateTime)  # its newest token; none: it never had one
    token_expires_at: datetime | None = Field(sa_type=UtcDateTime)
    policy: str | None = Field(sa_type=Text)


class DeviceStateTable(Base, table=True):
    """Apart from the device: it is rewritten often and should touch few pages. `store.states` reads and writes it."""

    __tablename__: ClassVar[str] = "device_state"

    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=KEY)
    state: bytes = Field(sa_type=LargeBinary)  # MessagePack of rules.state.DeviceState


class CaughtUpTable(Base, table=True):
    """How far `device_state` has come: one row. Heartbeats up to `upto` are in the states; of those after it, all that
    were not as usual.
    """

    __tablename__: ClassVar[str] = "caught_up"

    one: int = Field(primary_key=True, sa_type=KEY)
    upto: int = Field(sa_type=BigInteger)


class MessageTable(Base, table=True):
    """Every input of the rules, in the order in which it counted. `device_key` is empty for a whole hotel's."""

    __tablename__: ClassVar[str] = "message"
    __table_args__ = (UniqueConstraint("message_id", "device_key"), mostly("kind", InputKind.HEARTBEAT, InputKind))

    id: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY)
    device_key: int | None = Field(foreign_key="device.key", sa_type=KEY)
    kind: str
    message_id: str = Field(sa_type=ID)
    received_at: datetime = Field(sa_type=UtcDateTime)
    ts: datetime | None = Field(sa_type=UtcDateTime)
    late: bool
    rssi: float | None
    bssid: str | None
    battery: float | None
    charging: bool | None
    body: bytes = Field(sa_type=LargeBinary)


class MinuteTable(Base, table=True):
    """The live heartbeats of one device in one minute. A minute may have several rows: readers add them up."""

    __tablename__: ClassVar[str] = "minute"
    __table_args__ = (WITHOUT_ROWID,)

    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=KEY)
    at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    first_id: int = Field(primary_key=True, sa_type=KEY)  # of the messages in it
    count: int = Field(sa_type=Integer)
    rssi_sum: float | None
    rssi_count: int = Field(sa_type=Integer)
    rssi_min: float | None
    battery: float | None  # the last that was known
    charging: bool | None


class GatheredTable(Base, table=True):
    """How far `minute` has come: one row.

    Messages up to `upto` are in it for every device; those up to `target` for devices with keys up to `device_key`.
    What is older than `coarse_before` is by five minutes.
    """

    __tablename__: ClassVar[str] = "gathered"

    one: int = Field(primary_key=True, sa_type=KEY)
    upto: int = Field(sa_type=BigInteger)
    target: int = Field(sa_type=BigInteger)
    device_key: int = Field(sa_type=BigInteger)
    coarse_before: datetime = Field(sa_type=UtcDateTime, sa_column_kwargs={"server_default": "0"})


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
    why: str = Field(sa_type=Text)  # JSON: rules.alerts.Reason[]
    acknowledged_by: str | None
    acknowledged_at: datetime | None = Field(sa_type=UtcDateTime)
    revision: int = Field(sa_type=BigInteger)


class MaintenanceTable(Base, table=True):
    """A window in which trouble is expected: of a room, of a floor, or (neither) of the whole hotel."""

    __tablename__: ClassVar[str] = "maintenance"
    __table_args__ = (UniqueConstraint("hotel_key", "id"), Index("ix_maintenance_newest", "hotel_key", "key"))

    key: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY)
    id: str = Field(sa_type=ID)
    floor: str | None
    room_key: int | None = Field(foreign_key="room.key", sa_type=KEY)
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    reason: str | None = Field(sa_type=Text)
    created_by: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(sa_type=UtcDateTime)  # before its time


class RoomStatusTable(Base, table=True):
    """What the hotel's systems said of a room last; a room of which nothing was said has no row."""

    __tablename__: ClassVar[str] = "room_status"

    room_key: int = Field(primary_key=True, foreign_key="room.key", sa_type=KEY)
    occupied: bool | None
    departs_at: datetime | None = Field(sa_type=UtcDateTime)
    service: str | None  # out-of-order, maintenance
    housekeeping_since: datetime | None = Field(sa_type=UtcDateTime)
    stay_ref: str | None  # opaque, never the hotel's own number of a stay
    checked_out_at: datetime | None = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    changed_by: str
    stay_at: datetime | None = Field(sa_type=UtcDateTime)
    stay_by: str | None


class ClearanceTable(Base, table=True):
    """What the desk was told of a room at a check-out."""

    __tablename__: ClassVar[str] = "clearance"
    __table_args__ = (Index("ix_clearance_newest", "room_key", "key"),)

    key: int = Field(primary_key=True, sa_type=KEY)
    room_key: int = Field(foreign_key="room.key", sa_type=KEY)
    asked_by: str
    at: datetime = Field(sa_type=UtcDateTime)
    verdict: str
    body: str = Field(sa_type=Text)  # JSON, as it was published


class ListeningTable(Base, table=True):
    """The journal of when the bridge could hear the tablets and store it: one row for each stretch of time."""

    __tablename__: ClassVar[str] = "listening"

    key: int = Field(primary_key=True, sa_type=KEY)
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)  # a few seconds behind
    why: str | None  # why it ended, where anybody knows


class AccessPointTable(Base, table=True):
    """Access points that a hotel's tablets were heard on in their rooms: learned, in no room's own list.

    `state` is what a person said of it (`store.records.Ours`), `decided_by` who did, as the audit shows them.
    """

    __tablename__: ClassVar[str] = "access_point"

    hotel_key: int = Field(primary_key=True, foreign_key="hotel.key", sa_type=KEY)
    bssid: str = Field(primary_key=True, max_length=17)
    ssid: str | None
    rooms: int = Field(sa_type=Integer)
    first_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    state: str = Field(sa_column_kwargs={"server_default": "learned"})
    decided_by: str | None
    decided_at: datetime | None = Field(sa_type=UtcDateTime)


class SightingTable(Base, table=True):
    """How strongly a tablet heard an access point on one day in one room: what calibration learns from."""

    __tablename__: ClassVar[str] = "sighting"
    __table_args__ = (WITHOUT_ROWID,)

    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=KEY)
    day: int = Field(primary_key=True, sa_type=Integer)  # since 1970
    bssid: str = Field(primary_key=True, max_length=17)
    room_key: int = Field(primary_key=True, foreign_key="room.key", sa_type=KEY)
    count: int = Field(sa_type=Integer)
    signals: str = Field(sa_type=Text)  # JSON: how many samples at each dBm


class JobTable(Base, table=True):
    """What is done at intervals: when it was begun, succeeded and failed last."""

    __tablename__: ClassVar[str] = "job"

    name: str = Field(primary_key=True, max_length=64)
    started_at: datetime = Field(sa_type=UtcDateTime)
    succeeded_at: datetime | None = Field(sa_type=UtcDateTime)
    failed_at: datetime | None = Field(sa_type=UtcDateTime)
    error: str | None = Field(sa_type=Text)
    took_ms: int | None = Field(sa_type=BigInteger)


class ReplayTable(Base, table=True):
    """A replay that somebody asked for over HTTP, and how far it is."""

    __tablename__: ClassVar[str] = "replay"
    __table_args__ = (UniqueConstraint("hotel_key", "id"),)

    key: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY)
    id: str = Field(sa_type=ID)
    asked_by: str
    asked_at: datetime = Field(sa_type=UtcDateTime)
    request: str = Field(sa_type=Text)  # JSON
    done: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)
    seen_at: datetime | None = Field(sa_type=UtcDateTime)  # when whoever does it said so last
    finished_at: datetime | None = Field(sa_type=UtcDateTime)
    error: str | None = Field(sa_type=Text)
    result: str | None = Field(sa_type=Text)  # JSON


class AccountTable(Base, table=True):
    __tablename__: ClassVar[str] = "account"

    name: str = Field(primary_key=True, sa_type=ID)
    password_hash: str | None
    admin: bool
    gen: int = Field(sa_type=Integer)
    disabled: bool
    created_at: datetime = Field(sa_type=UtcDateTime)
    temporary: bool = Field(sa_column_kwargs=NOT_AT_FIRST)  # somebody else knows the password


class MembershipTable(Base, table=True):
    __tablename__: ClassVar[str] = "membership"
    __table_args__ = (one_of("role", MemberRole),)

    account_name: str = Field(primary_key=True, foreign_key="account.name", sa_type=ID)
    hotel_key: int = Field(primary_key=True, foreign_key="hotel.key", sa_type=KEY, index=True)
    role: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class IntegratorTable(Base, table=True):
    __tablename__: ClassVar[str] = "integrator"

    hotel_key: int = Field(primary_key=True, foreign_key="hotel.key", sa_type=KEY)
    name: str = Field(primary_key=True, sa_type=ID)
    scopes: str = Field(sa_type=Text)  # JSON: string[]
    gen: int = Field(sa_type=Integer)
    created_at: datetime = Field(sa_type=UtcDateTime)


class PasswordLinkTable(Base, table=True):
    """Links by which a person sets a new password, once; of the secret in one there is only the SHA-256, in hex."""

    __tablename__: ClassVar[str] = "password_link"

    secret_hash: str = Field(primary_key=True, max_length=64)
    account_name: str = Field(foreign_key="account.name", sa_type=ID, index=True)
    created_by: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(sa_type=UtcDateTime)


class TicketTable(Base, table=True):
    """What opens one event stream, once; of the secret in it there is only the SHA-256, in hex."""

    __tablename__: ClassVar[str] = "ticket"

    secret_hash: str = Field(primary_key=True, max_length=64)
    claims: bytes = Field(sa_type=LargeBinary)  # JSON of the token's, as `broker.claims` has them
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class EnrolmentTable(Base, table=True):
    """One-time codes by which a tablet gets its token; of the code there is only the SHA-256, in hex.

    `device_id` is the tablet's, if whoever made the code said it; `again`: a tablet that is known may take it.
    `wanted_…`: one that is known came with a code that does not say so, and waits for somebody's yes.
    """

    __tablename__: ClassVar[str] = "enrolment"
    __table_args__ = (
        UniqueConstraint("hotel_key", "id"),
        UniqueConstraint("code_hash"),
        Index("ix_enrolment_newest", "hotel_key", "key"),
    )

    key: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY)
    id: str = Field(sa_type=ID)  # the `jti` of its token
    code_hash: str = Field(max_length=64)
    room_key: int = Field(foreign_key="room.key", sa_type=KEY)
    device_id: str | None = Field(sa_type=ID)
    again: bool
    created_by: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    wanted_device_id: str | None = Field(sa_type=ID)
    wanted_at: datetime | None = Field(sa_type=UtcDateTime)
    approved_by: str | None
    approved_at: datetime | None = Field(sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(sa_type=UtcDateTime)
    device_key: int | None = Field(foreign_key="device.key", sa_type=KEY)  # the one that used it


class ContactTable(Base, table=True):
    """By which ways a tablet has spoken; `last_at` is some minutes behind for one that speaks all the time."""

    __tablename__: ClassVar[str] = "contact"
    __table_args__ = (one_of("way", Way),)

    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=KEY)
    way: str = Field(primary_key=True)
    first_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)


class AuditTable(Base, table=True):
    """Who did what to what, when, from where. Only added to: a trigger refuses everything else.

    Hotel and subject stand here by their ids, so that a line outlives what it is about. No hotel: the platform's.
    """

    __tablename__: ClassVar[str] = "audit"
    __table_args__ = (one_of("actor_kind", ActorKind), Index("ix_audit_newest", "hotel_id", "id"))

    id: int = Field(primary_key=True, sa_type=KEY)
    at: datetime = Field(sa_type=UtcDateTime)
    hotel_id: str | None = Field(sa_type=ID)
    actor_kind: str
    actor: str
    address: str | None
    request_id: str | None
    deed: str
    subject: str
    detail: str = Field(sa_type=Text)  # JSON object


class RevocationTable(Base, table=True):
    """Whose tokens of a lower generation than `gen` are void. Written by every deed that raises one."""

    __tablename__: ClassVar[str] = "revocation"
    __table_args__ = (one_of("kind", Subject), UniqueConstraint("revision"), WITHOUT_ROWID)

    kind: str = Field(primary_key=True)
    hotel_id: str = Field(primary_key=True, sa_type=ID)  # `_` for a person's
    name: str = Field(primary_key=True, sa_type=ID)
    gen: int = Field(sa_type=BigInteger)
    revision: int = Field(sa_type=BigInteger)


class QuarantineTable(Base, table=True):
    """Refused messages. Hotel and device stand here as the topic said them, whether or not they are known."""

    __tablename__: ClassVar[str] = "quarantine"
    __table_args__ = (
        Index("ix_quarantine_newest", "hotel_id", "id"),
        Index("ix_quarantine_of_sender", "hotel_id", "device_id", "id"),
    )

    id: int = Field(primary_key=True, sa_type=KEY)
    hotel_id: str | None
    device_id: str | None
    topic: str = Field(sa_type=Text)
    reason: str
    detail: str = Field(sa_type=Text)
    head: bytes = Field(sa_type=LargeBinary)
    at: datetime = Field(sa_type=UtcDateTime)


class OrphanTable(Base, table=True):
    __tablename__: ClassVar[str] = "orphan"

    hotel_id: str = Field(primary_key=True, sa_type=ID)
    device_id: str = Field(primary_key=True, sa_type=ID)
    first_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
    count: int = Field(sa_type=BigInteger)


class LeaseTable(Base, table=True):
    """What only one process at a time may do; `until` is by the database's own clock.

    The second key is for PostgreSQL: what changes `generation` then waits for whoever relies on it, and what changes
    only `until` for nobody (`store.lease`).
    """

    __tablename__: ClassVar[str] = "lease"
    __table_args__ = (UniqueConstraint("name", "generation"),)

    name: str = Field(primary_key=True, max_length=64)
    holder: str
    generation: int = Field(sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)


class InboxTable(Base, table=True):
    """Messages that came over HTTP, until the bridge has stored them. Rows are few, and gone within a second.

    `hotel_key` is the sender's, to count by. No foreign key: the hotel's row changes with every event, and on
    PostgreSQL a look at it would have this insert repeated.
    """

    __tablename__: ClassVar[str] = "inbox"
    # AUTOINCREMENT: the number of a row that is gone is never given again, so that deleting twice hits nobody.
    __table_args__ = (one_of("kind", InboxKind), {"sqlite_autoincrement": True})

    id: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(sa_type=KEY, index=True)
    device_key: int | None = Field(foreign_key="device.key", sa_type=KEY, index=True)  # none: a hotel system's word
    kind: str
    payload: bytes = Field(sa_type=LargeBinary)
    received_at: datetime = Field(sa_type=UtcDateTime)


class CommandTable(Base, table=True):
    """What a tablet was asked to do. The bridge alone moves `state`; how is in `store.commands`."""

    __tablename__: ClassVar[str] = "command"
    __table_args__ = (
        UniqueConstraint("hotel_key", "id"),
        one_of("state", CommandState),
        Index("ix_command_of_device", "device_key", "key"),
        Index("ix_command_of_hotel", "hotel_key", "key"),
        Index(
            "ix_command_open",
            "expires_at",
            sqlite_where=text("state IN ('pending', 'sent', 'received')"),
            postgresql_where=text("state IN ('pending', 'sent', 'received')"),
        ),
    )

    key: int = Field(primary_key=True, sa_type=KEY)
    hotel_key: int = Field(foreign_key="hotel.key", sa_type=KEY)
    device_key: int = Field(foreign_key="device.key", sa_type=KEY)
    id: str = Field(max_length=64)
    name: str
    args: str = Field(sa_type=Text)  # JSON
    state: str
    detail: str | None = Field(sa_type=Text)
    created_by: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
