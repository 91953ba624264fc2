"""Asking a tablet to do something: who may ask what, and what became of it."""

from datetime import timedelta

import httpx
import pytest

from broker.tokens import Role
from rules.ids import CommandId, DeviceId
from store import Batch, commands
from store.batch import CommandChange
from store.records import CommandName, CommandState, EventType
from tests.api.support import DEVICE, INN, NOON, World

FIRST_GROUP = {"ring", "message", "locate"}


async def ask(world: World, role: Role, **body: object) -> httpx.Response:
    name = "root" if role is Role.ADMIN else f"inn-{role}"
    async with world.client(world.user(INN, name, role=role)) as client:
        return await client.post(f"/api/devices/{DEVICE}/commands", json={"name": "ring"} | body)


async def look(world: World, path: str, role: Role = Role.STAFF) -> httpx.Response:
    async with world.client(world.user(INN, f"inn-{role}", role=role)) as client:
        return await client.get(f"/api/{path}")


async def test_a_command_is_made_and_found_again(world: World) -> None:
    answer = await ask(world, Role.STAFF, name="message", args={"text": "Please bring me back"}, expiresInSeconds=60)

    command = answer.json()
    assert answer.status_code == 201
    assert command == {
        "id": command["id"],
        "deviceId": "tab-1",
        "name": "message",
        "args": {"text": "Please bring me back"},
        "state": "pending",
        "detail": None,
        "by": "inn-staff",
        "createdAt": "2026-11-23T12:00:00Z",
        "changedAt": "2026-11-23T12:00:00Z",
        "expiresAt": "2026-11-23T12:01:00Z",
    }
    assert (await look(world, f"commands/{command['id']}")).json() == command
    assert (await look(world, f"devices/{DEVICE}/commands")).json() == {"items": [command], "next": None}


async def test_a_command_always_expires(world: World) -> None:
    command = (await ask(world, Role.STAFF)).json()

    assert command["expiresAt"] == "2026-11-23T12:05:00Z"


@pytest.mark.parametrize("name", CommandName)
@pytest.mark.parametrize("role", Role)
async def test_who_may_ask_what(world: World, role: Role, name: CommandName) -> None:
    may = role in {Role.MANAGER, Role.ADMIN} or (role is Role.STAFF and name in FIRST_GROUP)

    assert (await ask(world, role, name=name)).status_code == (201 if may else 403)
    assert len((await world.store.commands(INN)).items) == may


async def test_what_a_viewer_and_an_integrator_may_see_of_commands_is_nothing(world: World) -> None:
    command = (await ask(world, Role.STAFF)).json()
    viewer = world.user(INN, "inn-viewer", role=Role.VIEWER)
    integrator = world.integrator(INN, "pms", "alerts", "events", "rooms")
    for token in (viewer, integrator):
        async with world.client(token) as client:
            for path in (f"commands/{command['id']}", f"devices/{DEVICE}/commands"):
                assert (await client.get(f"/api/{path}")).status_code == 403


async def test_what_a_tablet_is_unlocked_with_is_for_those_who_may_unlock(world: World) -> None:
    command = (await ask(world, Role.MANAGER, name="unlock", args={"pin": "0815"})).json()

    assert (await look(world, f"commands/{command['id']}", Role.MANAGER)).json()["args"] == {"pin": "0815"}
    assert (await look(world, f"commands/{command['id']}")).json()["args"] == {}
    assert "0815" not in (await look(world, f"devices/{DEVICE}/commands")).text
    events = await world.store.events_after(INN, 0, limit=100)
    assert "0815" not in str([bytes(event.data) for event in events if event.type is EventType.COMMAND_CHANGED])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "body",
    [
        {"name": "explode"},
        {"name": None},
        {"args": []},
        {"args": {"deep": {"er": 1}}},
        {"args": {"list": [1]}},
        {"args": {str(number): 1 for number in range(17)}},
        {"args": {"text": "x" * 1001}},
        {"args": {str(number): "é" * 999 for number in range(5)}},
        {"args": {"number": 2**60}},
        {"args": {"": 1}},
        {"expiresInSeconds": 0},
        {"expiresInSeconds": 86_401},
        {"expiresInSeconds": None},
        {"retain": True},
    ],
)
async def test_what_is_no_command_is_refused(same_world: World, body: dict[str, object]) -> None:
    assert (await ask(same_world, Role.MANAGER, **body)).status_code == 400
    assert (await same_world.store.commands(INN)).items == ()


async def test_every_sort_of_argument_arrives_as_it_was_given(world: World) -> None:
    args = {"text": "a\u0000b \u202e\U0001f514", "yes": True, "number": -3, "part": 0.5, "nothing": None}

    command = (await ask(world, Role.STAFF, args=args)).json()

    assert (await look(world, f"commands/{command['id']}")).json()["args"] == args


async def test_what_became_of_it_is_shown(world: World) -> None:
    command = (await ask(world, Role.STAFF)).json()
    change = CommandChange(
        hotel_id=INN, device_key=world.devices[INN].key, command_id=CommandId(command["id"]), state=CommandState.FAILED,
        detail="no speaker", at=NOON + timedelta(seconds=2),
    )  # fmt: skip
    await world.store.apply(Batch(received_at=NOON, commands=[change]))

    shown = (await look(world, f"commands/{command['id']}")).json()
    assert (shown["state"], shown["detail"], shown["changedAt"]) == ("failed", "no speaker", "2026-11-23T12:00:02Z")


async def test_nothing_is_asked_of_a_tablet_that_is_not_there(world: World) -> None:
    async with world.client(world.user(INN, "inn-manager", role=Role.MANAGER)) as client:
        for path in ("devices/tab-9/commands", "devices/tab%209/commands"):
            assert (await client.post(f"/api/{path}", json={"name": "ring"})).status_code == 404
            assert (await client.get(f"/api/{path}")).status_code == 404
        assert (await client.get("/api/commands/..")).status_code == 404


async def test_a_tablet_that_confirms_nothing_is_not_asked_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "AT_MOST", 1)
    assert (await ask(world, Role.STAFF)).status_code == 201

    refused = await ask(world, Role.STAFF)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
    world.clock.pass_(seconds=301)
    assert (await ask(world, Role.STAFF)).status_code == 201


async def test_the_list_comes_in_pages(world: World) -> None:
    made = [(await ask(world, Role.STAFF)).json()["id"] for _ in range(3)]

    first = (await look(world, f"devices/{DEVICE}/commands?limit=2")).json()
    rest = (await look(world, f"devices/{DEVICE}/commands?limit=2&cursor={first['next']}")).json()

    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]
    assert (await look(world, f"devices/{DEVICE}/commands?cursor=nonsense")).status_code == 400
    assert await world.store.commands(INN, DeviceId("tab-9")) == await world.store.commands(INN, DeviceId("tab-8"))
