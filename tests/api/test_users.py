"""The people of a hotel over HTTP: who may change them, and how far a manager's arm reaches."""

import httpx
import pytest

from broker.tokens import Role
from rules.ids import UserName
from store import INNWATCH
from store.records import MemberRole
from tests.api.support import HASH, INN, LODGE, NOON, PASSWORD, World, bearer

BOB = UserName("bob")


def manager(world: World) -> str:
    return world.user(INN, "inn-manager", role=Role.MANAGER)


def root(world: World) -> str:
    return world.user(INN, "root", role=Role.ADMIN)


async def logged_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> int:
    body = {"username": name, "password": password}
    return (await client.post("/api/auth/user-token", json=body)).status_code


def secret_of(link: str) -> str:
    return link.removeprefix("#password/")


async def test_a_new_person_gets_in_by_a_link_and_a_password_that_nobody_else_knows(world: World) -> None:
    async with world.client(manager(world)) as client:
        answer = await client.post("/api/users", json={"name": "bob", "role": "staff"})
    joined = answer.json()
    assert answer.status_code == 201
    assert (joined["isNew"], joined["user"]["role"], joined["user"]["hasPassword"]) == (True, "staff", False)

    async with world.client() as client:
        assert await logged_in(client, "bob") == 401
        body = {"secret": secret_of(joined["password"]["link"]), "password": "my own pass phrase"}
        assert (await client.post("/api/auth/password-link/use", json=body)).json() == {"username": "bob"}
        assert await logged_in(client, "bob", "my own pass phrase") == 200


async def test_a_person_who_has_an_account_keeps_its_password_and_nobody_here_gets_a_link(world: World) -> None:
    async with world.client(manager(world)) as client:
        joined = (await client.post("/api/users", json={"name": "lodge-staff", "role": "viewer"})).json()
        again = await client.post("/api/users", json={"name": "lodge-staff", "role": "viewer"})

    assert (joined["isNew"], joined["password"], joined["user"]["elsewhere"]) == (False, None, True)
    assert (again.status_code, again.json()["type"]) == (409, "urn:innwatch:problem:exists")


async def test_who_may_do_less_is_logged_out_and_gets_in_again_as_what_they_are_now(world: World) -> None:
    before = world.user(INN, "inn-staff", role=Role.STAFF)
    async with world.client(manager(world)) as client:
        changed = await client.patch("/api/users/inn-staff", json={"role": "viewer"})
    world.clock.pass_(seconds=1)

    async with world.client() as client:
        refused = await client.get("/api/alerts", headers=bearer(before))
        grant = await client.post("/api/auth/user-token", json={"username": "inn-staff", "password": PASSWORD})
        session = await client.get("/api/session", headers=bearer(grant.json()["token"]))
    assert changed.json()["role"] == "viewer"
    assert refused.json()["type"] == "urn:innwatch:problem:token-revoked"
    assert session.json()["role"] == "viewer"


async def test_who_was_removed_is_out_of_this_hotel_and_not_of_the_other(world: World) -> None:
    here, there = world.user(INN, "both", role=Role.STAFF), world.user(LODGE, "both", role=Role.VIEWER)
    async with world.client(manager(world)) as client:
        assert (await client.delete("/api/users/both")).status_code == 204
        assert (await client.delete("/api/users/both")).status_code == 404

    async with world.client() as client:
        assert (await client.get("/api/alerts", headers=bearer(here))).status_code == 401
        assert (await client.get("/api/alerts", headers=bearer(there))).status_code == 200


async def test_somebody_is_disabled_and_enabled_and_neither_brings_old_tokens_back(world: World) -> None:
    before = world.user(INN, "inn-staff", role=Role.STAFF)
    async with world.client(manager(world)) as client:
        disabled = (await client.post("/api/users/inn-staff/disable")).json()["disabled"]
        no_link = await client.post("/api/users/inn-staff/password-link")
        enabled = (await client.post("/api/users/inn-staff/enable")).json()["disabled"]
    assert (disabled, enabled) == (True, False)
    assert no_link.json()["type"] == "urn:innwatch:problem:disabled"

    async with world.client() as client:
        assert (await client.get("/api/alerts", headers=bearer(before))).status_code == 401
        assert await logged_in(client, "inn-staff") == 200


BEYOND = ("disable", "enable", "password-link")


