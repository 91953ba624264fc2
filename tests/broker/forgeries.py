"""Tokens that somebody makes who has none of our keys: hundreds, each for a reason.

Whoever makes them knows what can be known: genuine tokens of others (or an expired one of their own), and the public
keys. All of them are printable ASCII, so that they can be sent as a password and as a bearer token.
"""

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWS
from jwt.algorithms import ECAlgorithm

STRANGE_SECRETS = (
    "Zw8Lq2Nf6Vb3Xc9Ty1Uj5Ik7Om4Ph0Rd", "secret", "changeme", "password", "innwatch", "your-256-bit-secret",
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMNN3Yj0iPS4hcgUuTwjAzZr1Z9CAow", " ", "\0",
)  # fmt: skip
STRANGE_KIDS: tuple[object, ...] = (
    "nobody", "", "../../../../dev/null", "/dev/null", "0", "' OR '1'='1", "a" * 500, None, 0, True, [], {}, ["x"],
    "https://evil.example/jwks.json", "\n", "é",
)  # fmt: skip
OTHER_ALGORITHMS = (
    "HS384",
    "HS512",
    "RS256",
    "PS256",
    "ES384",
    "ES512",
    "ES256K",
    "EdDSA",
    "hs256",
    "HS256 ",
    "",
    None,
)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256."""


class Known(NamedTuple):
    """What a forger starts from: a genuine token, and the public keys that stand in the JWKS."""

    token: str
    jwks: Sequence[Mapping[str, str]]

    @property
    def header(self) -> dict[str, object]:
        return _decoded(self.token.split(".")[0])

    @property
    def claims(self) -> dict[str, object]:
        return _decoded(self.token.split(".")[1])

    @property
    def signature(self) -> str:
        return self.token.rpartition(".")[2]

    @property
    def kids(self) -> list[object]:
        """Ids of our keys: the one that signed the token, and the public ones."""
        return [self.header["kid"], *(jwk["kid"] for jwk in self.jwks if jwk["kid"] != self.header["kid"])]


Family = Callable[[Known], Iterator[str]]


def unsigned(known: Known) -> Iterator[str]:
    """`none`, and everything that looks like it."""
    for alg, kid in itertools.product(("none", "None", "NONE", "nOnE", "", None), (*known.kids, ...)):
        header = {name: value for name, value in {"alg": alg, "typ": "JWT", "kid": kid}.items() if value is not ...}
        for signature in ("", known.signature, "AAAA"):
            yield f"{_part(header)}.{_part(known.claims)}.{signature}"


def confused(known: Known) -> Iterator[str]:
    """HMAC by what is public of ES256: its text, its bytes, its JWK."""
    for jwk in known.jwks:
        public = ECAlgorithm.from_jwk(dict(jwk))
        assert isinstance(public, EllipticCurvePublicKey)
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        secrets = (
            pem, pem.strip(), public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint), json.dumps(jwk).encode(),
            jwk["x"].encode(), jwk["kid"].encode(), b"",
        )  # fmt: skip
        for secret, kid, alg in itertools.product(secrets, known.kids, ("HS256", "ES256")):
            yield _hmacked({"alg": alg, "typ": "JWT", "kid": kid}, known.claims, secret)


def by_a_strange_secret(known: Known) -> Iterator[str]:
    for secret, kid in itertools.product(STRANGE_SECRETS, known.kids):
        yield _hmacked({"alg": "HS256", "typ": "JWT", "kid": kid}, known.claims, secret.encode())
    for kid in known.kids:
        yield _hmacked({"alg": "HS256", "typ": "JWT", "kid": kid}, known.claims, str(kid).encode())


def by_a_strange_key(known: Known) -> Iterator[str]:
    """ES256 with a key of one's own, under our ids, and with the key put into the token."""
    own = generate_private_key(SECP256R1())
    jwk = ECAlgorithm.to_jwk(own.public_key(), as_dict=True)
    brought: tuple[dict[str, object], ...] = (
        {}, {"jwk": jwk}, {"jku": "https://evil.example/jwks.json"}, {"x5u": "https://evil.example/x.pem"},
        {"x5c": ["MIIB"]}, {"jwk": jwk, "jku": "/.well-known/jwks.json"}, {"crit": ["jwk"], "jwk": jwk},
    )  # fmt: skip
    for kid, more in itertools.product((*known.kids, "mine"), brought):
        yield PyJWS().encode(_json(known.claims), own, "ES256", headers={"kid": kid, **more})


def under_a_strange_kid(known: Known) -> Iterator[str]:
    for kid in STRANGE_KIDS:
        for alg in ("HS256", "ES256"):
            yield _hmacked({"alg": alg, "typ": "JWT", "kid": kid}, known.claims, b"\0" * 32)
        yield f"{_part({**known.header, 'kid': kid})}.{_part(known.claims)}.{known.signature}"


