"""Maintenance windows over HTTP."""

from broker.tokens import Role
from tests.api.support import INN, NOON, World


async def test_a_window_is_added_seen_and_ended(world: World) -> None:
    asked = {"roomId": "101", "startsAt": "2026-11-23T14:00:00+01:00", "endsAt": "2026-11-23T17:00:00Z", "reason": "AP"}
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        added = await client.post("/api/maintenance", json=asked)
        running = await client.post("/api/maintenance", json={"endsAt": "2026-11-23T12:30:00Z"})
        ended = await client.post(f"/api/maintenance/{running.json()['id']}/end")
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        listed = (await client.get("/api/maintenance")).json()["items"]

    assert (added.status_code, ended.status_code) == (201, 200)
    assert added.json() == {
        "id": added.json()["id"],
        "roomId": "101",
        "floor": None,
        "startsAt": "2026-11-23T13:00:00Z",
        "endsAt": "2026-11-23T17:00:00Z",
        "reason": "AP",
        "createdBy": "inn-manager",
        "createdAt": "2026-11-23T12:00:00Z",
        "endedAt": None,
        "state": "to-come",
    }
    assert (running.json()["state"], ended.json()["state"]) == ("running", "over")
    assert listed == [ended.json(), added.json()]
    assert (await world.store.load_hotel(INN)).windows[0].starts_at > NOON


async def test_a_window_that_cannot_be_is_refused(world: World) -> None:
    bodies = (
        ({"endsAt": "2026-11-23T11:00:00Z"}, "endsAt"),
        ({"endsAt": "9999-12-31T23:59:59-12:00"}, "endsAt"),
        ({"startsAt": "9999-12-31T20:00:00-12:00", "endsAt": "9999-12-31T23:59:59-12:00"}, "endsAt"),
        ({"startsAt": "8000-01-01T20:00:00Z", "endsAt": "8000-01-01T21:00:00Z"}, "endsAt"),
        ({"endsAt": "2026-11-23T15:00:00"}, "endsAt"),
        ({"startsAt": "2026-11-23T15:00:00Z"}, "endsAt"),
        ({"endsAt": "2026-11-23T15:00:00Z", "roomId": "101", "floor": "1"}, "floor"),
    )
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        for body, field in bodies:
            answer = await client.post("/api/maintenance", json=body)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field), body
        for field in ("floor", "roomId"):
            nowhere = await client.post("/api/maintenance", json={"endsAt": "2026-11-23T15:00:00Z", field: "attic"})
            assert (nowhere.status_code, nowhere.json()["errors"][0]["field"]) == (400, field)
