"""Who somebody is: JSON Web Tokens, minted and verified (docs/contract.md, "Identity").

A key has one algorithm for ever, so a token cannot choose how it is checked. PyJWT does the signatures; the claims are
read into one strict record here, because time is an argument (the product can run on a test clock) and because every
claim that a type needs must be there and must agree with the others.
"""

import binascii
import hashlib
import hmac
import math
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import jwt
import msgspec
from jwt.utils import base64url_decode, base64url_encode
from msgspec import Struct

from broker.claims import AUDIENCES, Claims, Role, TokenReason, TokenRefused, TokenType, Wire, agreeing
from broker.secret import WeakSecret, strong
from rules.ids import DeviceId, HotelId

__all__ = [
    "Claims",
    "Key",
    "KeyRing",
    "Role",
    "TokenReason",
    "TokenRefused",
    "TokenType",
    "WeakSecret",
    "mint_device",
    "mint_enrol",
    "mint_integrator",
    "mint_service",
    "mint_user",
]

LONGEST = 4096
"""Bytes of a token; ours have about 500. A longer one is refused unread."""

CLOCK_SKEW = timedelta(seconds=60)
"""How far in the future `iat` may lie: the process that mints may be another one."""


class _Header(Struct, frozen=True):
    kid: str
    alg: str
    typ: str


class Key(Struct, frozen=True):
    """One key: its id and its one algorithm may be shown, the secret never is."""

    kid: str
    algorithm: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.kid!r}, {self.algorithm!r})"


_read_header = msgspec.json.Decoder(_Header).decode
_read_claims = msgspec.json.Decoder(Wire).decode
_write = msgspec.json.Encoder().encode


