"""Who somebody is: JSON Web Tokens, minted and verified (docs/contract.md, "Identity").

A key has one algorithm for ever, so a token cannot choose how it is checked, nor bring a key of its own. The claims are
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
from jwt.utils import base64url_decode
from msgspec import Struct
from msgspec.structs import replace

from broker.claims import AUDIENCES, Claims, Role, TokenReason, TokenRefused, TokenType, Wire, agreeing
from broker.keys import EVER, Jwk, Key, hs256, public_half
from broker.secret import WeakSecret, strong
from rules.ids import DeviceId, HotelId

__all__ = [
    "Claims",
    "Key",
    "KeyRing",
    "NoKeySigns",
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
    """`jku`, `jwk`, `x5u` and `x5c` are ways to say: verify it by this key, which I have brought."""

    kid: str
    alg: str
    typ: str
    jku: object = None
    jwk: object = None
    x5u: object = None
    x5c: object = None

    @property
    def brings_a_key(self) -> bool:
        return any(one is not None for one in (self.jku, self.jwk, self.x5u, self.x5c))


_read_header = msgspec.json.Decoder(_Header).decode
_read_claims = msgspec.json.Decoder(Wire).decode
_write = msgspec.json.Encoder().encode


class NoKeySigns(Exception):
    """A ring none of whose keys may sign at this moment."""


class KeyRing:
    """The keys of an installation: all of them verify, and the one that began to sign last, or stands last, signs.

    Whoever holds a ring holds it for good; `adopt` changes what is in it.
    """

    def __init__(self, keys: Sequence[Key], *, issuer: str) -> None:
        self._issuer = issuer
        self._jws = jwt.PyJWS()
        self.adopt(keys)

    @classmethod
    def of(
        cls, secret: bytes | str | None, *, previous: Iterable[bytes | str] = (), issuer: str = "innwatch"
    ) -> "KeyRing":
        """Return a ring that signs with `secret` (HS256) and also verifies what the `previous` ones signed.

        Raises WeakSecret for a missing, short, well-known or example secret.
        """
        others = [replace(hs256(strong(one)), signs_from=None) for one in previous]
        return cls([hs256(strong(secret)), *others], issuer=issuer)

    def __repr__(self) -> str:
        return f"KeyRing({list(self._keys.values())!r})"

    def adopt(self, keys: Sequence[Key]) -> None:
        """Use these from now on. The first one is what `derived` derives from, for as long as it stays the first."""
        self._first = next(iter(keys), None)
        self._keys: dict[str, Key] = {}
        for key in keys:
            self._keys.setdefault(key.kid, key)  # Of two with one id the first counts.
        self._written = {self._header(key): key for key in self._keys.values()}

    def knows(self, kid: str, now: datetime) -> bool:
        """Whether the key of this id still verifies: one that was taken out voids all that it signed."""
        key = self._keys.get(kid)
        return key is not None and key.verifies_at(now)

    def known(self, now: datetime) -> frozenset[str]:
        """Return the ids of the keys that verify at this moment."""
        return frozenset(kid for kid, key in self._keys.items() if key.verifies_at(now))

    def signing(self, now: datetime) -> Key:
        """Return the key that signs at this moment; raises NoKeySigns."""
        able = [key for key in self._keys.values() if key.signs_at(now)]
        if not able:
            raise NoKeySigns("no key signs at this moment")
        return max(reversed(able), key=lambda key: key.signs_from or EVER)

    def public(self, now: datetime) -> tuple[Jwk, ...]:
        """Return what others verify our tokens with, those of keys that will sign soon among them; never a secret."""
        halves = (public_half(key) for key in self._keys.values() if key.verifies_at(now))
        return tuple(half for half in halves if half is not None)

    def verify(self, token: str, *, audience: str, now: datetime) -> Claims:
        """Return the claims of a token that is genuine, for `audience` and valid at `now`; raises TokenRefused."""
        wire, key = self._genuine(token, now)
        if wire.iss != self._issuer:
            raise TokenRefused(TokenReason.ISSUER)
        claims = agreeing(wire, kid=key.kid)
        if audience not in claims.aud:
            raise TokenRefused(TokenReason.AUDIENCE)
        if claims.exp <= now:
            raise TokenRefused(TokenReason.EXPIRED)
        if claims.iat > now + CLOCK_SKEW:
            raise TokenRefused(TokenReason.NOT_YET)
        return claims

    def _genuine(self, token: str, now: datetime) -> tuple[Wire, Key]:
        """Return what the token says and whose key has signed it, once its signature is known to be one of ours."""
        if len(token) > LONGEST or not token.isascii():
            raise TokenRefused(TokenReason.MALFORMED)
        key = self._written.get(token.partition(".")[0])
        is_as_we_write_it = key is not None
        key = key or self._key_of(token)
        if not key.verifies_at(now):
            raise TokenRefused(TokenReason.UNKNOWN_KEY)
        payload = _own(token, key) if is_as_we_write_it else self._foreign(token, key)
        try:
            return _read_claims(payload), key
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise TokenRefused(TokenReason.CLAIMS) from None

    def _foreign(self, token: str, key: Key) -> bytes:
        """Return what a token says whose header is not as we write it, but may be as good."""
        try:
            payload: bytes = self._jws.decode_complete(token, key.verifier, algorithms=[key.algorithm])["payload"]
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
        if key is None or header.brings_a_key:
            raise TokenRefused(TokenReason.UNKNOWN_KEY)
        if header.typ != "JWT":
            raise TokenRefused(TokenReason.MALFORMED)
        return key

    def derived(self, purpose: str) -> str:
        """Return 64 digits that whoever has the first key finds again, and nobody else can guess.

        Of the first, not of the one that signs: what hangs on them outlives a rotation. Raises NoKeySigns.
        """
        if self._first is None:
            raise NoKeySigns("there is no key to derive from")
        return hmac.new(self._first.raw, f"innwatch {purpose}".encode(), hashlib.sha256).hexdigest()

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
        """Return a signed token; raises ValueError for claims that `verify` would refuse, and NoKeySigns."""
        key = self.signing(now)
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
            agreeing(wire, kid=key.kid)
        except TokenRefused:
            raise ValueError(f"the claims of {sub!r} do not agree with one another") from None
        return self._sign(_write(wire), key)

    def _header(self, key: Key) -> str:
        """The first part of every token that this key signs here."""
        return self._sign(b"", key).partition(".")[0]

    def _sign(self, payload: bytes, key: Key) -> str:
        return self._jws.encode(payload, key.signer, algorithm=key.algorithm, headers={"kid": key.kid})


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


def _own(token: str, key: Key) -> bytes:
    """Return what a token says whose header is to the letter the one that we write with this key.

    PyJWT looks at each character in Python, which takes 60 µs, and after an outage every tablet comes at once.
    """
    signed, _, signature = token.rpartition(".")
    if signed.count(".") != 1:
        raise TokenRefused(TokenReason.MALFORMED)
    if not key.has_signed(signed.encode(), signature):
        raise TokenRefused(TokenReason.SIGNATURE)
    try:
        return base64url_decode(signed.partition(".")[2])
    except binascii.Error:
        raise TokenRefused(TokenReason.MALFORMED) from None
