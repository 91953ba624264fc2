"""Policy over HTTP: what a level decides, inherits and comes to; and what is refused, with the limit."""

from broker.tokens import Role
from tests.api.support import INN, World


async def test_a_manager_lets_a_room_decide_and_everybody_sees_what_it_comes_to(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        put = await client.put("/api/rooms/101/policy", json={"batteryLow": 30, "rssiFloor": -65})
        await client.put("/api/devices/tab-1/policy", json={"sleepLongest": 120})
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        room = (await client.get("/api/rooms/101/policy")).json()
        device = (await client.get("/api/devices/tab-1/policy")).json()
        shown = (await client.get("/api/rooms/101")).json()

    assert put.status_code == 200
    assert room == put.json()
    assert room["own"] == {"batteryLow": 30.0, "rssiFloor": -65.0}
    assert room["inherited"]["batteryLow"] == 20.0
    assert "rssiFloor" not in room["inherited"]
    assert room["effective"] == room["inherited"] | room["own"] | {"batteryLowClear": 31.0}
    assert device["inherited"] == room["effective"]
    assert device["effective"]["sleepLongest"] == 120.0
    assert shown["rssiFloor"] == -65.0


async def test_what_a_threshold_may_not_be_is_refused_with_its_name_and_limit(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        refused = {
            str(body): (await client.put("/api/policy", json=body)).json()["errors"]
            for body in ({"batteryLow": 91}, {"rssiFloor": 5}, {"batteryLow": None}, {"batery": 5}, {"profile": "lax"})
        }
        kept = (await client.get("/api/policy")).json()["own"]

    (errors,) = (errors for body, errors in refused.items() if "91" in body)
    assert errors == [{"field": "batteryLow", "detail": "Expected `float` <= 90.0"}]
    assert [error["field"] for errors in refused.values() for error in errors] == [
        *("batteryLow", "rssiFloor", "batteryLow", "batery", "profile")
    ]
    assert kept == {"profile": "strict", "byeReconnect": 61.0}
