"""What is done at intervals or by one process alone."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Text, UniqueConstraint
from sqlmodel import Field

from store.tables.base import ID, KEY, Base, UtcDateTime


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