@pytest.mark.parametrize("deed", BEYOND)
@pytest.mark.parametrize("name", ["both", "root"])
async def test_a_manager_does_nothing_to_an_account_that_opens_more_than_this_hotel(
    world: World, deed: str, name: str
) -> None:
    async with world.client(manager(world)) as client:
        answer = await client.post(f"/api/users/{name}/{deed}")

    assert answer.status_code == 403
    assert "administrator" in answer.json()["detail"]
    account = await world.store.find_account(UserName(name))
    assert account is not None
    assert (account.disabled, account.gen) == (False, 1)


@pytest.mark.parametrize("deed", BEYOND)
async def test_an_administrator_does_it_to_any_member_of_the_hotel(world: World, deed: str) -> None:
    async with world.client(root(world)) as client:
        assert (await client.post(f"/api/users/both/{deed}")).status_code in {200, 201}
        assert (await client.post(f"/api/users/lodge-staff/{deed}")).status_code == 404


async def test_an_account_that_became_an_administrators_is_out_of_reach_of_a_link_made_before(world: World) -> None:
    async with world.client(manager(world)) as client:
        link = (await client.post("/api/users/inn-staff/password-link")).json()["link"]
    await world.store.add_user(
        LODGE, UserName("inn-staff"), role=MemberRole.MANAGER, password_hash=None, by=INNWATCH, now=NOON
    )

    async with world.client() as client:
        body = {"secret": secret_of(link), "password": "taken over"}
        assert (await client.post("/api/auth/password-link/use", json=body)).status_code == 404
        assert await logged_in(client, "inn-staff") == 200


async def test_nobody_locks_themselves_out(world: World) -> None:
    async with world.client(manager(world)) as client:
        answers = [
            await client.patch("/api/users/inn-manager", json={"role": "viewer"}),
            await client.delete("/api/users/inn-manager"),
            await client.post("/api/users/inn-manager/disable"),
            await client.post("/api/users/inn-manager/password-link"),
        ]

    assert {answer.json()["type"] for answer in answers} == {"urn:innwatch:problem:oneself"}


CHANGES = [
    ("POST", "/api/users", {"name": "bob", "role": "viewer"}),
    ("PATCH", "/api/users/inn-viewer", {"role": "manager"}),
    ("DELETE", "/api/users/inn-viewer", None),
    ("POST", "/api/users/inn-viewer/disable", None),
    ("POST", "/api/users/inn-viewer/enable", None),
    ("POST", "/api/users/inn-viewer/password-link", None),
]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.STAFF])
async def test_staff_see_their_colleagues_and_change_none(world: World, role: Role) -> None:
    async with world.client(world.user(INN, f"inn-{role}", role=role)) as client:
        seen = await client.get("/api/users")
        one = await client.get("/api/users/inn-viewer")
        answers = [await client.request(method, path, json=body) for method, path, body in CHANGES]

    assert (seen.status_code, one.json()["name"]) == (200, "inn-viewer")
    assert {answer.status_code for answer in answers} == {403}


async def test_nobody_is_made_an_administrator_over_http(world: World) -> None:
    async with world.client(root(world)) as client:
        assert (await client.post("/api/users", json={"name": "bob", "role": "admin"})).status_code == 400
        assert (await client.patch("/api/users/inn-staff", json={"role": "admin"})).status_code == 400
        assert (
            await client.post("/api/users", json={"name": "bob", "role": "staff", "admin": True})
        ).status_code == 400

    assert await world.store.find_account(BOB) is None


@pytest.mark.parametrize("name", ["", "_", "a/b", "a b", "é", "x" * 65, "<b>"])
async def test_a_name_that_is_no_id_makes_nobody(world: World, name: str) -> None:
    async with world.client(manager(world)) as client:
        answer = await client.post("/api/users", json={"name": name, "role": "staff"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "name"


async def test_the_audit_says_who_changed_whom_and_holds_no_secret(world: World) -> None:
    async with world.client(manager(world), address="192.0.2.9") as client:
        joined = (await client.post("/api/users", json={"name": "bob", "role": "staff"})).json()

    lines = (await world.store.audit(INN)).items
    assert [(line.actor, line.address, line.deed, line.subject) for line in lines[:2]] == [
        ("inn-manager", "192.0.2.9", "password.link-made", "bob"),
        ("inn-manager", "192.0.2.9", "user.added", "bob"),
    ]
    assert secret_of(joined["password"]["link"]) not in str(lines)
    assert HASH not in str(lines)
