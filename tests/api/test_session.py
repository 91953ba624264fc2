"""What a console learns when it begins."""

from broker.tokens import Role
from rules.ids import IntegratorName
from store import INNWATCH
from tests.api.support import DEVICE, INN, LODGE, World


async def test_the_session_says_who_where_and_how_to_reach_the_broker(world: World) -> None:
    async with world.client(world.user(INN, "both", role=Role.STAFF)) as client:
        answer = await client.get("/api/session")

    assert answer.json() == {
        "user": "both",
        "role": "staff",
        "temporaryPassword": False,
        "hotel": {"id": "inn", "name": "The Inn", "timezone": "Europe/Vienna", "profile": "strict"},
        "hotels": [
            {"id": "inn", "name": "The Inn", "role": "staff"},
            {"id": "lodge", "name": "The Lodge", "role": "viewer"},
        ],
        "expiresAt": "2026-11-23T13:00:00Z",
        "mqtt": {
            "port": 1884,
            "path": "/mqtt",
            "secure": False,
            "username": "inn/user/both",
            "clientIdPrefix": "inn/user/both/",
        },
    }


async def test_an_admin_without_a_hotel_has_a_session_without_one(world: World) -> None:
    async with world.client(world.user(None, "root", role=Role.ADMIN)) as client:
        session = (await client.get("/api/session")).json()

    assert (session["hotel"], session["role"]) == (None, "admin")
    assert [hotel["id"] for hotel in session["hotels"]] == ["inn", "lodge"]


async def test_a_role_that_the_account_no_longer_has_is_not_lent_by_an_old_token(world: World) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.MANAGER)) as client:
        session = (await client.get("/api/session")).json()
        quarantine = await client.get("/api/quarantine")

    assert session["role"] == "viewer"
    assert quarantine.status_code == 403


async def test_a_token_of_an_account_that_is_no_member_any_more_is_revoked(world: World) -> None:
    async with world.client(world.user(INN, "lodge-staff", role=Role.STAFF)) as client:
        answer = await client.get("/api/session")

    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:innwatch:problem:token-revoked"


async def test_in_a_suspended_hotel_every_token_is_void_and_in_another_none(world: World) -> None:
    everybody = [
        world.user(INN, "inn-viewer", role=Role.VIEWER),
        world.user(INN, "root", role=Role.ADMIN),
        world.device(INN),
        world.integrator(INN, "pms", "alerts"),
    ]
    await world.store.suspend_hotel(INN, by=INNWATCH, now=world.clock())
    for token in everybody:
        async with world.client(token) as client:
            answer = await client.get("/api/alerts")
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:innwatch:problem:token-revoked")
    async with world.client(world.user(LODGE, "both", role=Role.VIEWER)) as client:
        session = (await client.get("/api/session")).json()
    assert [hotel["id"] for hotel in session["hotels"]] == ["lodge"]


async def test_a_revoked_tablet_or_integrator_is_told_so(world: World) -> None:
    device, integrator = world.device(INN), world.integrator(INN, "pms", "alerts")
    await world.store.revoke_device(INN, DEVICE, by=INNWATCH, now=world.clock())
    await world.store.revoke_integrator(INN, IntegratorName("pms"), by=INNWATCH, now=world.clock())
    for token in (device, integrator):
        async with world.client(token) as client:
            answer = await client.get("/api/alerts")
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:innwatch:problem:token-revoked")
