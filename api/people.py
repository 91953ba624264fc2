"""What the API says and hears of people, their passwords, and integrators, as it stands on the wire.

Secrets (a password, a link, a token) are in no record's text, so that no log line can have one.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from rules.ids import IntegratorName, UserName
from store.records import Member, MemberRole

SHORTEST_PASSWORD = 8

NewPassword = Annotated[str, Meta(min_length=SHORTEST_PASSWORD, max_length=1024)]
Secret = Annotated[str, Meta(min_length=1, max_length=128)]
GivenId = Annotated[str, Meta(pattern=r"^(?!_$)[A-Za-z0-9_-]{1,64}$")]
Scope = Literal["alerts", "events", "rooms", "pms"]
Scopes = Annotated[tuple[Scope, ...], Meta(max_length=4)]


class NewUser(Struct, frozen=True, forbid_unknown_fields=True):
    """A person for the hotel: a new account, or one that is there already under this name."""

    name: GivenId
    role: MemberRole


class NewRole(Struct, frozen=True, forbid_unknown_fields=True):
    role: MemberRole


class LinkMade(Struct, frozen=True, rename="camel", kw_only=True):
    """`link` is relative to the console's address. Whoever has it sets the password, once."""

    link: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"LinkMade(expires_at={self.expires_at!r})"


class Joined(Struct, frozen=True, rename="camel", kw_only=True):
    """A person who is a member now. `is_new`: the account was made. `password`: how they choose one, or null."""

    user: Member
    is_new: bool
    password: LinkMade | None


class Link(Struct, frozen=True, forbid_unknown_fields=True):
    """The part of a link after `#password/`."""

    secret: Secret

    def __repr__(self) -> str:
        return "Link(…)"


class LinkUse(Struct, frozen=True, forbid_unknown_fields=True):
    secret: Secret
    password: NewPassword

    def __repr__(self) -> str:
        return "LinkUse(…)"


class LinkOf(Struct, frozen=True, rename="camel", kw_only=True):
    """Whose password a link sets, and until when."""

    username: UserName
    expires_at: datetime


class PasswordSet(Struct, frozen=True):
    username: UserName


class PasswordChange(Struct, frozen=True, forbid_unknown_fields=True):
    """`current` is what they log in by now."""

    current: Annotated[str, Meta(min_length=1, max_length=1024)]
    password: NewPassword

    def __repr__(self) -> str:
        return "PasswordChange(…)"


class NewIntegrator(Struct, frozen=True, forbid_unknown_fields=True):
    """Its own space it has anyway, without a scope."""

    name: GivenId
    scopes: Scopes = ()


class NewScopes(Struct, frozen=True, forbid_unknown_fields=True):
    scopes: Scopes


class IntegratorView(Struct, frozen=True):
    name: IntegratorName
    scopes: tuple[str, ...]


class Issued(Struct, frozen=True, rename="camel", kw_only=True):
    """An integrator with a token, which is shown this once. `expires_in` is in seconds."""

    name: IntegratorName
    scopes: tuple[str, ...]
    token: str
    expires_in: int

    def __repr__(self) -> str:
        return f"Issued(name={self.name!r}, scopes={self.scopes!r})"
