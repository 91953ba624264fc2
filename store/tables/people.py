"""Who may come in, by what, and who did what."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field

from rules.revoked import Subject
from store.audit import ActorKind
from store.records import MemberRole
from store.tables.base import ID, KEY, NOT_AT_FIRST, WITHOUT_ROWID, Base, UtcDateTime, one_of


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
