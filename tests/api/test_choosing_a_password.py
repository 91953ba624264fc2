"""Choosing a password of one's own: by the one that holds, and by a link."""

import asyncio
import logging
from datetime import timedelta

import httpx
import pytest

from broker.tokens import Role
from config.logs import said
from rules.ids import UserName
from store import INNWATCH
from tests.api.support import INN, PASSWORD, World, bearer
from tests.support import eventually

ANN = UserName("inn-staff")
CHOSEN = "correct horse battery"


async def change(client: httpx.AsyncClient, current: str = PASSWORD, password: str = CHOSEN) -> httpx.Response:
    return await client.post("/api/auth/password", json={"current": current, "password": password})


async def log_in(client: httpx.AsyncClient, password: str) -> httpx.Response:
    return await client.post("/api/auth/user-token", json={"username": ANN, "password": password})


async def refused(client: httpx.AsyncClient) -> bool:
    return "token-revoked" in (await client.get("/api/session")).text


def staff(world: World) -> str:
    return world.user(INN, ANN, role=Role.STAFF)


async def test_a_new_password_ends_every_session_but_the_one_in_which_it_was_chosen(world: World) -> None:
    other = staff(world)
    async with world.client(staff(world)) as client:
        grant = (await change(client)).json()
        await eventually(lambda: refused(client))  # what a token is worth is remembered for a moment
        assert (await client.get("/api/session", headers=bearer(other))).status_code == 401
        assert (await client.get("/api/session", headers=bearer(grant["token"]))).status_code == 200
        assert (await log_in(client, PASSWORD)).status_code == 401
        assert (await log_in(client, CHOSEN)).status_code == 200
    assert grant["hotelId"] == INN


async def test_a_password_that_somebody_else_chose_is_told_of_until_it_is_changed(world: World) -> None:
    hashed = await world.store.find_account(ANN)
    assert hashed is not None
    assert hashed.password_hash is not None
    await world.store.set_password(ANN, hashed.password_hash, by=INNWATCH, now=world.clock())

    async with world.client() as client:
        token = (await log_in(client, PASSWORD)).json()["token"]
        before = (await client.get("/api/session", headers=bearer(token))).json()
        grant = (
            await client.post(
                "/api/auth/password", json={"current": PASSWORD, "password": CHOSEN}, headers=bearer(token)
            )
        ).json()
        after = (await client.get("/api/session", headers=bearer(grant["token"]))).json()

    assert (before["temporaryPassword"], after["temporaryPassword"]) == (True, False)


async def test_the_password_that_somebody_else_chose_is_none_of_ones_own(world: World) -> None:
    async with world.client(staff(world)) as client:
        answer = await change(client, password=PASSWORD)
        assert answer.status_code == 400
        assert answer.json()["errors"] == [{"field": "password", "detail": "is the one that you have now"}]
        assert (await client.get("/api/session")).status_code == 200


async def test_the_wrong_current_password_changes_nothing_and_ends_no_session(world: World) -> None:
    async with world.client(staff(world)) as client:
        answer = await change(client, current="not this one")
        assert (await client.get("/api/session")).status_code == 200

    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"field": "current", "detail": "is not your password"}]


async def test_whoever_has_a_session_guesses_the_password_no_faster_than_at_the_door(world: World) -> None:
    async with world.client(staff(world)) as client:
        refused = [(await change(client, current=f"guess {n}")).status_code for n in range(10)]
        limited = await change(client)

    assert refused == [400] * 10
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "15")


@pytest.mark.parametrize("password", ["short", "INN-STAFF", "x" * 1025, ""])
async def test_a_password_that_is_none_is_refused(world: World, password: str) -> None:
    async with world.client(staff(world)) as client:
        answer = await change(client, password=password)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "password"


async def test_an_administrator_without_a_hotel_may_change_the_password_too(world: World) -> None:
    async with world.client(world.user(None, "root", role=Role.ADMIN)) as client:
        grant = (await change(client)).json()

    assert grant["hotelId"] is None


# -- links


async def link_for(world: World, name: UserName = ANN) -> str:
    return (await world.store.make_password_link(name, by=INNWATCH, now=world.clock())).secret


async def look(client: httpx.AsyncClient, secret: str) -> httpx.Response:
    return await client.post("/api/auth/password-link", json={"secret": secret})


async def use(client: httpx.AsyncClient, secret: str, password: str = CHOSEN) -> httpx.Response:
    return await client.post("/api/auth/password-link/use", json={"secret": secret, "password": password})


async def test_a_link_says_whose_it_is_and_sets_the_password_once(world: World) -> None:
    secret = await link_for(world)
    async with world.client() as client:
        looked = (await look(client, secret)).json()
        first = await use(client, secret)
        second = await use(client, secret, "somebody else's")
        assert (await log_in(client, CHOSEN)).status_code == 200

    assert looked == {"username": ANN, "expiresAt": "2026-11-24T12:00:00Z"}
    assert (first.status_code, first.json()) == (200, {"username": ANN})
    assert (second.status_code, second.json()["type"]) == (410, "urn:innwatch:problem:link-used")


async def test_a_link_that_is_late_or_made_up_says_so(world: World) -> None:
    secret = await link_for(world)
    world.clock.pass_(hours=24)
    async with world.client() as client:
        late = [await look(client, secret), await use(client, secret)]
        made_up = [await look(client, "made-up"), await use(client, "made-up")]

    assert {answer.json()["type"] for answer in late} == {"urn:innwatch:problem:link-expired"}
    assert {answer.status_code for answer in made_up} == {404}


async def test_a_password_that_is_refused_does_not_use_the_link_up(world: World) -> None:
    secret = await link_for(world)
    async with world.client() as client:
        refused = [await use(client, secret, "short"), await use(client, secret, ANN)]
        assert (await use(client, secret)).status_code == 200

    assert {answer.status_code for answer in refused} == {400}


async def test_by_a_link_too_the_password_that_somebody_else_chose_is_none_of_ones_own(world: World) -> None:
    account = await world.store.find_account(ANN)
    assert account is not None
    assert account.password_hash is not None
    await world.store.set_password(ANN, account.password_hash, by=INNWATCH, now=world.clock())
    secret = await link_for(world)

    async with world.client() as client:
        same, another = await use(client, secret, PASSWORD), await use(client, secret)

    assert (same.status_code, another.status_code) == (400, 200)
    assert "somebody else chose" in same.text


async def test_links_are_tried_at_a_pace_and_a_network_that_guesses_stops_no_other(world: World) -> None:
    secret = await link_for(world)
    async with world.client(address="192.0.2.66") as client:
        statuses = [(await look(client, f"guess-{n}")).status_code for n in range(51)]
    assert statuses == [404] * 50 + [429]

    async with world.client(address="192.0.2.7") as client:
        assert (await use(client, secret)).status_code == 200


async def test_who_looks_at_a_link_over_and_over_hashes_nothing(world: World) -> None:
    async with world.client() as client, asyncio.timeout(5):
        answers = await asyncio.gather(*(use(client, "made-up") for _ in range(40)))

    assert {answer.status_code for answer in answers} == {404}


async def test_neither_passwords_nor_links_are_in_a_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    secret = await link_for(world)
    with caplog.at_level(logging.DEBUG):
        async with world.client() as client:
            await use(client, secret, "short")
            await use(client, secret)
        async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER, ttl=timedelta(minutes=5))) as client:
            await change(client, current="wrong-current-password")

    lines = str([said(record) for record in caplog.records])
    for secret_word in (secret, CHOSEN, "wrong-current-password"):
        assert secret_word not in lines
