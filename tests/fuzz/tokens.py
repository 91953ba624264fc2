"""The reader of tokens: whatever a password holds, and whatever one of our keys signed, it is claims or a refusal."""

from datetime import UTC, datetime

from broker.tokens import KeyRing, TokenRefused

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = "kQ7vX2mB9tZ4wL8nR3pY6cF1hJ5dG0sA"
RING = KeyRing.of(SECRET)


def target(data: bytes) -> None:
    """With an even first byte the rest is a password; else it is claims, which are signed."""
    if not data:
        return
    if data[0] % 2:
        _verify(RING._sign(data[1:], RING.signing(NOON)))
    else:
        _verify(data[1:].decode("latin-1"))


def _verify(token: str) -> None:
    try:
        claims = RING.verify(token, audience="mqtt", now=NOON)
    except TokenRefused:
        return
    assert "mqtt" in claims.aud
    assert claims.exp > NOON
    assert claims.sub.endswith(claims.name)
