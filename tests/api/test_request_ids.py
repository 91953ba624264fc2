"""Each request has a name, by which its answer and the log lines about it are found."""

import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from broker.tokens import Role
from config.logs import as_text, said
from tests.api.support import INN, World

HEADER = "X-Request-ID"


@pytest.fixture
async def staff(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        yield client


@pytest.mark.parametrize("path", ["/api/alerts", "/api/nothing", "/health/live", "/", "/api/openapi.json"])
async def test_every_answer_names_its_request(world: World, path: str) -> None:
    async with world.client() as client:
        names = [(await client.get(path)).headers.get_list(HEADER) for _ in range(2)]

    assert [len(name) for name in names] == [1, 1]
    assert names[0] != names[1]


@pytest.mark.parametrize("name", ["7f3a", "a" * 64, "edge-1.req_2"])
async def test_a_name_that_was_given_is_kept(staff: httpx.AsyncClient, name: str) -> None:
    assert (await staff.get("/api/alerts", headers={HEADER: name})).headers[HEADER] == name


@pytest.mark.parametrize("name", ["", "a b", "a" * 65, 'x"y', "x;y", "é", "a,b", "../a"])
async def test_a_name_that_is_none_gets_one_of_ours(staff: httpx.AsyncClient, name: str) -> None:
    answer = await staff.get("/api/alerts", headers=[(HEADER.encode(), name.encode())])

    assert answer.status_code == 200
    assert len(answer.headers[HEADER]) == 16
    assert answer.headers[HEADER] != name


async def test_an_acknowledgment_is_found_by_its_request_and_by_its_alert(
    world: World, staff: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    alert = world.alerts[INN]
    with caplog.at_level(logging.INFO, logger="api"):
        await staff.post(f"/api/alerts/{alert}/acknowledge", json={}, headers={HEADER: "req-1"})
        await staff.post(f"/api/alerts/{alert}/acknowledge", json={}, headers={HEADER: "req-2"})

    assert [said(record) for record in caplog.records] == [
        ("alert acknowledged", {"hotel": INN, "alert": alert, "user": "inn-staff", "request": "req-1"})
    ]


async def test_who_asks_for_it_sees_every_request_and_no_token(
    world: World, staff: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    token = staff.headers["Authorization"]
    with caplog.at_level(logging.DEBUG, logger="api"):
        await staff.get("/api/alerts", params={"cursor": "a-secret-of-some-sort!"}, headers={HEADER: "req-1"})
        await staff.get("/api/no/such/route", headers={HEADER: "req-2"})

    told = [said(record)[1] for record in caplog.records]
    assert next((one["request"], one["route"], one["status"]) for one in told if "route" in one) == (
        "req-1",
        "/api/alerts",
        400,
    )
    text = "".join(as_text(record) for record in caplog.records)
    assert token.removeprefix("Bearer ") not in text
    assert "secret" not in text
    assert "no/such" not in text
