"""The audit over HTTP: who reads which, and what the API itself writes into it."""

from typing import Any

import pytest

from broker.tokens import Role
from rules.ids import HotelId
from store import Actor, ActorKind, Deed
from tests.api.support import INN, LODGE, PASSWORD, World, bearer


async def lines(world: World, hotel_id: HotelId | None, query: str = "") -> list[dict[str, Any]]:
    token = world.user(hotel_id, "root", role=Role.ADMIN)
    async with world.client(token) as client:
        answer = await client.get(f"/api/audit{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_deed_over_http_says_who_from_where_and_by_which_request(world: World) -> None:
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        await client.post(f"/api/alerts/{world.alerts[INN]}/acknowledge", json={}, headers={"X-Request-ID": "mine-1"})

    (line,) = await lines(world, INN, "?deed=alert.")
    assert {name: line[name] for name in line if name not in {"id", "at"}} == {
        "hotelId": "inn",
        "actorKind": "user",
        "actor": "inn-staff",
        "address": "192.0.2.7",
        "requestId": "mine-1",
        "deed": "alert.acknowledged",
        "subject": world.alerts[INN],
        "detail": {},
    }


async def test_a_log_in_stands_in_the_audit_of_its_hotel(world: World) -> None:
    async with world.client() as client:
        for name, password in (("both", PASSWORD), ("both", "wrong"), ("root", PASSWORD)):
            await client.post("/api/auth/user-token", json={"username": name, "password": password})

    found = await lines(world, INN, "?deed=session.")
    assert [(line["actor"], line["deed"], line["detail"]) for line in found] == [
        ("root", "session.logged-in", {"role": "admin"}),
        ("both", "session.logged-in", {"role": "staff"}),
    ]
    assert await lines(world, LODGE, "?deed=session.") == []


async def test_an_admin_who_goes_into_a_hotel_stands_in_its_audit(world: World) -> None:
    async with world.client(world.user(None, "root", role=Role.ADMIN)) as client:
        grant = (await client.post("/api/auth/switch", json={"hotelId": "lodge"})).json()
        await client.post("/api/auth/renew", headers=bearer(grant["token"]))

    (line,) = await lines(world, LODGE, "?deed=session.")
    assert (line["actor"], line["deed"], line["detail"]) == ("root", "session.hotel-entered", {"role": "admin"})


async def test_what_belongs_to_no_hotel_is_for_an_admin_without_one(world: World) -> None:
    by = Actor(ActorKind.COMMAND_LINE, "ops")
    await world.store.write_audit(None, Deed.KEY_ADDED, by=by, subject="k1", now=world.clock())

    assert [line["subject"] for line in await lines(world, None)] == ["k1"]
    assert await lines(world, INN, "?deed=key.") == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.STAFF])
async def test_only_managers_read_the_audit(world: World, role: Role) -> None:
    async with world.client(world.user(INN, f"inn-{role}", role=role)) as client:
        assert (await client.get("/api/audit")).status_code == 403
    async with world.client(world.integrator(INN, "pms", "alerts", "events", "rooms")) as client:
        assert (await client.get("/api/audit")).status_code == 403


async def test_it_is_read_page_by_page_and_narrowed_to_one_actor_or_subject(world: World) -> None:
    every = await lines(world, INN, "?limit=200")
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        first = (await client.get("/api/audit?limit=2")).json()
        second = (await client.get(f"/api/audit?limit=2&cursor={first['next']}")).json()

    assert first["items"] + second["items"] == every[:4]
    assert [line["deed"] for line in await lines(world, INN, "?subject=tab-1")] == ["device.added"]
    assert await lines(world, INN, "?actor=nobody") == []
