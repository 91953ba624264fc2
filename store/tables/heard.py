"""What was heard, and what it came to: states, messages, the history made of them; and what was refused."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field

from rules.inputs import InputKind
from store.tables.base import ID, KEY, WITHOUT_ROWID, Base, UtcDateTime, mostly


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


class ListeningTable(Base, table=True):
    """The journal of when the bridge could hear the tablets and store it: one row for each stretch of time."""

    __tablename__: ClassVar[str] = "listening"

    key: int = Field(primary_key=True, sa_type=KEY)
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)  # a few seconds behind
    why: str | None  # why it ended, where anybody knows
