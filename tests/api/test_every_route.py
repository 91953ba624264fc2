"""Two rows for every route: it is closed to strangers, and it shows nothing of another hotel.

A route that is not in these tables fails the tests, so a new one cannot be forgotten.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.routes import HTTPRoute

from broker.tokens import Role
from rules.ids import DeviceId, EnrolmentId, HotelId, RoomId
from store import INNWATCH, Batch
from store.batch import Quarantined
from store.records import Room
from tests.api.support import DEVICE, INN, LODGE, NOON, MakeWorld, World

PUBLIC = {
    "GET /",
    "GET /console/{path:path}",
    "GET /enrol",
    "HEAD /",
    "HEAD /console/{path:path}",
    "HEAD /enrol",
    "GET /api/openapi.json",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "POST /api/auth/user-token",
    "GET /.well-known/jwks.json",
    "POST /api/devices/register",  # for whoever has an enrolment: see test_enrolments.py
    "POST /api/auth/password-link",
    "POST /api/auth/password-link/use",
}
"""Open to everybody. /metrics is not: it has tests of its own."""

ELSEWHERE = {"GET /metrics"}

TENANCY = {
    "POST /api/auth/renew": "own",
    "POST /api/auth/switch": "own",
    "GET /api/session": "own",
    "GET /api/alerts": "list",
    "GET /api/alerts/{alert_id:str}": "missing",
    "GET /api/alerts/{alert_id:str}/why": "missing",
    "GET /api/devices/{device_id:str}/why": "same-name",
    "POST /api/alerts/{alert_id:str}/acknowledge": "missing",
    "POST /api/alerts/{alert_id:str}/unacknowledge": "missing",
    "POST /api/alerts/{alert_id:str}/assign": "missing",
    "POST /api/alerts/{alert_id:str}/note": "missing",
    "POST /api/alerts/{alert_id:str}/snooze": "missing",
    "POST /api/alerts/{alert_id:str}/resolve": "missing",
    "POST /api/alerts/{alert_id:str}/fix": "missing",
    "GET /api/round": "own",
    "GET /api/access-points": "own",
    "POST /api/access-points/{bssid:str}/confirm": "missing",
    "POST /api/access-points/{bssid:str}/forget": "missing",
    "GET /api/incidents": "list",
    "GET /api/incidents/{incident_id:str}": "missing",
    "POST /api/incidents/{incident_id:str}/acknowledge": "missing",
    "GET /api/devices": "same-name",
    "GET /api/devices/{device_id:str}": "same-name",
    "GET /api/devices/{device_id:str}/history": "same-name",
    "GET /api/rooms": "same-name",
    "GET /api/notifications": "list",
    "GET /api/quarantine": "list",
    "GET /api/audit": "list",
    "GET /api/events": "stream",
    "POST /api/devices/{device_id:str}/commands": "same-name",
    "GET /api/devices/{device_id:str}/commands": "same-name",
    "GET /api/commands/{command_id:str}": "missing",
    "POST /api/devices": "deed",
    "POST /api/rooms": "deed",
    "PATCH /api/devices/{device_id:str}": "deed",
    "DELETE /api/devices/{device_id:str}": "deed",
    "POST /api/devices/{device_id:str}/move": "deed",
    "POST /api/devices/{device_id:str}/replace": "deed",
    "POST /api/devices/{device_id:str}/revoke": "deed",
    "GET /api/rooms/{room_id:str}": "same-name",
    "PATCH /api/rooms/{room_id:str}": "deed",
    "GET /api/jobs": "own",
    "GET /api/maintenance": "list",
    "POST /api/maintenance": "deed",
    "POST /api/maintenance/{window_id:str}/end": "missing",
    "GET /api/calibration": "own",
    "POST /api/calibration/{room_id:str}/apply": "calibration",
    "GET /api/replay": "list",
    "GET /api/replay/{replay_id:str}": "missing",
    "POST /api/replay": "deed",
    "GET /api/policy": "own",
    "GET /api/policy/exceptions": "own",
    "PUT /api/policy": "deed",
    "PATCH /api/policy": "deed",
    "GET /api/rooms/{room_id:str}/policy": "same-name",
    "PUT /api/rooms/{room_id:str}/policy": "deed",
    "PATCH /api/rooms/{room_id:str}/policy": "deed",
    "GET /api/devices/{device_id:str}/policy": "same-name",
    "PUT /api/devices/{device_id:str}/policy": "deed",
    "PATCH /api/devices/{device_id:str}/policy": "deed",
    "POST /api/enrolments": "deed",
    "GET /api/enrolments": "list",
    "GET /api/enrolments/{enrolment_id:str}": "missing",
    "POST /api/enrolments/{enrolment_id:str}/approve": "missing",
    "POST /api/enrolments/{enrolment_id:str}/withdraw": "missing",
    "POST /api/auth/device-token": "renewal",
    "POST /api/auth/password": "own",
    "POST /api/auth/ticket": "own",
    "GET /api/users": "same-name",
    "POST /api/users": "same-name",
    "GET /api/users/{name:str}": "missing",
    "PATCH /api/users/{name:str}": "missing",
    "DELETE /api/users/{name:str}": "missing",
    "POST /api/users/{name:str}/disable": "missing",
    "POST /api/users/{name:str}/enable": "missing",
    "POST /api/users/{name:str}/password-link": "missing",
    "GET /api/integrators": "same-name",
    "POST /api/integrators": "same-name",
    "PATCH /api/integrators/{integrator:str}": "missing",
    "DELETE /api/integrators/{integrator:str}": "missing",
    "POST /api/integrators/{integrator:str}/rotate": "missing",
    "POST /api/integrators/{integrator:str}/revoke": "missing",
    "GET /api/channels": "list",
    "POST /api/channels": "same-name",
    "DELETE /api/channels/{channel_id:int}": "missing",
    "POST /api/pms/{kind:str}": "word",
    "GET /api/rooms/{room_id:str}/status": "same-name",
    "GET /api/rooms/{room_id:str}/clearance": "same-name",
    "GET /api/clearances": "same-name",
    "POST /api/heartbeat": "device",
    "POST /api/alert/breach": "device",
    "POST /api/alert/battery": "device",
    "POST /api/alert/tamper": "device",
    "GET /api/config/{device_id:str}": "agent",
    "GET /api/alerts/recent": "list",
    "POST /api/alerts/acknowledge": "missing",
    "POST /api/devices/quick-add": "deed",
    "POST /api/rooms/upsert": "deed",
    "GET /api/migration": "own",
    "PUT /api/migration/{device_id:str}": "deed",
}
"""How each route of a hotel is held to it, by the tests below:

