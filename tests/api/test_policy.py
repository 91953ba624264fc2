"""Policy over HTTP: what a level decides, inherits and comes to; and what is refused, with the limit."""

from broker.tokens import Role
from tests.api.support import INN, LODGE, World


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
    assert (room["pushed"], device["pushed"]) == ({"batteryLowClear": "batteryLow"}, {})
    assert device["inherited"] == room["effective"]
    assert device["effective"]["sleepLongest"] == 120.0
    assert shown["rssiFloor"] == -65.0


async def test_everybody_sees_which_rooms_and_tablets_the_hotels_policy_does_not_hold_for(world: World) -> None:
    async with world.client(world.user(LODGE, "lodge-manager", role=Role.MANAGER)) as client:
        await client.put("/api/rooms/101/policy", json={"batteryLow": 40})
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        await client.put("/api/devices/tab-1/policy", json={"sleepLongest": 120})
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        told = await client.get("/api/policy/exceptions")

    assert told.json() == {
        "exceptions": [
            {"roomId": "101", "deviceId": "tab-1", "own": {"sleepLongest": 120.0}, "inherited": {"sleepLongest": 600.0}}
        ]
    }


async def test_what_a_threshold_may_not_be_is_refused_with_its_name_and_limit(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        refused = {
            str(body): (await client.put("/api/policy", json=body)).json()["errors"]
            for body in ({"batteryLow": 91}, {"rssiFloor": 5}, {"batteryLow": None}, {"batery": 5}, {"profile": "lax"})
        }
        kept = (await client.get("/api/policy")).json()["own"]

    (errors,) = (errors for body, errors in refused.items() if "91" in body)
    assert errors == [{"field": "batteryLow", "detail": "must be 1 to 90 %"}]
    assert [error["field"] for errors in refused.values() for error in errors] == [
        *("batteryLow", "rssiFloor", "batteryLow", "batery", "profile")
    ]
    assert kept == {"profile": "strict", "byeReconnect": 61.0}


async def test_a_change_names_what_it_changes_and_null_inherits_again(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        await client.put("/api/rooms/101/policy", json={"batteryLow": 30, "rssiFloor": -65, "profile": "normal"})
        changed = await client.patch("/api/rooms/101/policy", json={"batteryLow": None, "docked": True})
        put = await client.put("/api/rooms/101/policy", json={"byeReboot": 300})
        taken = await client.patch("/api/rooms/101/policy", json={"rssiFloor": None})
        device = await client.patch("/api/devices/tab-1/policy", json={"rssiFloor": -70})
        hotel = await client.patch("/api/policy", json={"profile": "normal"})

    assert changed.json()["own"] == {"profile": "normal", "rssiFloor": -65.0, "docked": True}
    assert put.json()["own"] == {"byeReboot": 300.0, "rssiFloor": -65.0}  # nobody takes a calibration away in passing
    assert taken.json()["own"] == {"byeReboot": 300.0}
    assert device.json()["own"] == {"rssiFloor": -70.0}
    assert hotel.json()["own"] == {"profile": "normal", "byeReconnect": 61.0}


async def test_what_a_change_may_not_say_is_refused_and_changes_nothing(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        before = (await client.get("/api/policy")).json()
        refused = [
            (await client.patch("/api/policy", json=body)).json()["errors"][0]["field"]
            for body in ({"profile": None}, {"batteryLow": 91, "docked": True}, {"batery": None}, {"ifRevision": 1})
        ]

        assert refused == ["profile", "batteryLow", "batery", "ifRevision"]
        assert (await client.get("/api/policy")).json() == before


async def test_of_two_who_change_what_both_saw_the_second_learns_who_was_first(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        seen = (await client.get("/api/rooms/101/policy")).json()["revision"]
        first = await client.patch("/api/rooms/101/policy", json={"batteryLow": 30, "ifRevision": seen})
        world.clock.pass_(minutes=1)
        second = await client.patch("/api/rooms/101/policy", json={"batteryLow": 40, "ifRevision": seen})
        again = {"batteryLow": 40, "ifRevision": first.json()["revision"]}
        third = await client.patch("/api/rooms/101/policy", json=again)
        await client.patch("/api/rooms/101", json={"rssiFloor": -60})
        await client.patch("/api/rooms/101", json={"name": "Corner"})
        later = await client.patch(
            "/api/rooms/101/policy", json={"docked": True, "ifRevision": third.json()["revision"]}
        )

    assert (first.status_code, second.status_code, third.status_code) == (200, 409, 200)
    told = second.json()
    assert told["type"].endswith(":changed")
    assert (told["by"], told["at"]) == ("inn-manager", "2026-11-23T12:00:00Z")
    assert (later.status_code, later.json()["at"]) == (409, "2026-11-23T12:01:00Z")
