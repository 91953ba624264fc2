"""What a hotel's system says over HTTP waits for the bridge, sealed and without anything that nobody asked for."""

from datetime import timedelta

import msgspec
import pytest

from broker.tokens import Role
from rules.room_status import PmsKind
from store import inbox
from store.records import InboxKind, PmsLeft
from tests.api.support import INN, NOON, ROOM, World

TS = f"{NOON:%Y-%m-%dT%H:%M:%SZ}"
WORD = {"id": "w-1", "roomId": "101", "ts": TS}
TAKEN = {"id": "w-1", "verdict": "accepted", "duplicate": False, "stale": False}


async def test_what_is_left_is_sealed_and_nothing_but_what_was_asked_for(world: World) -> None:
    said = WORD | {"stayRef": "booking-4711", "guest": "Ada Lovelace", "departsAt": TS}
    async with world.client(world.integrator(INN, "pms", "pms")) as client:
        answer = await client.post("/api/pms/checkin", json=said)

    assert (answer.status_code, answer.json()) == (202, TAKEN)
    (row,) = await world.store.left(limit=10)
    left = msgspec.json.decode(row.payload, type=PmsLeft)
    assert (left.id, left.record.by, left.record.kind, left.record.departs_at) == ("w-1", "pms", PmsKind.CHECKIN, NOON)
    assert left.record.stay_ref is not None
    assert b"4711" not in row.payload
    assert b"Ada" not in row.payload


@pytest.mark.parametrize(
    ("kind", "said", "status", "detail"),
    [
        ("checkin", {"roomId": "999"}, 400, '{"field":"roomId","detail":"is no room of this hotel"}'),
        ("move", {"toRoomId": "999"}, 400, '{"field":"toRoomId","detail":"is no room of this hotel"}'),
        ("birthday", {}, 404, "The kinds are checkin, checkout, move, room-status."),
        ("move", {}, 400, '{"field":"toRoomId","detail":"is missing'),
        ("checkin", {"id": "w 1"}, 400, '{"field":"id","detail":"is no id'),
        ("room-status", {"status": "haunted"}, 400, '{"field":"status","detail":"is none of occupied'),
        ("checkin", {"ts": "2020-01-01T00:00:00Z"}, 400, '{"field":"ts","detail":"is more than a day from our clock"}'),
        ("checkin", {"hotelId": "lodge"}, 400, "hotelId"),
        ("checkin", {"ts": "noon"}, 400, "ts"),
    ],
)
async def test_what_cannot_be_taken_is_refused_at_once(
    world: World, kind: str, said: dict[str, object], status: int, detail: str
) -> None:
    async with world.client(world.integrator(INN, "pms", "pms")) as client:
        answer = await client.post(f"/api/pms/{kind}", json=WORD | said)

    assert answer.status_code == status
    assert detail in answer.text
    assert await world.store.left(limit=10) == []


async def test_what_was_said_before_and_what_is_old_by_now_is_told_apart(world: World) -> None:
    early, later = (f"{NOON + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}" for minutes in (-1, 1))
    async with world.client(world.integrator(INN, "pms", "pms")) as client:

        async def say(kind: str, **said: str) -> tuple[bool, bool]:
            answer = await client.post(f"/api/pms/{kind}", json=WORD | said)
            assert (answer.status_code, answer.json()["verdict"]) == (202, "accepted")
            return answer.json()["duplicate"], answer.json()["stale"]

        assert await say("checkin", id="new", ts=TS) == (False, False)
        assert await say("checkin", id="new", ts=TS) == (True, False)
        assert await say("checkin", id="old", ts=early) == (False, True)
        world.clock.pass_(minutes=2)
        assert await say("checkout", id="newer", ts=later) == (False, False)
        assert await say("checkout", id="between", ts=TS) == (False, True)  # than what waits before it

    assert [row.kind for row in await world.store.left(limit=10)] == [InboxKind.PMS] * 4


async def test_when_too_much_waits_it_is_to_come_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "OF_HOTEL", 0)
    async with world.client(world.integrator(INN, "pms", "pms")) as client:
        answer = await client.post("/api/pms/checkout", json=WORD)

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "10")


async def test_the_desk_sees_how_a_room_is_now_and_what_it_was_told(world: World) -> None:
    await world.check_out(INN)
    async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
        room = (await client.get(f"/api/rooms/{ROOM}/clearance")).json()
        told = (await client.get("/api/clearances")).json()["items"]
        nowhere = await client.get("/api/rooms/999/clearance")

    assert (room["now"]["verdict"], room["now"]["reasons"]) == (
        "not-clear", [{"because": "elsewhere", "deviceId": "tab-1"}],
    )  # fmt: skip
    assert room["given"] == told[0]
    assert (told[0]["askedBy"], told[0]["clearance"]["verdict"]) == ("pms-of-inn", "unknown")
    assert nowhere.status_code == 404


async def test_nobody_has_said_anything_of_a_room(world: World) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        status = (await client.get(f"/api/rooms/{ROOM}/status")).json()

    assert set(status.values()) == {None}