own: about the caller; no other hotel can be named · list: has the own hotel's and nothing else · missing: another
hotel's id is as one that does not exist · same-name: both hotels have things of the same name and get their own ·
stream: see test_events.py · device: for a device's token, which leaves a message of its own and of nobody else ·
renewal: for a device's token, see test_enrolments.py · deed: changes something whose name the other hotel has too, and
leaves all of the other hotel as it was · word: for an integrator's token, which leaves a word of its own hotel ·
agent: for a device's token, which is told of itself and of nobody else (test_legacy.py)
"""


both_ways = pytest.mark.parametrize(("mine", "theirs"), [(INN, LODGE), (LODGE, INN)])

FOR_DEVICES = {"device", "renewal", "agent"}


def routes(app: Litestar) -> set[str]:
    return {
        f"{method} {route.path}"
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method != "OPTIONS"
    }


BODIES: dict[str, dict[str, object]] = {
    "POST /api/devices": {"deviceId": "tab-9", "roomId": "101"},
    "PATCH /api/devices/{device_id:str}": {"name": "Wall"},
    "POST /api/devices/{device_id:str}/move": {"roomId": "102"},
    "POST /api/rooms": {"roomId": "103"},
    "PATCH /api/rooms/{room_id:str}": {"name": "Corner"},
    "POST /api/calibration/{room_id:str}/apply": {"ifRevision": "0"},
    "POST /api/maintenance": {"endsAt": "2026-11-24T12:00:00Z"},
    "POST /api/replay": {"startsAt": "2026-11-22T12:00:00Z", "endsAt": "2026-11-23T12:00:00Z"},
    "PUT /api/policy": {"batteryLow": 30},
    "PATCH /api/policy": {"batteryLow": 30},
    "PUT /api/rooms/{room_id:str}/policy": {"batteryLow": 30},
    "PATCH /api/rooms/{room_id:str}/policy": {"batteryLow": 30},
    "PUT /api/devices/{device_id:str}/policy": {"batteryLow": 30},
    "PATCH /api/devices/{device_id:str}/policy": {"batteryLow": 30},
    "POST /api/enrolments": {"roomId": "101"},
    "POST /api/auth/device-token": {"deviceId": "tab-1"},
    "POST /api/auth/password": {"current": "not this one", "password": "nor that one"},
    "POST /api/users": {"name": "newcomer", "role": "staff"},
    "PATCH /api/users/{name:str}": {"role": "viewer"},
    "POST /api/integrators": {"name": "till", "scopes": ["rooms"]},
    "PATCH /api/integrators/{integrator:str}": {"scopes": ["alerts"]},
    "POST /api/channels": {"kind": "email", "recipients": ["night@hotel.example"]},
    "POST /api/devices/{device_id:str}/commands": {"name": "ring"},
    "POST /api/pms/{kind:str}": {"id": "w-1", "roomId": "101", "ts": f"{NOON:%Y-%m-%dT%H:%M:%SZ}"},
    "POST /api/heartbeat": {"deviceId": "tab-1", "roomId": "101", "rssi": -60},
    "POST /api/alert/breach": {"deviceId": "tab-1", "roomId": "101", "rssi": -90},
    "POST /api/alert/battery": {"deviceId": "tab-1", "level": 9},
    "POST /api/alert/tamper": {"deviceId": "tab-1", "roomId": "101", "threats": ["root"], "descriptions": ["su"]},
    "POST /api/alerts/acknowledge": {"alertId": "{alert_id}"},
    "POST /api/alerts/{alert_id:str}/assign": {"assignee": None},
    "POST /api/alerts/{alert_id:str}/note": {"note": "seen"},
    "POST /api/alerts/{alert_id:str}/snooze": {"until": None},
    "POST /api/devices/quick-add": {"deviceId": "tab-9", "roomId": "101"},
    "POST /api/rooms/upsert": {"roomId": "101", "name": "Attic"},
    "PUT /api/migration/{device_id:str}": {"sharedToken": True},
}
"""What stands in braces is one of the ids."""


SOME = {
    "alert_id": "A1",
    "command_id": "C1",
    "device_id": "tab-1",
    "room_id": "101",
    "enrolment_id": "E1",
    "name": "ann",
    "integrator": "pms",
    "channel_id": "9",
    "window_id": "w1",
    "incident_id": "I1",
    "bssid": "aa:bb:cc:00:00:77",
    "kind": "checkout",
}


def addressed(route: str, **ids: str) -> tuple[str, str]:
    """`ids` are those of things that only one hotel has; every hotel has a tab-1."""
    method, path = route.split(" ")
    for name, value in {**SOME, **ids}.items():
        path = path.replace(f"{{{name}:str}}", value).replace(f"{{{name}:int}}", value)
    return method, path


async def ask(client: httpx.AsyncClient, route: str, **ids: str) -> httpx.Response:
    method, path = addressed(route, **ids)
    named = {f"{{{name}}}": value for name, value in ({"alert_id": "A1"} | ids).items()}
    body = {name: named.get(str(value), value) for name, value in BODIES.get(route, {}).items()}
    return await client.request(method, path, json=body if method in {"POST", "PUT", "PATCH"} else None)


def test_every_route_has_a_row(world: World) -> None:
    assert routes(world.app) == PUBLIC | ELSEWHERE | set(TENANCY)


async def test_no_route_but_the_public_ones_answers_a_stranger(world: World) -> None:
    async with world.client() as client:
        answers = {route: await ask(client, route) for route in routes(world.app) - PUBLIC}

    assert {route: answer.status_code for route, answer in answers.items()} == dict.fromkeys(answers, 401)


async def test_asking_for_the_methods_of_a_guarded_route_needs_a_token_too(world: World) -> None:
    async with world.client() as client:
        answers = {path: await client.options(path) for path in ("/api/alerts", "/api/session")}

    assert {answer.status_code for answer in answers.values()} == {401}


async def test_asking_for_the_methods_of_a_route_names_them(world: World) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        answer = await client.options("/api/alerts")

    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, OPTIONS")


@pytest.mark.parametrize("route", [route for route, how in TENANCY.items() if how == "list"])
async def test_a_list_has_the_own_hotels_and_nothing_else(world: World, route: str) -> None:
    found = {}
    for hotel_id in (INN, LODGE):
        async with world.client(manager(world, hotel_id)) as client:
            await ask(client, "POST /api/enrolments")
            await ask(client, "POST /api/maintenance")
            await ask(client, "POST /api/replay")
        await world.open_incident(hotel_id)
    for hotel_id in (INN, LODGE):
        async with world.client(manager(world, hotel_id)) as client:
            found[hotel_id] = (await ask(client, route)).json()["items"]

    ours, theirs = ({item["id"] for item in items} for items in found.values())
    assert ours
    assert theirs
    assert not ours & theirs
    assert world.alerts[LODGE] not in str(found[INN])
    assert "lodge" not in str(found[INN])


NOWHERE = {"channel_id": "999", "bssid": "a4:2b:b0:00:00:99"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_sided(lasting_world: MakeWorld) -> dict[HotelId, tuple[World, dict[str, str]]]:
    """For each hotel a world in which it alone has one of each, and their ids; nobody changes anything in them."""
    worlds = {hotel_id: await lasting_world() for hotel_id in (INN, LODGE)}
    return {hotel_id: (world, await things_of(world, hotel_id)) for hotel_id, world in worlds.items()}


@pytest.mark.asyncio(loop_scope="module")
@both_ways
@pytest.mark.parametrize("route", [route for route, how in TENANCY.items() if how == "missing"])
async def test_another_hotels_object_is_as_one_that_does_not_exist(
    one_sided: dict[HotelId, tuple[World, dict[str, str]]], route: str, mine: HotelId, theirs: HotelId
) -> None:
    world, ids = one_sided[theirs]
    async with world.client(manager(world, mine)) as client:
        foreign = await ask(client, route, **ids)
        missing = await ask(client, route, **dict.fromkeys(ids, "no-such-thing") | NOWHERE)

    assert foreign.status_code == 404
    assert foreign.content == missing.content
    for answer in (foreign, missing):
        del answer.headers["x-request-id"]  # One for each request.
    assert foreign.headers == missing.headers


async def things_of(world: World, hotel_id: HotelId) -> dict[str, str]:
    """By the name that paths have for it: the id of one of each that only this hotel has."""
    async with world.client(manager(world, hotel_id)) as client:
        command = (await ask(client, "POST /api/devices/{device_id:str}/commands")).json()
        enrolment = (await ask(client, "POST /api/enrolments")).json()
        integrator = (await ask(client, "POST /api/integrators")).json()
        channel = (await ask(client, "POST /api/channels")).json()
        window = (await ask(client, "POST /api/maintenance")).json()
        replay = (await ask(client, "POST /api/replay")).json()
    return {
        "alert_id": world.alerts[hotel_id],
        "command_id": command["id"],
        "enrolment_id": enrolment["id"],
        "name": f"{hotel_id}-staff",
        "integrator": integrator["name"],
        "channel_id": str(channel["id"]),
        "window_id": window["id"],
        "replay_id": replay["id"],
        "incident_id": await world.open_incident(hotel_id),
        "bssid": await world.learn_access_point(hotel_id),
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowded(lasting_world: MakeWorld) -> World:
    """One in which both hotels have more than one of everything, for all that change nothing."""
    world = await lasting_world()
    for hotel_id in (INN, LODGE):
        await crowd(world, hotel_id)
    return world


@pytest.mark.asyncio(loop_scope="module")
@both_ways
@pytest.mark.parametrize("route", [route for route in TENANCY if route.startswith("GET") and "/{" not in route])
async def test_a_cursor_of_another_hotel_leads_nowhere_but_to_ones_own(
    crowded: World, route: str, mine: HotelId, theirs: HotelId
) -> None:
    if TENANCY[route] in {"own", "stream"}:
        return
    path, whole = route.removeprefix("GET "), {"status": "all"} if route == "GET /api/alerts" else {}
    async with crowded.client(manager(crowded, theirs)) as client:
        cursor = (await client.get(path, params=whole | {"limit": 1})).json()["next"]
    if cursor is None:
        assert route not in PAGED
        return
    async with crowded.client(manager(crowded, mine)) as client:
        own = (await client.get(path, params=whole)).json()["items"]
        answer = await client.get(path, params=whole | {"cursor": cursor})

    assert (answer.status_code, answer.json()["items"]) == (200, [one for one in own if one in answer.json()["items"]])


PAGED = {
    "GET /api/alerts",
    "GET /api/devices",
    "GET /api/rooms",
    "GET /api/enrolments",
    "GET /api/users",
    "GET /api/notifications",
    "GET /api/quarantine",
}
"""Lists of which `crowd` makes more than one; others may have all that there is on one page."""


async def crowd(world: World, hotel_id: HotelId) -> None:
    """Give a hotel more than one of everything that is listed."""
    number = 900 + len(hotel_id)  # not those of the other
    for room in (f"{number}", f"{number + 1}"):
        new = Room(id=RoomId(room), name=f"of {hotel_id}")
        await world.store.add_room(hotel_id, new, by=INNWATCH, now=NOON)
        await world.store.add_device(hotel_id, DeviceId(f"tab-{room}"), room_id=new.id, by=INNWATCH, now=NOON)
        await world.store.add_enrolment(
            hotel_id, EnrolmentId(f"e-{room}"), code=f"{room:0>12}", room_id=new.id, by=INNWATCH, now=NOON
        )
    await world.clear_alert(hotel_id, world.alerts[hotel_id])
    await world.open_alert(hotel_id)
    refused = Quarantined(
        hotel_id=hotel_id, device_id=DEVICE, topic="t", reason="not-json", detail=hotel_id, head=b"", at=NOON
    )
    await world.store.apply(Batch(received_at=NOON, quarantined=[refused]))


async def test_an_attempt_on_another_hotels_alert_leaves_it_alone(world: World) -> None:
    async with world.client(manager(world, INN)) as client:
        await client.post(f"/api/alerts/{world.alerts[LODGE]}/acknowledge", json={"note": "mine"})

    untouched = await world.store.alert(LODGE, world.alerts[LODGE])
    assert untouched is not None
    assert untouched.acknowledged is None


SAME_NAME: dict[str, tuple[Callable[[Any], object], object, object]] = {
    "GET /api/devices": (lambda page: [item["floor"] for item in page["items"]], ["1"], ["2"]),
    "GET /api/devices/{device_id:str}": (lambda device: device["floor"], "1", "2"),
    "GET /api/devices/{device_id:str}/history": (
        lambda history: [point["rssiMin"] for point in history["items"]],
        [-50.0],
        [-90.0],
    ),
    "GET /api/devices/{device_id:str}/why": (lambda why: [one["rssi"] for one in why["heard"]], [-50.0], [-90.0]),
    "POST /api/devices/{device_id:str}/commands": (lambda command: command["by"], "inn-manager", "lodge-manager"),
    "GET /api/devices/{device_id:str}/commands": (
        lambda page: [command["by"] for command in page["items"]],
        ["inn-manager"],
        ["lodge-manager"],
    ),
    "GET /api/users": (
        lambda page: [user["name"] for user in page["items"] if "-" in user["name"]],
        ["inn-manager", "inn-staff", "inn-viewer"],
        ["lodge-manager", "lodge-staff", "lodge-viewer"],
    ),
    # One account, of which each hotel has its own membership.
    "POST /api/users": (
        lambda joined: (joined["isNew"], joined["user"]["name"], joined["user"]["elsewhere"]),
        (True, "newcomer", False),
        (False, "newcomer", True),
    ),
    "GET /api/integrators": (
        lambda page: [one["name"] for one in page["items"]],
        ["pms"],
        ["pms"],
    ),
    "POST /api/integrators": (
        lambda issued: (issued["name"], issued["scopes"]),
        ("till", ["rooms"]),
        ("till", ["rooms"]),
    ),
    "POST /api/channels": (
        lambda channel: channel["recipients"],
        ["night@hotel.example"],
        ["night@hotel.example"],
    ),
    "GET /api/rooms": (
        lambda page: [(room["floor"], room["deviceIds"]) for room in page["items"]],
        [("1", ["tab-1"])],
        [("2", ["tab-1"])],
    ),
    "GET /api/rooms/{room_id:str}/status": (lambda status: status["changedBy"], "pms-of-inn", "pms-of-lodge"),
    "GET /api/rooms/{room_id:str}/clearance": (
        lambda view: (view["now"]["verdict"], view["given"]["askedBy"]),
        ("not-clear", "pms-of-inn"),
        ("not-clear", "pms-of-lodge"),
    ),
    "GET /api/clearances": (
        lambda page: [one["askedBy"] for one in page["items"]],
        ["pms-of-inn"],
        ["pms-of-lodge"],
    ),
    "GET /api/rooms/{room_id:str}": (lambda room: room["floor"], "1", "2"),
    "GET /api/rooms/{room_id:str}/policy": (lambda policy: policy["inherited"]["byeReconnect"], 61.0, 62.0),
    "GET /api/devices/{device_id:str}/policy": (lambda policy: policy["effective"]["byeReconnect"], 61.0, 62.0),
}


@pytest.mark.parametrize("route", [route for route, how in TENANCY.items() if how == "same-name"])
async def test_of_two_things_of_the_same_name_each_hotel_gets_its_own(world: World, route: str) -> None:
    await world.hear(INN, rssi=-50)
    await world.hear(LODGE, rssi=-90)
    for hotel_id in (INN, LODGE):
        await world.check_out(hotel_id)
    world.clock.pass_(seconds=1)
    pick, *expected = SAME_NAME[route]
    if route.startswith("GET"):
        for hotel_id in (INN, LODGE):
            async with world.client(manager(world, hotel_id)) as client:
                await ask(client, "POST /api/devices/{device_id:str}/commands")
    found = []
    for hotel_id in (INN, LODGE):
        async with world.client(manager(world, hotel_id)) as client:
            found.append(pick((await ask(client, route)).json()))

    assert found == expected


@pytest.mark.parametrize("route", [route for route, how in TENANCY.items() if how == "deed"])
async def test_a_deed_in_one_hotel_leaves_the_other_as_it_was(world: World, route: str) -> None:
    await world.store.add_room(INN, Room(id=RoomId("102")), by=INNWATCH, now=world.clock())
    before = await all_of(world, LODGE)
    async with world.client(manager(world, INN)) as client:
        answer = await ask(client, route)

    assert answer.is_success, answer.text
    assert "lodge" not in answer.text.casefold()
    assert await all_of(world, LODGE) == before


async def all_of(world: World, hotel_id: HotelId) -> list[object]:
    store = world.store
    return [
        await store.load_hotel(hotel_id),
        await store.enrolments(hotel_id),
        await store.audit(hotel_id),
        [one for one in (await store.revoked(0))[1] if one.hotel_id == hotel_id],
        await store.migration(hotel_id),
        await store.maintenance(hotel_id),
        await store.replays(hotel_id),
    ]


@pytest.mark.parametrize("route", [route for route, how in TENANCY.items() if how == "own"])
async def test_a_route_about_the_caller_stays_in_the_callers_hotel(world: World, route: str) -> None:
    async with world.client(manager(world, INN)) as client:
        answer = await ask(client, route)

    assert "lodge" not in answer.text.casefold()


@pytest.mark.parametrize("route", [route for route, how in TENANCY.items() if how == "device"])
async def test_a_device_leaves_a_message_of_its_own_and_of_nobody_else(world: World, route: str) -> None:
    for hotel_id in (INN, LODGE):
        async with world.client(world.device(hotel_id)) as client:
            answer = await ask(client, route)
            assert (answer.status_code, answer.json()["ok"]) == (200, True)

    left = await world.store.left(limit=10)
    assert [(row.hotel_id, row.device_id) for row in left] == [(INN, "tab-1"), (LODGE, "tab-1")]


@pytest.mark.parametrize("route", [route for route, how in TENANCY.items() if how == "word"])
async def test_an_integrator_leaves_a_word_of_its_own_hotel(world: World, route: str) -> None:
    for hotel_id in (INN, LODGE):
        async with world.client(world.integrator(hotel_id, "pms", "pms")) as client:
            assert (await ask(client, route)).status_code == 202

    assert [row.hotel_id for row in await world.store.left(limit=10)] == [INN, LODGE]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("route", [route for route, how in TENANCY.items() if how in FOR_DEVICES])
async def test_no_person_and_no_integrator_speaks_for_a_device(same_world: World, route: str) -> None:
    tokens = [
        same_world.user(INN, "root", role=Role.ADMIN),
        manager(same_world, INN),
        same_world.integrator(INN, "pms", "rooms"),
    ]
    for token in tokens:
        async with same_world.client(token) as client:
            assert (await ask(client, route)).status_code == 403

    assert await same_world.store.left(limit=10) == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("route", [route for route, how in TENANCY.items() if how not in FOR_DEVICES])
async def test_a_device_opens_nothing_else(same_world: World, route: str) -> None:
    async with same_world.client(same_world.device(INN)) as client:
        assert (await ask(client, route)).status_code == 403


def manager(world: World, hotel_id: HotelId) -> str:
    return world.user(hotel_id, f"{hotel_id}-manager", role=Role.MANAGER)
