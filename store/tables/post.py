"""What waits for the bridge, and what tablets were asked to do."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field

from store.records import CommandState, InboxKind
from store.tables.base import KEY, Base, UtcDateTime, one_of


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
