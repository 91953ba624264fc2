"""How far a hotel is on the way from HTTP to MQTT, as people read it, and the end of the shared token, one by one."""

import msgspec
import pytest

from api import ApiSettings
from api.speakers import NOTED_STRANGERS
from broker.shared_token import SharedToken
from broker.tokens import Role
from store import INNWATCH, ActorKind
from store.records import Way
from tests.api.support import DEVICE, INN, LODGE, NOON, World


@pytest.fixture
def settings(settings: ApiSettings) -> ApiSettings:
    """As ever, with a shared token for the inn."""
    return msgspec.structs.replace(settings, shared_token=SharedToken("b0arding-pass-0f-the-0ld-days", INN))


async def test_a_hotel_is_told_how_its_tablets_speak(world: World) -> None:
    await world.store.let_shared_token_speak(INN, DEVICE, allowed=True, by=INNWATCH, now=NOON)
    await world.store.note_contact(INN, DEVICE, Way.LEGACY_TOKEN, now=NOON)
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        answer = await client.get("/api/migration")

    assert answer.json() == {
        "sharedToken": True,
        "counts": {"devices": 1, "mqtt": 0, "http": 0, "legacyToken": 1, "never": 0, "cut": 1},
        "items": [
            {
                "deviceId": "tab-1",
                "roomId": "101",
                "speaks": "legacy-token",
                "sharedToken": True,
                "cut": True,
                "legacyToken": {"firstAt": "2026-11-23T12:00:00Z", "lastAt": "2026-11-23T12:00:00Z"},
                "http": None,
                "mqtt": None,
                "tokenIssuedAt": None,
                "tokenExpiresAt": None,
            }
        ],
        "next": None,
        "strangers": [],
    }


async def test_the_other_hotel_has_no_shared_token_and_sees_nothing_of_it(world: World) -> None:
    await world.store.note_contact(INN, DEVICE, Way.LEGACY_TOKEN, now=NOON)
    async with world.client(world.user(LODGE, "lodge-manager", role=Role.MANAGER)) as client:
        told = (await client.get("/api/migration")).json()

    assert (told["sharedToken"], told["counts"]["legacyToken"], told["items"][0]["speaks"]) == (False, 0, None)


async def test_only_those_that_would_be_cut_are_listed_on_demand(world: World) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        assert (await client.get("/api/migration", params={"cut": "true"})).json()["items"] == []
        await world.store.let_shared_token_speak(INN, DEVICE, allowed=True, by=INNWATCH, now=NOON)
        cut = (await client.get("/api/migration", params={"cut": "true"})).json()["items"]

    assert [row["deviceId"] for row in cut] == ["tab-1"]


async def test_a_manager_ends_the_shared_token_of_one_tablet_and_it_is_in_the_audit(world: World) -> None:
    await world.store.let_shared_token_speak(INN, DEVICE, allowed=True, by=INNWATCH, now=NOON)
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        answer = await client.put("/api/migration/tab-1", json={"sharedToken": False})

    assert (answer.status_code, answer.json()) == (200, {"sharedToken": False})
    assert not await world.store.is_spoken_for(INN, DEVICE)
    line = (await world.store.audit(INN, deed="device.legacy-ended")).items[0]
    assert (line.actor_kind, line.actor, line.address) == (ActorKind.USER, "inn-manager", "192.0.2.7")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.STAFF])
async def test_others_end_nothing(world: World, role: Role) -> None:
    async with world.client(world.user(INN, f"inn-{role}", role=role)) as client:
        assert (await client.put("/api/migration/tab-1", json={"sharedToken": True})).status_code == 403


async def test_a_tablet_that_nobody_knows_is_not_found(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        assert (await client.put("/api/migration/tab-9", json={"sharedToken": True})).status_code == 404


async def test_a_tablet_that_the_shared_token_may_not_speak_for_is_listed(world: World) -> None:
    async with world.client("b0arding-pass-0f-the-0ld-days") as client:
        for name in ("tab-77", "no id", "tab-77"):
            await client.post("/api/heartbeat", json={"deviceId": name})
    told = {}
    for hotel_id in (INN, LODGE):
        async with world.client(world.user(hotel_id, f"{hotel_id}-viewer", role=Role.VIEWER)) as client:
            told[hotel_id] = (await client.get("/api/migration")).json()["strangers"]

    at = "2026-11-23T12:00:00Z"
    assert told == {INN: [{"deviceId": "tab-77", "firstAt": at, "lastAt": at, "count": 2}], LODGE: []}


async def test_whoever_knocks_without_end_fills_nothing(world: World) -> None:
    async with world.client("b0arding-pass-0f-the-0ld-days") as client:
        for number in range(NOTED_STRANGERS.burst + 5):
            await client.post("/api/heartbeat", json={"deviceId": f"made-up-{number}"})

    assert len(await world.store.orphans(INN)) == NOTED_STRANGERS.burst
