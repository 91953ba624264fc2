"""Hotels, rooms and tablets, and by which way a tablet speaks."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Integer, Text, UniqueConstraint
from sqlmodel import Field

from rules.policy import Profile
from store.records import Way
from store.tables.base import ID, KEY, NOT_AT_FIRST, Base, UtcDateTime, one_of


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


class ContactTable(Base, table=True):
    """By which ways a tablet has spoken; `last_at` is some minutes behind for one that speaks all the time."""

    __tablename__: ClassVar[str] = "contact"
    __table_args__ = (one_of("way", Way),)

    device_key: int = Field(primary_key=True, foreign_key="device.key", sa_type=KEY)
    way: str = Field(primary_key=True)
    first_at: datetime = Field(sa_type=UtcDateTime)
    last_at: datetime = Field(sa_type=UtcDateTime)
