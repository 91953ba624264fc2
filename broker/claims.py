"""What a token says, once its signature is known to be ours: the claims, and whether they agree with one another."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from rules.ids import DeviceId, HotelId, is_id


class TokenType(StrEnum):
    DEVICE = "device"
    USER = "user"
    INTEGRATOR = "integrator"
    SERVICE = "service"
    ENROL = "enrol"


class Role(StrEnum):
    VIEWER = "viewer"
    STAFF = "staff"
    MANAGER = "manager"
    ADMIN = "admin"


class TokenReason(StrEnum):
    """Why a token was refused: for metrics and logs, never for whoever sent it."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown-key"  # none of ours, one that is no longer, or one that the token brings itself
    SIGNATURE = "signature"  # wrong, or made with another algorithm than the key's
    CLAIMS = "claims"  # missing, of the wrong type, or at odds with one another
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not-yet"


class TokenRefused(Exception):
    """A token that proves nothing. It carries the reason and no part of the token."""

    def __init__(self, reason: TokenReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Claims(Struct, frozen=True, kw_only=True):
    """Who a verified token says somebody is. `gen` is the generation that revocation raises, `kid` whose key signed."""

    type: TokenType
    sub: str
    aud: tuple[str, ...]
    iat: datetime
    exp: datetime
    jti: str
    gen: int
    hotel_id: HotelId | None = None
    device_id: DeviceId | None = None
    role: Role | None = None
    scope: tuple[str, ...] = ()
    kid: str = ""

    @property
    def name(self) -> str:
        """The device, person, integrator or service, without its hotel."""
        return self.sub.rpartition("/")[2]


_LARGEST_TIME = 253_402_300_799  # the last second of the year 9999, after which datetime ends
_Seconds = Annotated[int, Meta(ge=0, le=_LARGEST_TIME)]


class Wire(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The claims as they are signed and read: of the right types, not yet held against one another."""

    iss: str
    aud: tuple[str, ...] | str
    sub: str
    iat: _Seconds
    exp: _Seconds
    jti: Annotated[str, Meta(min_length=1, max_length=64)]
    type: TokenType
    gen: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    hotel_id: str | None = None
    device_id: str | None = None
    role: Role | None = None
    scope: tuple[str, ...] | None = None


AUDIENCES = {
    TokenType.DEVICE: ("mqtt", "api"),
    TokenType.USER: ("mqtt", "api"),
    TokenType.INTEGRATOR: ("mqtt", "api"),
    TokenType.SERVICE: ("mqtt",),
    TokenType.ENROL: ("api",),
}


def agreeing(wire: Wire, *, kid: str) -> Claims:
    """Return the claims if each that the type needs is there, none that it has no use for is, and `sub` agrees."""
    if not _complete(wire) or wire.sub != _subject(wire) or not _well_named(wire):
        raise TokenRefused(TokenReason.CLAIMS)
    return Claims(
        type=wire.type,
        sub=wire.sub,
        aud=_audience(wire),
        iat=datetime.fromtimestamp(wire.iat, UTC),
        exp=datetime.fromtimestamp(wire.exp, UTC),
        jti=wire.jti,
        gen=wire.gen,
        hotel_id=None if wire.hotel_id is None else HotelId(wire.hotel_id),
        device_id=None if wire.device_id is None else DeviceId(wire.device_id),
        role=wire.role,
        scope=wire.scope or (),
        kid=kid,
    )


def _audience(wire: Wire) -> tuple[str, ...]:
    """Whom the token is for; that of ten thousand tablets stands in memory once."""
    usual = AUDIENCES[wire.type]
    if wire.aud == usual:
        return usual
    return (wire.aud,) if isinstance(wire.aud, str) else wire.aud


def _complete(wire: Wire) -> bool:
    has = (wire.hotel_id is not None, wire.device_id is not None, wire.role is not None, wire.scope is not None)
    match wire.type:
        case TokenType.DEVICE:
            return has == (True, True, False, False)
        case TokenType.USER:
            return has == (True, False, True, False) or (has == (False, False, True, False) and wire.role is Role.ADMIN)
        case TokenType.INTEGRATOR:
            return has == (True, False, False, True)
        case TokenType.SERVICE:
            return has == (False, False, False, False)
        case TokenType.ENROL:
            return has == (True, False, False, False)


def _subject(wire: Wire) -> str:
    if wire.type is TokenType.DEVICE:
        return f"{wire.hotel_id}/{wire.device_id}"
    name = wire.jti if wire.type is TokenType.ENROL else wire.sub.rpartition("/")[2]
    return f"{wire.hotel_id or '_'}/{wire.type}/{name}"


def _well_named(wire: Wire) -> bool:
    names = [name for name in (wire.hotel_id, wire.device_id, *(wire.scope or ())) if name is not None]
    return all(is_id(name) for name in (*names, wire.sub.rpartition("/")[2]))
