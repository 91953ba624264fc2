"""Health and metrics."""

import httpx
import pytest
from prometheus_client import CollectorRegistry

from api.app import build_health_app
from broker.tokens import Role
from tests.api.support import INN, World, bearer

HERE = "127.0.0.1"


async def test_it_is_alive_while_it_is_not_ready_and_says_what_is_missing(world: World) -> None:
    world.parts.missing = ["broker: port 1883 is not bound"]
    async with world.client() as client:
        live = await client.get("/health/live")
        ready = await client.get("/health/ready")

    assert live.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["missing"] == ["broker: port 1883 is not bound"]


@pytest.mark.parametrize("path", ["/health/ready", "/health"])
async def test_it_is_ready_when_nothing_is_missing(world: World, path: str) -> None:
    async with world.client() as client:
        answer = await client.get(path)

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_a_process_that_serves_only_machines_has_its_pages_kept_and_guessed_at_by_nobody(world: World) -> None:
    app = build_health_app(registry=CollectorRegistry(), health=world.parts, metrics_token=None)
    transport = httpx.ASGITransport(app=app, client=(HERE, 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://bridge") as client:
        for path in ("/health/live", "/health/ready", "/metrics", "/no/such/path"):
            head = (await client.get(path)).headers
            assert head["cache-control"] == "no-store", path
            assert head["x-content-type-options"] == "nosniff", path


async def test_this_machine_reads_metrics_without_a_token(world: World) -> None:
    async with world.client(address=HERE) as client:
        await client.get("/no/such/path")
        answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert 'innwatch_http_requests_total{method="GET",route="none",status="404"} 1.0' in answer.text


async def test_another_machine_needs_the_metrics_token_or_an_admins(world: World) -> None:
    tokens = {
        "metrics token": "let the machines in",
        "admin": world.user(None, "root", role=Role.ADMIN),
        "staff": world.user(INN, "inn-staff", role=Role.STAFF),
        "rubbish": "rubbish",
    }
    async with world.client() as client:
        found = {
            who: (await client.get("/metrics", headers=bearer(token))).status_code for who, token in tokens.items()
        }
        found["nobody"] = (await client.get("/metrics")).status_code

    assert found == {"metrics token": 200, "admin": 200, "staff": 401, "rubbish": 401, "nobody": 401}


async def test_whoever_comes_through_a_proxy_on_this_machine_is_somebody_else(world: World) -> None:
    async with world.client(address=HERE) as client:
        answer = await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})

    assert answer.status_code == 401


async def test_no_token_and_no_made_up_path_stands_in_the_metrics(world: World) -> None:
    token = world.user(INN, "inn-staff", role=Role.STAFF)
    async with world.client(token, address=HERE) as client:
        await client.get("/api/alerts/made-up")
        await client.get(f"/api/made-up/{token}")
        text = (await client.get("/metrics")).text

    assert "made-up" not in text
    assert token not in text
