"""Tokens that nobody of ours has signed prove nothing, whatever they look like."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import asdict

from broker.keys import Algorithm, hs256, new_key
from broker.tokens import KeyRing, Role, TokenRefused, mint_device, mint_user
from rules.ids import DeviceId, HotelId
from tests.broker.forgeries import FAMILIES, Family, Known, forged

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET, PAIR = hs256(b"kQ7vX2mB9tZ4wL8nR3pY6cF1hJ5dG0sA"), new_key(Algorithm.ES256)
BOTH = KeyRing([SECRET, PAIR], issuer="innwatch")


def known(algorithm: Algorithm, *, person: bool) -> Known:
    """What a forger has who has seen a token that this kind of key signed."""
    ring = KeyRing([SECRET if algorithm is Algorithm.HS256 else PAIR], issuer="innwatch")
    hotel_id = HotelId("grand")
    if person:
        token = mint_user(ring, hotel_id=hotel_id, name="ann", role=Role.STAFF, gen=1, now=NOW)
    else:
        token = mint_device(ring, hotel_id=hotel_id, device_id=DeviceId("tab-101"), gen=1, now=NOW)
    assert BOTH.verify(token, audience="mqtt", now=NOW).name in {"ann", "tab-101"}
    return Known(token, [asdict(jwk) for jwk in BOTH.public(NOW)])


@pytest.mark.parametrize("person", [False, True], ids=["device", "person"])
@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_forged_token_is_refused(family: Family, algorithm: Algorithm, *, person: bool) -> None:
    tokens = list(family(known(algorithm, person=person)))
    assert tokens
    for token in tokens:
        with pytest.raises(TokenRefused):
            BOTH.verify(token, audience="mqtt", now=NOW)


def test_they_are_more_than_five_hundred() -> None:
    both = known(Algorithm.HS256, person=False), known(Algorithm.ES256, person=True)
    assert sum(len(forged(one)) for one in both) > 500
