"""Accounts, memberships and integrators."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from rules.ids import (
    HotelId,
    IntegratorName,
    UserName,
)


class MemberRole(StrEnum):
    VIEWER = "viewer"
    STAFF = "staff"
    MANAGER = "manager"


class Membership(Struct, frozen=True):
    """Tokens for the hotel that were issued up to the second `void_until` are void: the person might do more then."""

    hotel_id: HotelId
    hotel_name: str
    role: MemberRole
    suspended: bool = False  # the hotel is
    void_until: datetime | None = None


class Account(Struct, frozen=True, kw_only=True):
    """A person. `password_hash` is argon2id; None: cannot log in by password. Memberships oldest first.

    `temporary`: somebody else knows the password, having chosen it.
    """

    name: UserName
    password_hash: str | None
    admin: bool
    gen: int
    disabled: bool
    temporary: bool = False
    memberships: tuple[Membership, ...]

    def __repr__(self) -> str:
        return f"Account(name={self.name!r}, admin={self.admin}, disabled={self.disabled})"


class Member(Struct, frozen=True, rename="camel", kw_only=True):
    """A person as one hotel sees them. `elsewhere`: they belong to other hotels too, whichever."""

    name: UserName
    role: MemberRole
    admin: bool
    disabled: bool
    temporary: bool
    has_password: bool
    since: datetime
    elsewhere: bool


class PasswordLink(Struct, frozen=True, kw_only=True):
    """Whoever has the secret sets the person's password by it, once. It is told when the link is made, never again."""

    name: UserName
    secret: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"PasswordLink(name={self.name!r}, expires_at={self.expires_at!r})"


class Integrator(Struct, frozen=True, kw_only=True):
    hotel_id: HotelId
    name: IntegratorName
    scopes: tuple[str, ...]
    gen: int = 1
