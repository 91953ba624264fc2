"""Pages of other hosts may use the API where the settings name them, to the letter, and nowhere else."""

import httpx
import msgspec
import pytest

from api import ApiSettings
from broker.tokens import Role
from tests.api.support import INN, World

DESK = "https://desk.example"


@pytest.fixture
def settings(settings: ApiSettings) -> ApiSettings:
    """As ever, with a page of another host let in."""
    return msgspec.structs.replace(settings, origins=(DESK, "http://localhost:5173"))


async def preflight(world: World, origin: str, path: str = "/api/alerts") -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    async with world.client() as client:
        return await client.options(path, headers=headers)


async def test_a_page_that_is_named_may_ask_and_read(world: World) -> None:
    asked = await preflight(world, DESK)
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        answer = await client.get("/api/alerts", headers={"Origin": DESK})

    assert asked.status_code == 204
    assert "authorization" in asked.headers["access-control-allow-headers"].casefold()
    assert "DELETE" in asked.headers["access-control-allow-methods"]
    assert asked.headers["access-control-allow-origin"] == DESK
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, DESK)
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_refusal_can_be_read_too(world: World) -> None:
    async with world.client() as client:
        answers = [await client.get(path, headers={"Origin": DESK}) for path in ("/api/alerts", "/api/nothing")]

    assert [answer.status_code for answer in answers] == [401, 404]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {DESK}


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://desk.example",
        "https://desk.example.evil.example",
        "https://desk.example:8443",
        "https://DESK.example",
        "https://desk.example/",
        "null",
        "*",
        "",
    ],
)
async def test_any_other_page_is_let_in_nowhere(world: World, origin: str) -> None:
    asked = await preflight(world, origin)
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        answer = await client.get("/api/alerts", headers={"Origin": origin})

    assert asked.status_code == 401  # the guard's own answer to whoever asks for the methods
    for told in (asked, answer):
        assert not [name for name in told.headers if name.startswith("access-control-")]
    assert "Origin" in answer.headers["vary"]


async def test_two_origins_at_once_are_none(world: World) -> None:
    async with world.client() as client:
        answer = await client.get("/api/alerts", headers=[("Origin", DESK), ("Origin", DESK)])

    assert "access-control-allow-origin" not in answer.headers


async def test_what_is_not_the_api_is_for_no_other_page(world: World) -> None:
    async with world.client() as client:
        answers = [await client.get(path, headers={"Origin": DESK}) for path in ("/", "/health/live")]

    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]