def of_another_algorithm(known: Known) -> Iterator[str]:
    """Our header, key and signature, but for the algorithm."""
    for alg, kid in itertools.product(OTHER_ALGORITHMS, known.kids):
        yield f"{_part({'alg': alg, 'typ': 'JWT', 'kid': kid})}.{_part(known.claims)}.{known.signature}"


def tampered(known: Known) -> Iterator[str]:
    """Genuine but for one claim: another hotel, another device, a higher role, a longer life."""
    header, _, signature = known.token.split(".")
    changes: Mapping[str, Sequence[object]] = {
        "hotel_id": ("lodge", "_", None, "*", "+"),
        "device_id": ("tab-2", "#", "..", None),
        "sub": ("lodge/tab-101", "_/user/root", "_/service/bridge", "grand/user/root", ""),
        "role": ("admin", "manager", None),
        "scope": (["pms"], ["alerts", "events", "rooms", "clearance"], "admin"),
        "type": ("user", "service", "integrator", "enrol", "device", "admin"),
        "aud": (["mqtt", "api"], "mqtt", "api", "*", []),
        "exp": (253_402_300_799, None, "never", -1),
        "iat": (0, None),
        "gen": (0, 1, 99, 2**63 - 1, None),
        "iss": ("innwatch", "evil", None),
        "jti": ("another",),
        "admin": (True,),
    }
    for name, values in changes.items():
        for value in values:
            claims = {**known.claims, name: value}
            if claims != known.claims:
                yield f"{header}.{_part(claims)}.{signature}"
        if name in known.claims:
            yield f"{header}.{_part({key: value for key, value in known.claims.items() if key != name})}.{signature}"


def damaged(known: Known) -> Iterator[str]:
    """A genuine one, a little different, or cut."""
    header, payload, signature = known.token.split(".")
    for at in range(0, len(known.token), 5):
        if known.token[at] != ".":
            other = "A" if known.token[at] != "A" else "B"
            yield known.token[:at] + other + known.token[at + 1 :]
    for parts in (
        (header, payload), (header, payload, ""), (header, "", signature), ("", payload, signature),
        (payload, header, signature), (header, payload, signature, ""), (header, payload, signature, signature),
        (header, payload, signature, "", ""), (header, header, signature), (header, payload, payload),
        (f"{header}=", payload, signature), (header, f"{payload}=", signature), (header, payload, f"{signature}="),
        (header, payload, f"{signature}AA"), (header, payload, signature[:-4]), (header, payload, signature[4:]),
        (header, payload, signature[::-1]), (header, payload, signature.swapcase()),
    ):  # fmt: skip
        yield ".".join(parts)
    yield from (known.token * 2, known.token * 12, f"Bearer {known.token}x", f"{known.token},{known.token}")


def psychic(known: Known) -> Iterator[str]:
    """Signatures that a careless ES256 takes for any text: zeros, the order of the group, points at infinity."""
    numbers = (0, 1, ORDER - 1, ORDER, ORDER + 1, 2**256 - 1)
    for kid, r, s in itertools.product(known.kids, numbers, numbers):
        signature = _base64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        yield f"{_part({'alg': 'ES256', 'typ': 'JWT', 'kid': kid})}.{_part(known.claims)}.{signature}"
    for signature in ("", _base64(b"\x30\x06\x02\x01\x00\x02\x01\x00"), _base64(b"\0" * 63), _base64(b"\0" * 65)):
        for kid in known.kids:
            yield f"{_part({'alg': 'ES256', 'typ': 'JWT', 'kid': kid})}.{_part(known.claims)}.{signature}"


def of_another_kind(known: Known) -> Iterator[str]:
    """What is no JWT of three parts at all."""
    yield from ("x", "null", "{}", "a.b.c", "....", "e30.e30.e30", "undefined", "admin:admin", "%2e%2e", "0" * 4097)
    yield json.dumps({"payload": _part(known.claims), "protected": _part(known.header), "signature": known.signature})
    yield f"{_part({'alg': 'dir', 'enc': 'A256GCM', 'kid': known.kids[0]})}..AAAA.AAAA.AAAA"
    yield f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': known.kids[0], 'b64': False, 'crit': ['b64']})}..AAAA"
    for typ in ("JOSE", "at+jwt", "", None):
        yield f"{_part({**known.header, 'typ': typ})}.{_part(known.claims)}.{known.signature}"
    yield f"{_base64(b'[' * 1500)}.e30.e30"


FAMILIES: tuple[Family, ...] = (
    unsigned, confused, by_a_strange_secret, by_a_strange_key, under_a_strange_kid, of_another_algorithm, tampered,
    damaged, psychic, of_another_kind,
)  # fmt: skip


def forged(known: Known) -> list[str]:
    """Return all of them, each once."""
    return list(dict.fromkeys(token for family in FAMILIES for token in family(known)))


def _hmacked(header: Mapping[str, object], claims: Mapping[str, object], secret: bytes) -> str:
    signed = f"{_part(header)}.{_part(claims)}"
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _part(value: Mapping[str, object]) -> str:
    return _base64(_json(value))


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(part: str) -> dict[str, object]:
    value: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return value
