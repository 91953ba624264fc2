"""What others verify our tokens with, and what becomes of tokens whose key is gone."""

import jwt
import pytest

from broker.keys import Algorithm, hs256, new_key
from broker.tokens import KeyRing, Role, mint_enrol
from tests.api.support import INN, SECRET, World, bearer


async def test_where_only_secrets_sign_there_is_nothing_to_show(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/.well-known/jwks.json")

    assert (answer.status_code, answer.json()) == (200, {"keys": []})
    assert answer.headers["content-type"] == "application/jwk-set+json"


async def test_a_stranger_verifies_our_tokens_by_what_stands_there(world: World) -> None:
    world.keys.adopt([hs256(SECRET.encode()), new_key(Algorithm.ES256)])
    token = world.user(INN, "inn-staff", role=Role.STAFF)
    async with world.client() as client:
        answer = await client.get("/.well-known/jwks.json")

    keys = jwt.PyJWKSet.from_dict(answer.json())
    kid = jwt.get_unverified_header(token)["kid"]
    claims = jwt.decode(token, keys[kid], ["ES256"], audience="api", options={"verify_exp": False, "verify_iat": False})
    assert claims["sub"] == "inn/user/inn-staff"
    assert len(answer.json()["keys"]) == 1
    assert set(answer.json()["keys"][0]) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_a_token_of_a_key_that_was_taken_out_opens_nothing(world: World) -> None:
    token = world.user(INN, "inn-staff", role=Role.STAFF)
    async with world.client(token) as client:
        before = await client.get("/api/session")
        world.keys.adopt([new_key(Algorithm.HS256)])
        after = await client.get("/api/session")

    assert (before.status_code, after.status_code) == (200, 401)


async def test_a_tablet_with_a_forged_code_is_refused_and_counted(world: World) -> None:
    stranger = KeyRing.of(SECRET[::-1])
    token = mint_enrol(stranger, hotel_id=INN, gen=1, now=world.clock())
    async with world.client(address="127.0.0.1") as client:
        answer = await client.post("/api/devices/register", headers=bearer(token), json={"deviceId": "tab-9"})
        metrics = (await client.get("/metrics")).text

    assert answer.status_code == 401
    assert 'innwatch_http_tokens_refused_total{reason="unknown-key"} 1.0' in metrics


@pytest.mark.parametrize(("token", "reason"), [("rubbish", "malformed"), ("e30.e30.e30", "malformed")])
async def test_a_token_that_is_refused_is_counted_by_why(world: World, token: str, reason: str) -> None:
    async with world.client(address="127.0.0.1") as client:
        await client.get("/api/session", headers=bearer(token))
        metrics = (await client.get("/metrics")).text

    assert f'innwatch_http_tokens_refused_total{{reason="{reason}"}} 1.0' in metrics
    assert token not in metrics
