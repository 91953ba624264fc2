"""Logging in, renewing and switching hotels."""

import logging
from datetime import timedelta

import httpx
import pytest

from broker.tokens import Role
from config.logs import said
from store import INNWATCH
from tests.api.support import INN, LODGE, PASSWORD, World, bearer


async def log_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await client.post("/api/auth/user-token", json={"username": name, "password": password, **more})


async def test_name_and_password_give_a_token_of_the_first_hotel_and_name_the_others(world: World) -> None:
    async with world.client() as client:
        answer = await log_in(client, "both")

    grant = answer.json()
    claims = world.keys.verify(grant.pop("token"), audience="api", now=world.clock())
    assert grant == {
        "expiresIn": 12 * 3600,
        "hotelId": "inn",
        "hotels": [
            {"id": "inn", "name": "The Inn", "role": "staff"},
            {"id": "lodge", "name": "The Lodge", "role": "viewer"},
        ],
    }
    assert (claims.sub, claims.hotel_id, claims.role) == ("inn/user/both", INN, Role.STAFF)
    assert claims.exp == world.clock() + timedelta(hours=12)


async def test_the_token_opens_what_the_role_allows(world: World) -> None:
    async with world.client() as client:
        token = (await log_in(client, "both")).json()["token"]
        answer = await client.get("/api/alerts", headers=bearer(token))

    assert answer.status_code == 200


async def test_a_hotel_may_be_chosen_at_log_in(world: World) -> None:
    async with world.client() as client:
        grant = (await log_in(client, "both", hotelId="lodge")).json()

    claims = world.keys.verify(grant["token"], audience="api", now=world.clock())
    assert (claims.hotel_id, claims.role) == (LODGE, Role.VIEWER)


async def test_a_hotel_one_does_not_belong_to_is_refused_whether_it_exists_or_not(world: World) -> None:
    async with world.client() as client:
        answers = [await log_in(client, "inn-staff", hotelId=hotel) for hotel in ("lodge", "no-such-hotel", "", "a/b")]

    assert {answer.status_code for answer in answers} == {403}
    assert {answer.json()["type"] for answer in answers} == {"urn:innwatch:problem:not-a-member"}


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(world: World) -> None:
    async with world.client() as client:
        answers = [await log_in(client, name, "wrong") for name in ("inn-staff", "nobody", "not an id", "_")]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="innwatch"'}
    assert {answer.content for answer in answers} == {
        b'{"type":"urn:innwatch:problem:wrong-password","title":"User name or password is wrong","status":401}'
    }


async def test_guessing_at_an_account_is_slowed_down_with_the_time_to_wait(world: World) -> None:
    async with world.client() as client:
        refused = [(await log_in(client, "inn-staff", f"guess {n}")).status_code for n in range(10)]
        limited = await log_in(client, "inn-staff")

    assert refused == [401] * 10
    assert limited.status_code == 429
    assert limited.headers["retry-after"] == "15"


async def test_after_the_wait_the_right_password_is_taken(world: World) -> None:
    async with world.client() as client:
        for n in range(10):
            await log_in(client, "inn-staff", f"guess {n}")
        world.clock.pass_(seconds=15)
        answer = await log_in(client, "inn-staff")

    assert answer.status_code == 200


async def test_an_admin_may_have_any_hotel(world: World) -> None:
    async with world.client() as client:
        first = (await log_in(client, "root")).json()
        other = (await log_in(client, "root", hotelId="lodge")).json()
        nowhere = await log_in(client, "root", hotelId="no-such-hotel")

    claims = world.keys.verify(other["token"], audience="api", now=world.clock())
    assert [hotel["role"] for hotel in first["hotels"]] == ["admin", "admin"]
    assert (first["hotelId"], claims.hotel_id, claims.role) == ("inn", LODGE, Role.ADMIN)
    assert nowhere.status_code == 403


async def test_switching_trades_the_token_for_one_of_another_hotel(world: World) -> None:
    async with world.client(world.user(INN, "both", role=Role.STAFF)) as client:
        answer = await client.post("/api/auth/switch", json={"hotelId": "lodge"})

    claims = world.keys.verify(answer.json()["token"], audience="api", now=world.clock())
    assert (claims.hotel_id, claims.role) == (LODGE, Role.VIEWER)


async def test_switching_to_a_hotel_one_does_not_belong_to_is_refused(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        answer = await client.post("/api/auth/switch", json={"hotelId": "lodge"})

    assert answer.status_code == 403


async def test_an_admin_without_a_hotel_switches_into_one(world: World) -> None:
    async with world.client(world.user(None, "root", role=Role.ADMIN)) as client:
        before = await client.get("/api/alerts")
        grant = (await client.post("/api/auth/switch", json={"hotelId": "lodge"})).json()
        after = await client.get("/api/alerts", headers=bearer(grant["token"]))

    assert before.json()["type"] == "urn:innwatch:problem:no-hotel"
    assert [alert["id"] for alert in after.json()["items"]] == [world.alerts[LODGE]]


async def test_an_admin_who_goes_into_a_hotel_leaves_a_trace(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="api"):
        async with world.client() as client:
            await log_in(client, "inn-manager")
            token = (await log_in(client, "root", hotelId="lodge")).json()["token"]
            await client.post("/api/auth/switch", json={"hotelId": "inn"}, headers=bearer(token))

    told = [said(record) for record in caplog.records]
    assert [event for event, _ in told] == ["an admin took a token"] * 2
    assert [(fields["user"], fields["hotel"]) for _, fields in told] == [("root", "lodge"), ("root", "inn")]


async def test_a_token_is_renewed_while_it_is_valid(world: World) -> None:
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF, ttl=timedelta(minutes=5))) as client:
        answer = await client.post("/api/auth/renew")

    claims = world.keys.verify(answer.json()["token"], audience="api", now=world.clock())
    assert (claims.sub, claims.exp) == ("inn/user/inn-staff", world.clock() + timedelta(hours=12))


async def test_a_token_that_has_expired_is_not_renewed(world: World) -> None:
    token = world.user(INN, "inn-staff", role=Role.STAFF, ttl=timedelta(minutes=5))
    world.clock.pass_(minutes=5)
    async with world.client(token) as client:
        answer = await client.post("/api/auth/renew")

    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:innwatch:problem:token-expired"


async def test_who_belongs_to_a_suspended_hotel_only_is_told_so_at_log_in(world: World) -> None:
    await world.store.suspend_hotel(INN, by=INNWATCH, now=world.clock())
    async with world.client() as client:
        answers = [await log_in(client, "inn-staff"), await log_in(client, "both", hotelId="inn")]
        stranger = await log_in(client, "lodge-staff", hotelId="inn")

    for answer in answers:
        assert answer.status_code == 403
        assert answer.json() == {
            "type": "urn:innwatch:problem:hotel-suspended",
            "title": "The hotel is suspended",
            "status": 403,
            "detail": "Ask whoever runs Innwatch for The Inn.",
        }
    assert stranger.json()["type"] == "urn:innwatch:problem:not-a-member"


async def test_who_belongs_to_another_hotel_too_gets_that_one_while_the_first_is_suspended(world: World) -> None:
    await world.store.suspend_hotel(INN, by=INNWATCH, now=world.clock())
    async with world.client() as client:
        grant = (await log_in(client, "both")).json()
        switched = await client.post("/api/auth/switch", json={"hotelId": "inn"}, headers=bearer(grant["token"]))

    assert (grant["hotelId"], [hotel["id"] for hotel in grant["hotels"]]) == ("lodge", ["lodge"])
    assert switched.json()["type"] == "urn:innwatch:problem:hotel-suspended"
