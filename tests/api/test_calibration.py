"""What a room's tablets heard becomes its floor when a manager says so, and no other hotel's."""

from datetime import timedelta

from broker.tokens import Role
from rules.ids import HotelId, MessageId
from rules.inputs import InputKind
from store import Batch, StoredMessage
from store.gathering import gather
from tests.api.support import INN, LODGE, NOON, ROOM, World

SECOND = "aa:bb:cc:00:00:09"


async def hear(world: World, hotel_id: HotelId, *, samples: int) -> None:
    """On three days."""
    device = world.devices[hotel_id]
    beats = [
        StoredMessage(
            hotel_id=hotel_id,
            device_key=device.key,
            kind=InputKind.HEARTBEAT,
            message_id=MessageId(f"h-{number}"),
            received_at=NOON - timedelta(days=number % 3),
            body=b"{}",
            rssi=-60.0,
            bssid=SECOND,
        )
        for number in range(samples)
    ]
    await world.store.apply(Batch(received_at=NOON, messages=beats))
    await gather(world.store._database)


async def test_what_is_proposed_is_set_for_one_room_of_one_hotel(world: World) -> None:
    await hear(world, INN, samples=1000)
    before = await world.store.room(LODGE, ROOM)
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        shown = (await client.get("/api/calibration")).json()
        seen = {"ifRevision": shown["rooms"][0]["revision"]}
        blind = await client.post(f"/api/calibration/{ROOM}/apply", json={})
        other = await client.post(f"/api/calibration/{ROOM}/apply", json={"ifRevision": "0"})
        await client.patch(f"/api/rooms/{ROOM}", json={"rssiFloor": -71})
        overtaken = await client.post(f"/api/calibration/{ROOM}/apply", json=seen)
        (room,) = (await client.get("/api/calibration")).json()["rooms"]
        seen = {"ifRevision": room["revision"]}
        applied = await client.post(f"/api/calibration/{ROOM}/apply", json=seen)
        again = await client.post(f"/api/calibration/{ROOM}/apply", json=seen)
        nowhere = await client.post("/api/calibration/nowhere/apply", json=seen)

    assert (blind.status_code, other.status_code, overtaken.status_code) == (400, 409, 409)
    assert overtaken.json()["type"].endswith(":changed")
    assert again.json()["type"].endswith(":nothing-proposed")
    assert (room["roomId"], room["samples"], room["ready"], room["rssiFloor"]) == (ROOM, 1000, True, -66.0)
    assert (room["usable"], shown["needed"]) == (1000, {"samples": 1000, "days": 3})
    assert shown["proposal"]["floors"] == {ROOM: -66.0}
    assert shown["proposal"]["accessPoints"] == {ROOM: ["aa:bb:cc:00:00:01", SECOND]}
    assert (applied.status_code, again.status_code, nowhere.status_code) == (200, 409, 404)
    assert applied.json() == room
    ours = await world.store.room(INN, ROOM)
    assert ours is not None
    assert (ours.rssi_floor, ours.access_points) == (-66.0, ("aa:bb:cc:00:00:01", SECOND))
    assert await world.store.room(LODGE, ROOM) == before


async def test_of_another_hotel_nothing_is_learned(world: World) -> None:
    await hear(world, LODGE, samples=1000)
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        assert (await client.get("/api/calibration")).json()["rooms"] == []
        refused = await client.post(f"/api/calibration/{ROOM}/apply", json={"ifRevision": "0"})
        assert refused.status_code == 409