class KeyRing:
    """The keys of an installation: the first one signs, all of them verify."""

    def __init__(self, keys: Sequence[Key], *, issuer: str) -> None:
        self._signing = keys[0]
        self._keys = {key.kid: key for key in keys}
        self._issuer = issuer
        self._jws = jwt.PyJWS()
        self._written = {self._header(key): key for key in keys if key.algorithm == "HS256"}

    @classmethod
    def of(
        cls, secret: bytes | str | None, *, previous: Iterable[bytes | str] = (), issuer: str = "innwatch"
    ) -> "KeyRing":
        """Return a ring that signs with `secret` (HS256) and also verifies what the `previous` ones signed.

        Raises WeakSecret for a missing, short, well-known or example secret.
        """
        return cls([_hs256(strong(one)) for one in (secret, *previous)], issuer=issuer)

    def __repr__(self) -> str:
        return f"KeyRing({list(self._keys.values())!r})"

    def verify(self, token: str, *, audience: str, now: datetime) -> Claims:
        """Return the claims of a token that is genuine, for `audience` and valid at `now`; raises TokenRefused."""
        wire = self._genuine(token)
        if wire.iss != self._issuer:
            raise TokenRefused(TokenReason.ISSUER)
        claims = agreeing(wire)
        if audience not in claims.aud:
            raise TokenRefused(TokenReason.AUDIENCE)
        if claims.exp <= now:
            raise TokenRefused(TokenReason.EXPIRED)
        if claims.iat > now + CLOCK_SKEW:
            raise TokenRefused(TokenReason.NOT_YET)
        return claims

    def _genuine(self, token: str) -> Wire:
        """Return what the token says, once its signature is known to be one of our keys'."""
        if len(token) > LONGEST or not token.isascii():
            raise TokenRefused(TokenReason.MALFORMED)
        key = self._written.get(token.partition(".")[0])
        payload = self._foreign(token) if key is None else _own(token, key.secret)
        try:
            return _read_claims(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise TokenRefused(TokenReason.CLAIMS) from None

    def _foreign(self, token: str) -> bytes:
        """Return what a token says whose header is not as we write it, but may be as good."""
        key = self._key_of(token)
        try:
            payload: bytes = self._jws.decode_complete(token, key.secret, algorithms=[key.algorithm])["payload"]
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            raise TokenRefused(TokenReason.SIGNATURE) from None
        except jwt.InvalidTokenError:
            raise TokenRefused(TokenReason.MALFORMED) from None
        return payload

    def _key_of(self, token: str) -> Key:
        try:
            header = _read_header(base64url_decode(token.partition(".")[0]))
        except (ValueError, msgspec.DecodeError, RecursionError):
            raise TokenRefused(TokenReason.MALFORMED) from None
        key = self._keys.get(header.kid)
        if key is None:
            raise TokenRefused(TokenReason.UNKNOWN_KEY)
        if header.typ != "JWT":
            raise TokenRefused(TokenReason.MALFORMED)
        return key

    def derived(self, purpose: str) -> str:
        """Return 64 digits that whoever has the signing key finds again, and nobody else can guess."""
        return hmac.new(self._signing.secret, f"innwatch {purpose}".encode(), hashlib.sha256).hexdigest()

    def mint(  # noqa: PLR0913, every argument is a claim
        self,
        *,
        type: TokenType,  # noqa: A002, the claim's own name
        sub: str,
        gen: int,
        now: datetime,
        ttl: timedelta,
        hotel_id: HotelId | None = None,
        device_id: DeviceId | None = None,
        role: Role | None = None,
        scope: Sequence[str] | None = None,
        jti: str | None = None,
    ) -> str:
        """Return a signed token; raises ValueError for claims that `verify` would refuse."""
        wire = Wire(
            iss=self._issuer,
            aud=AUDIENCES[type],
            sub=sub,
            iat=math.floor(now.timestamp()),
            exp=math.ceil((now + ttl).timestamp()),
            jti=jti or secrets.token_urlsafe(16),
            type=type,
            gen=gen,
            hotel_id=hotel_id,
            device_id=device_id,
            role=role,
            scope=None if scope is None else tuple(scope),
        )
        try:
            agreeing(wire)
        except TokenRefused:
            raise ValueError(f"the claims of {sub!r} do not agree with one another") from None
        return self._sign(_write(wire), self._signing)

    def _header(self, key: Key) -> str:
        """The first part of every token that this key signs here."""
        return self._sign(b"", key).partition(".")[0]

    def _sign(self, payload: bytes, key: Key) -> str:
        return self._jws.encode(payload, key.secret, algorithm=key.algorithm, headers={"kid": key.kid})


def mint_device(
    ring: KeyRing,
    *,
    hotel_id: HotelId,
    device_id: DeviceId,
    gen: int,
    now: datetime,
    ttl: timedelta = timedelta(days=30),
) -> str:
    sub = f"{hotel_id}/{device_id}"
    return ring.mint(type=TokenType.DEVICE, sub=sub, gen=gen, now=now, ttl=ttl, hotel_id=hotel_id, device_id=device_id)


def mint_user(
    ring: KeyRing,
    *,
    hotel_id: HotelId | None,
    name: str,
    role: Role,
    gen: int,
    now: datetime,
    ttl: timedelta = timedelta(hours=12),
) -> str:
    """Return a person's token for one hotel; only an admin's may be without one."""
    sub = f"{hotel_id or '_'}/user/{name}"
    return ring.mint(type=TokenType.USER, sub=sub, gen=gen, now=now, ttl=ttl, hotel_id=hotel_id, role=role)


def mint_integrator(
    ring: KeyRing,
    *,
    hotel_id: HotelId,
    name: str,
    scope: Sequence[str],
    gen: int,
    now: datetime,
    ttl: timedelta = timedelta(days=365),
) -> str:
    sub = f"{hotel_id}/integrator/{name}"
    return ring.mint(type=TokenType.INTEGRATOR, sub=sub, gen=gen, now=now, ttl=ttl, hotel_id=hotel_id, scope=scope)


def mint_service(ring: KeyRing, *, name: str, gen: int, now: datetime, ttl: timedelta = timedelta(days=1)) -> str:
    return ring.mint(type=TokenType.SERVICE, sub=f"_/service/{name}", gen=gen, now=now, ttl=ttl)


def mint_enrol(
    ring: KeyRing,
    *,
    hotel_id: HotelId,
    gen: int,
    now: datetime,
    ttl: timedelta = timedelta(minutes=15),
    jti: str | None = None,
) -> str:
    """Return a one-time token with which a tablet gets its device token over HTTP; its name is its `jti`."""
    jti = jti or secrets.token_hex(16)
    sub = f"{hotel_id}/enrol/{jti}"
    return ring.mint(type=TokenType.ENROL, sub=sub, gen=gen, now=now, ttl=ttl, hotel_id=hotel_id, jti=jti)


def _own(token: str, secret: bytes) -> bytes:
    """Return what a token says whose header is to the letter the one that we write: HS256 by this secret.

    PyJWT looks at each character in Python, which takes 60 µs, and after an outage every tablet comes at once.
    """
    signed, _, signature = token.rpartition(".")
    if signed.count(".") != 1:
        raise TokenRefused(TokenReason.MALFORMED)
    right = base64url_encode(hmac.digest(secret, signed.encode(), "sha256"))
    if not hmac.compare_digest(right, signature.encode()):
        raise TokenRefused(TokenReason.SIGNATURE)
    try:
        return base64url_decode(signed.partition(".")[2])
    except binascii.Error:
        raise TokenRefused(TokenReason.MALFORMED) from None


def _hs256(secret: bytes) -> Key:
    # The id must be the same in every process that holds the secret, and must tell nothing of it.
    kid = hashlib.blake2b(secret, digest_size=8, person=b"innwatch-kid").hexdigest()
    return Key(kid, "HS256", secret)
