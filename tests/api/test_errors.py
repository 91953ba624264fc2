"""Every error is a problem detail of one shape, and rubbish is never a fault of ours."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from broker.tokens import Role
from tests.api.support import INN, World, serving
from tests.support import eventually

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def staff(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        yield client


def fields(answer: httpx.Response) -> list[str]:
    return [error["field"] for error in answer.json()["errors"]]


async def test_errors_have_the_one_shape(staff: httpx.AsyncClient) -> None:
    expected = {
        ("GET", "/no/such/path"): 404,
        ("GET", "/api/no-such-path"): 404,
        ("DELETE", "/api/alerts"): 405,
        ("GET", "/api/auth/user-token"): 405,
        ("GET", "/api/alerts?limit=none"): 400,
        ("GET", "/api/quarantine"): 403,
    }

    answers = {asked: await staff.request(*asked) for asked in expected}

    assert {asked: answer.json()["status"] for asked, answer in answers.items()} == expected
    assert {asked: answer.status_code for asked, answer in answers.items()} == expected
    assert {answer.headers["content-type"] for answer in answers.values()} == {"application/problem+json"}
    assert all(answer.json()["title"] for answer in answers.values())
    assert all(answer.json()["type"].startswith("urn:innwatch:problem:") for answer in answers.values())


async def test_a_wrong_method_names_the_right_ones(staff: httpx.AsyncClient) -> None:
    answer = await staff.delete("/api/alerts")

    assert set(answer.headers["allow"].split(", ")) == {"GET", "OPTIONS"}


BODIES = {
    b'{"note": 1}': "note",
    b'{"note": "%s"}' % (b"x" * 2001): "note",
    b'{"note": "a\\u0000b"}': "note",
    b'{"note": "\\u202eeno"}': "note",
    b'{"notes": "typo"}': "notes",
    b"null": "body",
    b"[]": "body",
    b"": "body",
    b"{": "body",
    b'{"note": "\xff"}': "body",
    b'{"note": "\\ud800"}': "body",
    b'{"note": NaN}': "body",
    b"[" * 60_000: "body",
}


async def test_a_wrong_body_is_refused_by_field(staff: httpx.AsyncClient, world: World) -> None:
    path = f"/api/alerts/{world.alerts[INN]}/acknowledge"

    answers = {body: await staff.post(path, content=body, headers=JSON) for body in BODIES}

    assert {answer.status_code for answer in answers.values()} == {400}
    assert {body: fields(answer) for body, answer in answers.items()} == {body: [name] for body, name in BODIES.items()}


async def test_a_missing_field_is_named(world: World) -> None:
    async with world.client() as client:
        answer = await client.post("/api/auth/user-token", json={"username": "inn-staff"})

    assert answer.status_code == 400
    assert fields(answer) == ["password"]


async def test_without_a_body_the_answer_says_what_is_wanted(staff: httpx.AsyncClient, world: World) -> None:
    paths = ["/api/auth/user-token", "/api/auth/switch", f"/api/alerts/{world.alerts[INN]}/acknowledge"]
    answers = [await staff.post(path) for path in paths]

    assert [answer.json()["errors"] for answer in answers] == [
        [{"field": "body", "detail": "is empty; wanted is a JSON object with username and password"}],
        [{"field": "body", "detail": "is empty; wanted is a JSON object with hotelId"}],
        [{"field": "body", "detail": "is empty; wanted is a JSON object"}],
    ]


async def test_a_body_that_does_not_say_it_is_json_is_refused(staff: httpx.AsyncClient, world: World) -> None:
    path = f"/api/alerts/{world.alerts[INN]}/acknowledge"
    media_types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]

    answers = [await staff.post(path, content=b"{}", headers={"Content-Type": each}) for each in media_types]

    assert [answer.status_code for answer in answers] == [415] * 4


async def test_json_with_parameters_is_still_json(staff: httpx.AsyncClient, world: World) -> None:
    path = f"/api/alerts/{world.alerts[INN]}/acknowledge"
    answer = await staff.post(path, content=b"{}", headers={"Content-Type": "Application/JSON; charset=utf-8"})

    assert answer.status_code == 200


async def test_a_body_over_64_kib_is_too_large(staff: httpx.AsyncClient, world: World) -> None:
    path = f"/api/alerts/{world.alerts[INN]}/acknowledge"
    answer = await staff.post(path, content=b" " * 65_537, headers=JSON)

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


QUERIES = {
    "limit=0": "limit",
    "limit=201": "limit",
    "limit=-1": "limit",
    "limit=1e99": "limit",
    "limit=99999999999999999999999999999": "limit",
    "limit=%00": "limit",
    "limit=%ff": "limit",
    "limit=": "limit",
    "status=closed": "status",
    "status=%00": "status",
    "cursor=%00": "cursor",
    "cursor=%ff": "cursor",
    "cursor=%ED%A0%80": "cursor",
    "cursor=" + "9" * 5000: "cursor",
}


async def test_a_wrong_parameter_is_refused_by_name(staff: httpx.AsyncClient) -> None:
    answers = {query: await staff.get(f"/api/alerts?{query}") for query in QUERIES}

    assert {answer.status_code for answer in answers.values()} == {400}
    assert {query: fields(answer) for query, answer in answers.items()} == {
        query: [name] for query, name in QUERIES.items()
    }


async def test_a_wrong_state_is_refused_by_the_name_it_has_on_the_wire(staff: httpx.AsyncClient) -> None:
    answer = await staff.get("/api/notifications?state=lost")

    assert fields(answer) == ["state"]


async def test_a_cursor_of_another_list_is_refused_or_harmless(staff: httpx.AsyncClient) -> None:
    # The last two hold integers beyond those of a database, alone and as a pair.
    cursors = ["MQ", "e30", "eyJpZCI6MX0", "AAAA", "1", "rubbish", "9" * 500]
    cursors += ["z___________", "ks___________8___________w"]

    answers = [
        await staff.get(f"/api/{noun}", params={"cursor": cursor})
        for noun in ("devices", "rooms", "notifications", "alerts")
        for cursor in cursors
    ]

    assert {answer.status_code for answer in answers} <= {200, 400}
    assert answers[0].json()["errors"] == [{"field": "cursor", "detail": "is none of this list"}]


INTEGERS = [-1, 2**63, 2**64 - 1, (-1, 0), (0, 2**63), (2**64 - 1, 2**64 - 1)]


async def test_a_cursor_beyond_the_integers_of_a_database_is_refused_like_any_other(
    staff: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    cursors = [base64.urlsafe_b64encode(msgspec.msgpack.encode(each)).rstrip(b"=").decode() for each in INTEGERS]

    answers = [
        await staff.get(f"/api/{noun}", params={"cursor": cursor})
        for noun in ("devices", "rooms", "notifications", "alerts")
        for cursor in cursors
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert {tuple(fields(answer)) for answer in answers} == {("cursor",)}
    assert caplog.records == []


TOKENS = {
    "": "token-missing",
    "Bearer": "token-missing",
    "Basic aW5uLXN0YWZmOnB3": "token-missing",
    "Bearer rubbish": "token-invalid",
    "Bearer a.b.c": "token-invalid",
    "Bearer " + "x" * 5000: "token-invalid",
}


async def test_who_has_no_good_token_is_told_what_is_wrong_with_it(world: World) -> None:
    async with world.client() as client:
        answers = {each: await client.get("/api/alerts", headers={"Authorization": each}) for each in TOKENS}

    assert {answer.status_code for answer in answers.values()} == {401}
    assert {each: answer.json()["type"].rpartition(":")[2] for each, answer in answers.items()} == TOKENS
    assert all(answer.headers["www-authenticate"].startswith("Bearer ") for answer in answers.values())


async def test_a_device_opens_nothing_for_staff(world: World) -> None:
    async with world.client(world.device(INN)) as client:
        answer = await client.get("/api/alerts")

    assert answer.status_code == 403


async def test_when_the_database_is_away_the_answer_says_to_try_again(world: World) -> None:
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        await client.get("/api/alerts")
        await world.store.close()
        answer = await client.get("/api/alerts")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_caller_who_leaves_in_the_middle_of_a_body_is_no_fault_of_ours(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    head = "POST /api/auth/user-token HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    with caplog.at_level(logging.WARNING):
        async with serving(world.app) as served:
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(head.encode())
            await eventually(lambda: served.connections)
            writer.transport.abort()
            await eventually(lambda: not served.connections)

    assert caplog.records == []


async def test_a_fault_of_ours_shows_nothing_of_its_insides(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> list[str]:
        raise RuntimeError("the secret of the house")

    world.parts.problems = broken  # type: ignore[method-assign]
    async with world.client() as client:
        answer = await client.get("/health/ready")

    assert answer.status_code == 500
    assert answer.json() == {
        "type": "urn:innwatch:problem:fault",
        "title": "Something went wrong here",
        "status": 500,
    }
    assert "the secret of the house" in caplog.text
