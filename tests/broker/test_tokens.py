"""Tokens: what is minted verifies, and nothing else does."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from broker.keys import Algorithm, hs256, key_from, new_key, public_half
from broker.tokens import (
    Claims,
    KeyRing,
    NoKeySigns,
    Role,
    TokenReason,
    TokenRefused,
    TokenType,
    WeakSecret,
    mint_device,
    mint_enrol,
    mint_integrator,
    mint_service,
    mint_user,
)
from rules.ids import DeviceId, HotelId

SECRET = "kQ7vX2mB9tZ4wL8nR3pY6cF1hJ5dG0sA"
OTHER = "Zw8Lq2Nf6Vb3Xc9Ty1Uj5Ik7Om4Ph0Rd"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
H, D = HotelId("h1"), DeviceId("tab-1")
RING = KeyRing.of(SECRET)
PAIR = new_key(Algorithm.ES256)


def reason_of(token: str, *, ring: KeyRing = RING, now: datetime = NOW, audience: str = "mqtt") -> TokenReason:
    with pytest.raises(TokenRefused) as refused:
        ring.verify(token, audience=audience, now=now)
    return refused.value.reason


def device_claims(**changes: object) -> dict[str, object]:
    claims: dict[str, object] = {
        "iss": "innwatch",
        "aud": ["mqtt", "api"],
        "sub": "h1/tab-1",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
        "jti": "j1",
        "type": "device",
        "gen": 0,
        "hotel_id": "h1",
        "device_id": "tab-1",
    } | changes
    return {name: value for name, value in claims.items() if value is not ...}


def signed(
    claims: object, *, secret: str = SECRET, headers: dict[str, object] | None = None, alg: str = "HS256"
) -> str:
    kid = jwt.get_unverified_header(mint_service(RING, name="x", gen=0, now=NOW))["kid"]
    payload = json.dumps(claims).encode()
    return jwt.PyJWS().encode(payload, secret, algorithm=alg, headers={"kid": kid, **(headers or {})})


def test_a_device_token_says_who_the_device_is() -> None:
    claims = RING.verify(mint_device(RING, hotel_id=H, device_id=D, gen=3, now=NOW), audience="mqtt", now=NOW)
    assert (claims.type, claims.sub, claims.hotel_id, claims.device_id, claims.gen, claims.name) == (
        TokenType.DEVICE, "h1/tab-1", H, D, 3, "tab-1",
    )  # fmt: skip
    assert claims.exp == NOW + timedelta(days=30)


def test_a_persons_token_carries_the_role() -> None:
    token = mint_user(RING, hotel_id=H, name="ann", role=Role.STAFF, gen=0, now=NOW)
    claims = RING.verify(token, audience="api", now=NOW)
    assert (claims.sub, claims.role, claims.name) == ("h1/user/ann", Role.STAFF, "ann")


def test_an_admin_may_be_without_a_hotel_and_nobody_else() -> None:
    token = mint_user(RING, hotel_id=None, name="root", role=Role.ADMIN, gen=0, now=NOW)
    assert RING.verify(token, audience="api", now=NOW).hotel_id is None
    with pytest.raises(ValueError, match="agree"):
        mint_user(RING, hotel_id=None, name="ann", role=Role.MANAGER, gen=0, now=NOW)


def test_an_integrators_token_carries_its_scope() -> None:
    token = mint_integrator(RING, hotel_id=H, name="opera", scope=["pms", "alerts"], gen=0, now=NOW)
    claims = RING.verify(token, audience="mqtt", now=NOW)
    assert (claims.sub, claims.scope) == ("h1/integrator/opera", ("pms", "alerts"))


def test_a_service_token_is_for_mqtt_only() -> None:
    token = mint_service(RING, name="bridge", gen=0, now=NOW)
    assert RING.verify(token, audience="mqtt", now=NOW).sub == "_/service/bridge"
    assert reason_of(token, audience="api") is TokenReason.AUDIENCE


def test_an_enrolment_token_opens_no_mqtt() -> None:
    assert reason_of(mint_enrol(RING, hotel_id=H, gen=0, now=NOW)) is TokenReason.AUDIENCE


def test_a_token_ends_at_its_exp_on_the_clock_that_is_passed_in() -> None:
    token = mint_device(RING, hotel_id=H, device_id=D, gen=0, now=NOW, ttl=timedelta(seconds=10))
    assert RING.verify(token, audience="mqtt", now=NOW + timedelta(seconds=9)).device_id == D
    assert reason_of(token, now=NOW + timedelta(seconds=10)) is TokenReason.EXPIRED


def test_a_token_from_the_future_is_refused_beyond_a_little_skew() -> None:
    token = mint_device(RING, hotel_id=H, device_id=D, gen=0, now=NOW)
    assert RING.verify(token, audience="mqtt", now=NOW - timedelta(seconds=30)).device_id == D
    assert reason_of(token, now=NOW - timedelta(minutes=5)) is TokenReason.NOT_YET


def test_after_rotation_the_old_key_still_verifies_and_the_new_one_signs() -> None:
    old = mint_device(RING, hotel_id=H, device_id=D, gen=0, now=NOW)
    ring = KeyRing.of(OTHER, previous=[SECRET])
    assert ring.verify(old, audience="mqtt", now=NOW).device_id == D
    new = mint_device(ring, hotel_id=H, device_id=D, gen=0, now=NOW)
    assert reason_of(new) is TokenReason.UNKNOWN_KEY


def test_a_pair_of_keys_signs_what_anybody_can_verify_by_its_public_half() -> None:
    ring = KeyRing([PAIR], issuer="innwatch")
    token = mint_device(ring, hotel_id=H, device_id=D, gen=0, now=NOW)
    assert ring.verify(token, audience="mqtt", now=NOW).kid == PAIR.kid

    keys = jwt.PyJWKSet.from_dict({"keys": [asdict(jwk) for jwk in ring.public(NOW)]})
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(
        token, keys[header["kid"]], ["ES256"], audience="mqtt", issuer="innwatch", options={"verify_exp": False}
    )
    assert (header["typ"], claims["sub"], claims["device_id"]) == ("JWT", "h1/tab-1", "tab-1")


def test_a_secret_has_no_public_half() -> None:
    assert KeyRing([PAIR, hs256(SECRET.encode())], issuer="innwatch").public(NOW) == (public_half(PAIR),)
    assert RING.public(NOW) == ()


def test_a_pairs_id_is_the_one_that_anybody_would_give_it() -> None:
    """RFC 7638 §3.1 has a key of RSA; the members of one of P-256 are crv, kty, x and y."""
    half = public_half(PAIR)
    assert half is not None
    members = json.dumps({"crv": half.crv, "kty": half.kty, "x": half.x, "y": half.y}, separators=(",", ":"))
    digest = hashlib.sha256(members.encode()).digest()
    assert PAIR.kid == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_that_is_written_down_and_read_again_is_the_same(algorithm: Algorithm) -> None:
    key = new_key(algorithm)
    again = key_from(algorithm, key.text)
    token = mint_service(KeyRing([key], issuer="innwatch"), name="x", gen=0, now=NOW)
    assert again.kid == key.kid
    assert KeyRing([again], issuer="innwatch").verify(token, audience="mqtt", now=NOW).kid == key.kid


def test_a_ring_in_which_no_key_signs_mints_nothing() -> None:
    for keys in ([], [replace(PAIR, signs_from=None)], [replace(PAIR, signs_from=NOW + timedelta(seconds=1))]):
        with pytest.raises(NoKeySigns):
            mint_service(KeyRing(keys, issuer="innwatch"), name="x", gen=0, now=NOW)


def test_a_token_says_whose_key_signed_it_and_the_ring_whether_that_still_counts() -> None:
    pair = replace(PAIR, verifies_until=NOW + timedelta(minutes=1))
    ring = KeyRing([pair], issuer="innwatch")
    token = mint_service(ring, name="x", gen=0, now=NOW)
    kid = ring.verify(token, audience="mqtt", now=NOW).kid
    later = NOW + timedelta(minutes=1)

    assert [ring.knows(kid, NOW), ring.knows(kid, later), ring.knows("", NOW)] == [True, False, False]
    assert reason_of(token, ring=ring, now=later) is TokenReason.UNKNOWN_KEY


def test_what_is_adopted_counts_for_everybody_who_holds_the_ring() -> None:
    ring = KeyRing.of(SECRET)
    token = mint_service(ring, name="x", gen=0, now=NOW)
    ring.adopt([PAIR])

    assert reason_of(token, ring=ring) is TokenReason.UNKNOWN_KEY
    assert jwt.get_unverified_header(mint_service(ring, name="x", gen=0, now=NOW))["alg"] == "ES256"


@pytest.mark.parametrize("brought", ["jku", "jwk", "x5u", "x5c"])
def test_a_token_that_brings_a_key_is_refused_even_if_ours_signed_it(brought: str) -> None:
    assert reason_of(signed(device_claims(), headers={brought: "x"})) is TokenReason.UNKNOWN_KEY


def test_the_hand_made_token_of_these_tests_is_a_good_one() -> None:
    assert RING.verify(signed(device_claims()), audience="mqtt", now=NOW).device_id == D


def test_a_token_whose_header_others_wrote_in_their_way_is_as_good() -> None:
    token = signed(device_claims(), headers={"note": "from elsewhere"})
    assert RING.verify(token, audience="mqtt", now=NOW).device_id == D
    assert reason_of(token[:-8] + "AAAAAAAA") is TokenReason.SIGNATURE


@pytest.mark.parametrize("payload", ["e30", "e30.e30", "e", "%%%%", ""])
def test_what_is_signed_must_be_claims_all_the_same(payload: str) -> None:
    header = signed({}).partition(".")[0]
    signature = hmac.digest(SECRET.encode(), f"{header}.{payload}".encode(), "sha256")
    token = f"{header}.{payload}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert reason_of(token) in {TokenReason.MALFORMED, TokenReason.CLAIMS}


@pytest.mark.parametrize("ending", ["=", "==", "A", ".", ".e30"])
def test_a_signature_is_written_in_one_way_only(ending: str) -> None:
    with pytest.raises(TokenRefused):
        RING.verify(signed(device_claims()) + ending, audience="mqtt", now=NOW)


def test_a_signature_of_another_secret_is_refused() -> None:
    assert reason_of(signed(device_claims(), secret=OTHER)) is TokenReason.SIGNATURE


@pytest.mark.parametrize("alg", ["HS384", "HS512", "none"])
def test_another_algorithm_than_the_keys_is_refused(alg: str) -> None:
    token = signed(device_claims(), alg=alg, secret="" if alg == "none" else SECRET + SECRET)
    assert reason_of(token) is TokenReason.SIGNATURE


@pytest.mark.parametrize(
    "claims",
    [
        *[device_claims(**{name: ...}) for name in device_claims() if name != "iss"],
        device_claims(type="enrol"),
        device_claims(type="user"),
        device_claims(type="admin"),
        device_claims(role="admin"),
        device_claims(scope=["pms"]),
        device_claims(sub="h1/tab-2"),
        device_claims(sub="h2/tab-1"),
        device_claims(sub="h1/user/tab-1"),
        device_claims(device_id="tab-2"),
        device_claims(hotel_id="h2"),
        device_claims(hotel_id="_", sub="_/tab-1"),
        device_claims(hotel_id="h1/x", sub="h1/x/tab-1"),
        device_claims(device_id="tab-1\n", sub="h1/tab-1\n"),
        device_claims(gen="0"),
        device_claims(gen=-1),
        device_claims(exp="soon"),
        device_claims(exp=10**18),
        device_claims(exp=float("inf")),
        device_claims(aud=7),
        device_claims(type="user", sub="h1/user/", device_id=..., role="staff"),
        device_claims(type="user", sub="h1/user/ann", device_id=..., role="owner"),
        device_claims(type="user", sub="_/user/ann", device_id=..., hotel_id=..., role="staff"),
        device_claims(type="service", sub="h1/service/x", device_id=...),
        [],
        None,
        "text",
    ],
    ids=repr,
)
def test_claims_that_are_missing_or_do_not_agree_are_refused(claims: object) -> None:
    assert reason_of(signed(claims)) is TokenReason.CLAIMS


def test_another_issuer_is_refused() -> None:
    assert reason_of(signed(device_claims(iss="somebody"))) is TokenReason.ISSUER


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"kid": "nobody"}, TokenReason.UNKNOWN_KEY),
        ({"typ": "JOSE"}, TokenReason.MALFORMED),
        ({"typ": None}, TokenReason.MALFORMED),
        ({"crit": ["exp"], "exp": 1}, TokenReason.MALFORMED),
    ],
)
def test_headers_are_held_to_their_word(headers: dict[str, object], reason: TokenReason) -> None:
    assert reason_of(signed(device_claims(), headers=headers)) is reason


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é.é.é", "x" * 5000, "eyJhbGciOiJIUzI1NiJ9..", "\0"])
def test_what_is_no_token_is_malformed(text: str) -> None:
    assert reason_of(text) is TokenReason.MALFORMED


def test_a_header_nested_without_end_is_malformed() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2000).rstrip(b"=").decode()
    assert reason_of(f"{deep}.e30.e30") is TokenReason.MALFORMED


@given(at=st.integers(0, 10_000), byte=st.sampled_from("AZaz09-_.="))
def test_a_changed_character_never_makes_other_claims(at: int, byte: str) -> None:
    token = signed(device_claims())
    at %= len(token)
    changed = token[:at] + byte + token[at + 1 :]
    try:
        claims = RING.verify(changed, audience="mqtt", now=NOW)
    except TokenRefused:
        return
    assert claims == RING.verify(token, audience="mqtt", now=NOW)


@given(text=st.text(max_size=200))
def test_no_text_makes_verification_stumble(text: str) -> None:
    with pytest.raises(TokenRefused):
        RING.verify(text, audience="mqtt", now=NOW)


@pytest.mark.parametrize(
    "secret",
    [
        None,
        "",
        "hunter2hunter2",
        "x" * 64,
        "ab" * 32,
        " " * 40,
        "your-secret-key-change-in-production",
        "change-me-change-me-change-me-change-me",
        "your-256-bit-secret-your-256-bit-secret",
        "a-string-secret-at-least-256-bits-long",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "MySuperSecretPassword-2026-hotel-lobby",
        PAIR.text,
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq3W0kT7mQ9c2Vx5Yb8Rd1Lf6Hs4Gn0Pw innkeeper",
    ],
)
def test_a_weak_secret_is_refused_and_not_shown(secret: str | None) -> None:
    with pytest.raises(WeakSecret) as refused:
        KeyRing.of(secret)
    assert not secret or secret not in str(refused.value)


def test_random_bytes_are_strong_whatever_stands_at_their_ends() -> None:
    random = bytes(range(7, 7 + 30))
    for first in range(256):
        KeyRing.of(bytes((first,)) + random + b"\n")


def test_blanks_around_a_text_do_not_make_it_longer() -> None:
    with pytest.raises(WeakSecret):
        KeyRing.of(f"  {SECRET[:31]}\n")


@given(secret=st.binary(min_size=32, max_size=64).filter(lambda raw: len(set(raw)) >= 8))
def test_a_ring_never_shows_its_keys(secret: bytes) -> None:
    ring = KeyRing.of(secret)
    assert repr(secret)[2:-1] not in repr(ring)
    assert secret.hex() not in repr(ring)


@pytest.mark.parametrize("make", [lambda: mint_service(RING, name="a/b", gen=0, now=NOW)])
def test_a_name_that_is_no_id_is_not_minted(make: Callable[[], str]) -> None:
    with pytest.raises(ValueError, match="agree"):
        make()


def test_the_audience_of_tokens_alike_stands_in_memory_once() -> None:
    first, second = (
        RING.verify(mint_device(RING, hotel_id=H, device_id=DeviceId(name), gen=0, now=NOW), audience="mqtt", now=NOW)
        for name in ("tab-1", "tab-2")
    )
    assert first.aud is second.aud


def test_claims_are_values() -> None:
    token = mint_device(RING, hotel_id=H, device_id=D, gen=0, now=NOW)
    first: Claims = RING.verify(token, audience="mqtt", now=NOW)
    assert first == RING.verify(token, audience="mqtt", now=NOW)


def test_what_is_derived_from_the_key_is_the_same_everywhere_and_for_each_key_and_purpose_another() -> None:
    other = KeyRing.of("c3f1c09a6d2e47588a90d1c7e5f2463b")

    assert RING.derived("a") == RING.derived("a")
    assert len({RING.derived("a"), RING.derived("b"), other.derived("a")}) == 3
