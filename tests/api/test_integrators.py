"""Integrators over HTTP: a token is shown once, holds what it says, and is void when it should be."""

import pytest

from broker.tokens import Claims, Role
from tests.api.support import INN, World, bearer


def manager(world: World) -> str:
    return world.user(INN, "inn-manager", role=Role.MANAGER)


def claims(world: World, token: str) -> Claims:
    return world.keys.verify(token, audience="api", now=world.clock())


async def test_an_integrator_is_added_with_a_token_that_opens_its_scopes(world: World) -> None:
    async with world.client(manager(world)) as client:
        answer = await client.post("/api/integrators", json={"name": "till", "scopes": ["alerts", "alerts"]})
        issued = answer.json()
        listed = (await client.get("/api/integrators")).json()
        opened = await client.get("/api/alerts", headers=bearer(issued["token"]))
        closed = await client.get("/api/rooms", headers=bearer(issued["token"]))

    assert answer.status_code == 201
    assert (issued["scopes"], issued["expiresIn"]) == (["alerts"], 365 * 86_400)
    assert claims(world, issued["token"]).sub == "inn/integrator/till"
    assert (opened.status_code, closed.status_code) == (200, 403)
    assert listed["items"] == [
        {"name": "pms", "scopes": ["alerts", "events", "rooms", "pms"]},
        {"name": "till", "scopes": ["alerts"]},
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "rotate", None),
        ("POST", "revoke", None),
        ("PATCH", "", {"scopes": ["alerts"]}),
        ("DELETE", "", None),
    ],
)
async def test_the_tokens_of_before_are_void(
    world: World, method: str, path: str, body: dict[str, object] | None
) -> None:
    before = world.integrator(INN, "pms", "alerts")
    async with world.client(manager(world)) as client:
        answer = await client.request(method, f"/api/integrators/pms/{path}".rstrip("/"), json=body)
        assert answer.is_success
        assert (await client.get("/api/alerts", headers=bearer(before))).status_code == 401
        if b"token" in answer.content:
            fresh = bearer(answer.json()["token"])
            assert (await client.get("/api/alerts", headers=fresh)).status_code == 200


async def test_another_system_that_gets_the_name_later_does_not_revive_the_old_token(world: World) -> None:
    before = world.integrator(INN, "pms", "alerts")
    async with world.client(manager(world)) as client:
        await client.delete("/api/integrators/pms")
        await client.post("/api/integrators", json={"name": "pms", "scopes": ["alerts"]})
        assert (await client.get("/api/alerts", headers=bearer(before))).status_code == 401


async def test_a_name_is_given_once_and_a_scope_must_be_one(world: World) -> None:
    async with world.client(manager(world)) as client:
        twice = await client.post("/api/integrators", json={"name": "pms", "scopes": []})
        strange = await client.post("/api/integrators", json={"name": "till", "scopes": ["money"]})

    assert (twice.status_code, strange.status_code) == (409, 400)


async def test_integrators_are_for_managers(world: World) -> None:
    for token in (world.user(INN, "inn-staff", role=Role.STAFF), world.integrator(INN, "pms", "alerts")):
        async with world.client(token) as client:
            assert (await client.get("/api/integrators")).status_code == 403
            assert (await client.post("/api/integrators/pms/rotate")).status_code == 403
