"""The description of the API says what the API does."""

import json
from typing import Any

import pytest
from litestar.routes import HTTPRoute

from tests.api.support import World


@pytest.fixture
async def described(world: World) -> dict[str, Any]:
    async with world.client() as client:
        document: dict[str, Any] = (await client.get("/api/openapi.json")).json()
    return document


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


async def test_every_route_of_the_api_is_described(world: World, described: dict[str, Any]) -> None:
    served = {
        f"{method} {route.path_format}"
        for route in world.app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/")
        for method in route.methods - {"OPTIONS"}
    }

    assert described["openapi"].startswith("3.1")
    assert served - set(operations(described)) == {"GET /api/openapi.json"}


async def test_every_error_is_described_as_a_problem(described: dict[str, Any]) -> None:
    shapes = {
        str(answer.get("content"))
        for operation in operations(described).values()
        for status, answer in operation["responses"].items()
        if not status.startswith("2")
    }

    assert shapes == {"{'application/problem+json': {'schema': {'$ref': '#/components/schemas/Problem'}}}"}


async def test_only_the_public_routes_need_no_token(described: dict[str, Any]) -> None:
    free = {name for name, operation in operations(described).items() if not operation.get("security")}

    assert free == {
        "GET /.well-known/jwks.json",
        "POST /api/auth/user-token",
        "POST /api/devices/register",
        "POST /api/auth/password-link",
        "POST /api/auth/password-link/use",
        "GET /health/live",
        "GET /health/ready",
        "GET /metrics",
    }


async def test_bodies_take_no_further_fields(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]

    closed = ("LogIn", "Switch", "Acknowledge", "Ask", "NewUser", "NewRole", "LinkUse", "NewIntegrator", "NewChannel")
    assert [schemas[name]["additionalProperties"] for name in closed] == [False] * len(closed)


async def test_bodies_of_telemetry_do(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]

    for name in ("SaidHeartbeat", "SaidBreach", "SaidBattery", "SaidTamper"):
        assert schemas[name].get("additionalProperties") is not False


async def test_no_value_is_described_by_two_choices_of_one(described: dict[str, Any]) -> None:
    args = described["components"]["schemas"]["Ask"]["properties"]["args"]

    kinds = [choice["type"] for choice in args["additionalProperties"]["oneOf"]]
    assert kinds == ["string", "boolean", "number", "null"]
    assert '{"type": "integer"}, {"type": "number"}' not in json.dumps(described)


async def test_operations_have_short_names_of_their_own(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(described).values()]

    assert "listAlerts" in names
    assert len(names) == len(set(names))
