"""What may be asked for as a replay."""

from typing import Any

from broker.tokens import Role
from tests.api.support import INN, ROOM, World

SPAN = {"startsAt": "2026-11-23T10:00:00Z", "endsAt": "2026-11-23T12:00:00Z"}


async def test_a_replay_that_says_nothing_is_refused_by_its_field(world: World) -> None:
    bodies: tuple[tuple[dict[str, Any], str], ...] = (
        (SPAN | {"endsAt": "2026-11-23T12:00:01Z"}, "endsAt"),
        (SPAN | {"endsAt": "9999-12-31T23:59:59-12:00"}, "endsAt"),
        (SPAN | {"startsAt": "0001-01-01T00:00:00+12:00"}, "startsAt"),
        (SPAN | {"endsAt": SPAN["startsAt"]}, "endsAt"),
        (SPAN | {"proposal": {"rooms": ["999"]}}, "proposal.rooms"),
        (SPAN | {"proposal": {"devices": ["tab-999"]}}, "proposal.devices"),
        (SPAN | {"proposal": {"rooms": [ROOM], "devices": ["tab-1"]}}, "proposal.devices"),
        (SPAN | {"proposal": {"policy": {"profile": None}}}, "proposal.policy.profile"),
        (SPAN | {"proposal": {"policy": {"rssiFloor": 9}}}, "proposal.policy.rssiFloor"),
        (SPAN | {"proposal": {"policy": {"docked": 1}}}, "proposal.policy.docked"),
        (SPAN | {"proposal": {"floors": {"101": -70, "102": 9}}}, "proposal.floors.102"),
        (SPAN | {"proposal": {"floors": {"999": -70}}}, "proposal.floors"),
        (SPAN | {"proposal": {"floors": {"no id": -70}}}, "proposal.floors"),
        (SPAN | {"proposal": {"accessPoints": {"999": []}}}, "proposal.accessPoints"),
        (SPAN | {"proposal": {"accessPoints": {ROOM: ["rubbish"]}}}, "proposal.accessPoints"),
    )
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        for body, field in bodies:
            answer = await client.post("/api/replay", json=body)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field), body
        listed = (await client.get("/api/replay")).json()["items"]

    assert listed == []


async def test_access_points_are_asked_for_as_the_rules_compare_them(world: World) -> None:
    proposal = {
        "policy": {"rssiFloor": None, "batteryLow": 30},
        "rooms": [ROOM],
        "floors": {ROOM: -70},
        "accessPoints": {ROOM: ["A4-2B-B0-C1-D2-E3"]},
    }
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        answer = await client.post("/api/replay", json=SPAN | {"proposal": proposal})

    assert answer.status_code == 202
    asked = answer.json()["request"]["proposal"]
    assert asked["accessPoints"] == {ROOM: ["a4:2b:b0:c1:d2:e3"]}
    assert asked["policy"] == {"rssiFloor": None, "batteryLow": 30}  # null: inherited again
