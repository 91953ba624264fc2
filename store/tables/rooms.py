"""What is known of rooms besides: what the hotel's systems say, windows of maintenance, and what is heard in them."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import Index, Integer, Text, UniqueConstraint
from sqlmodel import Field

from store.tables.base import ID, KEY, WITHOUT_ROWID, Base, UtcDateTime


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
