"""What tokens are signed with: one secret or one pair of keys, of one algorithm for ever, and from when until when.

HS256 is quick, and whoever can verify can sign. ES256 (P-256) lets others verify who must not sign: its public half
stands in the JWKS. Both are verified here for tokens as we write them, since PyJWT takes far longer than the arithmetic
does, and after an outage every tablet comes at once.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.utils import base64url_encode
from msgspec import Struct

from broker.secret import strong

EVER: Final = datetime.min.replace(tzinfo=UTC)
"""Since when a key signs that was there before anybody wrote down when."""

_NUMBER: Final = 32
"""Bytes of a coordinate of P-256, and of each half of a signature (RFC 7518 §3.4)."""

_HASHED: Final = ECDSA(hashes.SHA256())


class Algorithm(StrEnum):
    HS256 = "HS256"
    ES256 = "ES256"


class KeyUnusable(ValueError):
    """A key that nothing can be signed with. The message says what is wrong with it and never shows it."""


class Key(Struct, frozen=True, eq=False):
    """One key: its id and its one algorithm may be shown, what it signs with never is.

    It signs from `signs_from` on, if there is such a moment, until one that begins later; it verifies until
    `verifies_until`, or for ever. `signer` and `verifier` are what PyJWT and `has_signed` take.
    """

    kid: str
    algorithm: Algorithm
    signer: bytes | EllipticCurvePrivateKey
    verifier: bytes | EllipticCurvePublicKey
    signs_from: datetime | None = EVER
    verifies_until: datetime | None = None

    def __repr__(self) -> str:
        return f"Key({self.kid!r}, {self.algorithm.value!r})"

    def verifies_at(self, now: datetime) -> bool:
        return self.verifies_until is None or now < self.verifies_until

    def signs_at(self, now: datetime) -> bool:
        """Whether it may sign; which of several does is the ring's to say."""
        return self.signs_from is not None and self.signs_from <= now and self.verifies_at(now)

    def has_signed(self, text: bytes, signature: str) -> bool:
        """Whether the signature, as it stands in a token, is this key's over the text, and written as we write it."""
        if isinstance(self.verifier, bytes):
            right = base64url_encode(hmac.digest(self.verifier, text, "sha256"))
            return hmac.compare_digest(right, signature.encode())
        return _is_signed(self.verifier, text, signature)

    @property
    def raw(self) -> bytes:
        """What it signs with, as bytes that nobody may see."""
        if isinstance(self.signer, bytes):
            return self.signer
        return self.signer.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    @property
    def text(self) -> str:
        """What it signs with, as `key_from` reads it."""
        if isinstance(self.signer, bytes):
            return base64url_encode(self.signer).decode()
        return self.signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Jwk(Struct, frozen=True):
    """A public key as a JWKS has it (RFC 7517). Secrets have no such form here."""

    kty: str
    crv: str
    x: str
    y: str
    kid: str
    use: str = "sig"
    alg: str = Algorithm.ES256.value


def new_key(algorithm: Algorithm) -> Key:
    if algorithm is Algorithm.HS256:
        return hs256(secrets.token_bytes(48))
    return es256(generate_private_key(SECP256R1()))


def key_from(algorithm: Algorithm, text: str) -> Key:
    """Return the key that `Key.text` has written down; raises KeyUnusable, and WeakSecret."""
    if algorithm is Algorithm.ES256:
        return read_pem(text.encode())
    try:
        return hs256(strong(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)))
    except binascii.Error:
        raise KeyUnusable("it is not written in base64url") from None


def hs256(secret: bytes) -> Key:
    # The id must be the same in every process that holds the secret, and must tell nothing of it.
    kid = hashlib.blake2b(secret, digest_size=8, person=b"innwatch-kid").hexdigest()
    return Key(kid, Algorithm.HS256, secret, secret)


def es256(private: EllipticCurvePrivateKey) -> Key:
    public = private.public_key()
    return Key(_thumbprint(public), Algorithm.ES256, private, public)


def read_pem(content: bytes) -> Key:
    """Return the ES256 key in a PEM file; raises KeyUnusable."""
    try:
        private = load_pem_private_key(content, password=None)
    except TypeError:
        raise KeyUnusable("it has a passphrase; take that off") from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyUnusable("it is no private key in PEM") from None
    if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
        raise KeyUnusable("it is no key for ES256, whose curve is P-256 (prime256v1)")
    return es256(private)


def public_half(key: Key) -> Jwk | None:
    """What others verify with; None for a secret."""
    if isinstance(key.verifier, bytes):
        return None
    x, y = _coordinates(key.verifier)
    return Jwk(kty="EC", crv="P-256", x=x, y=y, kid=key.kid)


def _thumbprint(public: EllipticCurvePublicKey) -> str:
    """The id of a public key that anybody would give it: RFC 7638, over its members in order of their names."""
    x, y = _coordinates(public)
    members = msgspec.json.encode({"crv": "P-256", "kty": "EC", "x": x, "y": y})
    return base64url_encode(hashlib.sha256(members).digest()).decode()


def _coordinates(public: EllipticCurvePublicKey) -> tuple[str, str]:
    at = public.public_numbers()
    x, y = (base64url_encode(number.to_bytes(_NUMBER, "big")).decode() for number in (at.x, at.y))
    return x, y


def _is_signed(public: EllipticCurvePublicKey, text: bytes, signature: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except (binascii.Error, ValueError):
        return False
    # Python's decoder passes over what is not base64: only one way of writing a signature is taken.
    if len(raw) != 2 * _NUMBER or base64url_encode(raw) != signature.encode():
        return False
    r, s = int.from_bytes(raw[:_NUMBER], "big"), int.from_bytes(raw[_NUMBER:], "big")
    try:
        public.verify(encode_dss_signature(r, s), text, _HASHED)
    except InvalidSignature:
        return False
    return True
