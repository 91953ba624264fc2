"""Enrolment over HTTP: a manager makes a code, a tablet trades it for its token, and each refusal says which it is."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from api import ApiSettings
from api.settings import MqttTcp
from broker.tokens import KeyRing, Role, mint_enrol
from rules.ids import DeviceId, HotelId, RoomId
from store import ActorKind, LocalDoorbell
from store.records import Room
from tests.api.support import DEVICE, INN, LODGE, NOON, Furnished, World, bearer
from tests.support import person

ANN = person("ann")
REGISTER = "/api/devices/register"


def manager(world: World, hotel_id: HotelId = INN) -> str:
    return world.user(hotel_id, f"{hotel_id}-manager", role=Role.MANAGER)


async def made(world: World, hotel_id: HotelId = INN, **wanted: object) -> dict[str, Any]:
    async with world.client(manager(world, hotel_id)) as client:
        answer = await client.post("/api/enrolments", json={"roomId": "101", **wanted})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def come(world: World, with_: str, device_id: str = "tab-new", **more: object) -> httpx.Response:
    async with world.client(with_) as client:
        return await client.post(REGISTER, json={"deviceId": device_id, **more})


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:innwatch:problem:")


async def test_what_a_manager_gets_is_a_code_a_link_a_picture_and_a_token(world: World) -> None:
    issued = await made(world)

    assert issued["link"] == f"http://innwatch.test/enrol#{issued['code']}"
    assert issued["qr"].startswith("<svg ")
    assert issued["expiresAt"] == "2026-11-23T12:15:00Z"
    claims = world.keys.verify(issued["token"], audience="api", now=NOON)
    assert (claims.hotel_id, claims.name, claims.type) == (INN, issued["id"], "enrol")


@pytest.mark.parametrize("by", ["code", "token"])
async def test_a_tablet_trades_it_for_its_token_and_all_that_it_needs(world: World, by: str) -> None:
    issued = await made(world)

    answer = await come(world, issued[by], roomId="101", hotelId="inn", model="SM-T500")

    assert answer.status_code == 200
    told = answer.json()
    assert (told["ok"], told["type"], told["expiresIn"], told["hotelId"], told["roomId"]) == (
        True,
        "device",
        30 * 86_400,
        "inn",
        "101",
    )
    assert told["broker"] == {
        "url": None,
        "websocketUrl": "ws://innwatch.test:1884/mqtt",
        "clientId": "inn/tab-new",
        "username": "inn/tab-new",
    }
    assert told["config"] == {
        "revision": 0,
        "roomId": "101",
        "accessPoints": ["aa:bb:cc:00:00:01"],
        "rssiFloor": -70.0,
        "heartbeatIntervalS": 4.0,
        "batteryLow": 20.0,
        "batteryCritical": 10.0,
    }
    async with world.client(told["token"]) as client:
        beat = await client.post("/api/heartbeat", json={"deviceId": "tab-new", "rssi": -60})
    assert (beat.status_code, beat.json()["status"]) == (200, "ok")
    (line,) = (await world.store.audit(INN, deed="device.enrolled")).items
    assert (line.actor_kind, line.actor, line.address) == (ActorKind.DEVICE, "tab-new", "192.0.2.7")


async def test_each_refusal_says_which_it_is(world: World) -> None:
    used, withdrawn, foreign, expired = [await made(world) for _ in range(4)]
    await come(world, used["code"])
    async with world.client(manager(world)) as client:
        await client.post(f"/api/enrolments/{withdrawn['id']}/withdraw")

    assert kind(await come(world, used["code"])) == (410, "enrolment-used")
    assert kind(await come(world, used["token"], "tab-other")) == (410, "enrolment-used")
    assert kind(await come(world, withdrawn["code"])) == (410, "enrolment-withdrawn")
    assert kind(await come(world, foreign["code"], hotelId="lodge")) == (403, "enrolment-foreign")
    assert kind(await come(world, foreign["token"], roomId="102")) == (403, "enrolment-foreign")
    assert kind(await come(world, "0000-0000-0000")) == (401, "enrolment-unknown")
    world.clock.pass_(minutes=15)
    assert kind(await come(world, expired["code"])) == (410, "enrolment-expired")
    assert kind(await come(world, expired["token"])) == (410, "enrolment-expired")


async def test_a_code_for_one_tablet_is_no_good_for_another(world: World) -> None:
    issued = await made(world, deviceId="tab-7")

    assert kind(await come(world, issued["code"], "tab-8")) == (403, "enrolment-foreign")
    assert (await come(world, issued["code"], "tab-7")).status_code == 200


async def test_what_is_no_enrolment_enrols_nobody(world: World) -> None:
    stranger = KeyRing.of("a secret that the house does not have!")
    forged = mint_enrol(stranger, hotel_id=INN, gen=1, now=NOON)
    unknown = mint_enrol(world.keys, hotel_id=INN, gen=1, now=NOON)

    assert kind(await come(world, forged)) == (401, "token-invalid")
    assert kind(await come(world, unknown)) == (401, "enrolment-unknown")
    for token in (world.device(INN), manager(world), world.integrator(INN, "pms", "rooms")):
        assert kind(await come(world, token)) == (403, "forbidden")
    async with world.client() as client:
        assert kind(await client.post(REGISTER, json={"deviceId": "tab-new"})) == (401, "token-missing")
    assert await world.store.find_device(INN, DeviceId("tab-new")) is None


async def test_an_enrolment_opens_nothing_else(world: World) -> None:
    issued = await made(world)

    async with world.client(issued["token"]) as client:
        for path in ("/api/devices", "/api/enrolments", "/api/session"):
            assert (await client.get(path)).status_code == 403
        assert (await client.post("/api/heartbeat", json={"deviceId": "tab-new"})).status_code == 403


@pytest.mark.parametrize("device_id", ["", "_", "a b", "x" * 65, "tab\n", "tab-é", "../tab", "tab+", "tab/#"])
async def test_a_name_that_is_none_is_refused_and_uses_nothing_up(world: World, device_id: str) -> None:
    issued = await made(world)

    assert kind(await come(world, issued["code"], device_id)) == (400, "invalid")
    assert (await come(world, issued["code"])).status_code == 200


async def test_a_known_tablet_waits_for_a_yes_and_its_old_token_is_void(world: World) -> None:
    await world.store.note_token(INN, DEVICE, expires_at=NOON, by=ANN, now=NOON)
    old, issued = world.device(INN), await made(world)

    waits = await come(world, issued["code"], DEVICE)
    assert kind(waits) == (409, "enrolment-waits")
    assert waits.headers["retry-after"] == "10"
    async with world.client(manager(world)) as client:
        (listed,) = (await client.get("/api/enrolments")).json()["items"]
        assert (listed["state"], listed["wantedDeviceId"]) == ("waiting", DEVICE)
        approved = await client.post(f"/api/enrolments/{issued['id']}/approve")
        assert (approved.json()["state"], approved.json()["approvedBy"]) == ("approved", "inn-manager")

    answer = await come(world, issued["code"], DEVICE)

    assert answer.status_code == 200
    async with world.client(old) as client:
        assert kind(await client.post("/api/heartbeat", json={"deviceId": DEVICE})) == (401, "token-revoked")
    async with world.client(answer.json()["token"]) as client:
        assert (await client.post("/api/heartbeat", json={"deviceId": DEVICE})).status_code == 200


async def test_a_yes_to_nobody_is_refused(world: World) -> None:
    issued = await made(world)

    async with world.client(manager(world)) as client:
        assert kind(await client.post(f"/api/enrolments/{issued['id']}/approve")) == (409, "nobody-waits")


async def test_no_secret_is_told_twice(world: World) -> None:
    issued = await made(world)

    async with world.client(manager(world)) as client:
        listed = await client.get("/api/enrolments")
        shown = await client.get(f"/api/enrolments/{issued['id']}")

    for answer in (listed, shown):
        assert issued["code"] not in answer.text
        assert issued["token"] not in answer.text
    assert shown.json() == listed.json()["items"][0]
    assert shown.json()["state"] == "open"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.STAFF])
async def test_codes_are_a_managers(world: World, role: Role) -> None:
    async with world.client(world.user(INN, f"inn-{role}", role=role)) as client:
        assert (await client.post("/api/enrolments", json={"roomId": "101"})).status_code == 403
        assert (await client.get("/api/enrolments")).status_code == 403


async def test_a_room_that_is_not_there_gets_no_code(world: World) -> None:
    await world.store.add_room(LODGE, _room("attic"), by=ANN, now=NOON)

    async with world.client(manager(world)) as client:
        refused = await client.post("/api/enrolments", json={"roomId": "attic"})
        assert refused.status_code == 400
        assert refused.json()["errors"] == [{"field": "roomId", "detail": "is no room of this hotel"}]


async def test_whoever_guesses_codes_is_slowed_down_and_nobody_else(world: World) -> None:
    issued = await made(world)
    for _ in range(20):
        assert (await come(world, "0000-0000-0000")).status_code == 401

    limited = await come(world, "0000-0000-0000")
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "3")
    async with world.client(issued["code"], address="198.51.100.9") as client:
        assert (await client.post(REGISTER, json={"deviceId": "tab-new"})).status_code == 200


async def test_a_suspended_hotel_takes_nobody_in(world: World) -> None:
    issued = await made(world)
    await world.store.suspend_hotel(INN, by=ANN, now=NOON)

    assert kind(await come(world, issued["code"])) == (403, "hotel-suspended")


async def test_the_same_name_in_another_hotel_is_another_tablet(world: World) -> None:
    answers = [await come(world, (await made(world, hotel_id))["code"]) for hotel_id in (INN, LODGE)]

    assert [answer.json()["broker"]["username"] for answer in answers] == ["inn/tab-new", "lodge/tab-new"]


@pytest.mark.parametrize(
    ("settings", "host", "url", "websocket", "link"),
    [
        (
            ApiSettings(mqtt_port=8083, mqtt_tcp=MqttTcp(1883, secure=False)),
            "192.0.2.1:8080",
            "mqtt://192.0.2.1:1883",
            "ws://192.0.2.1:8083/mqtt",
            "http://192.0.2.1:8080",
        ),
        (
            ApiSettings(mqtt_port=8083, mqtt_tcp=MqttTcp(1883, secure=False)),
            "[2001:db8::1]:8080",
            "mqtt://[2001:db8::1]:1883",
            "ws://[2001:db8::1]:8083/mqtt",
            "http://[2001:db8::1]:8080",
        ),
        (
            ApiSettings(
                mqtt_port=443,
                mqtt_secure=True,
                mqtt_tcp=MqttTcp(8883, secure=True),
                public_url="https://watch.example/",
            ),
            "10.0.0.1:8080",
            "mqtts://watch.example:8883",
            "wss://watch.example:443/mqtt",
            "https://watch.example",
        ),
        (
            ApiSettings(mqtt_port=8083, public_mqtt_url="mqtts://mqtt.example:8883"),
            "inn.example",
            "mqtts://mqtt.example:8883",
            "ws://inn.example:8083/mqtt",
            "http://inn.example",
        ),
    ],
)
async def test_a_tablet_is_told_where_the_broker_is(
    hotels: Furnished, tmp_path: Path, settings: ApiSettings, host: str, url: str, websocket: str, link: str
) -> None:
    opened = hotels.world(tmp_path, doorbell=LocalDoorbell(), settings=settings)
    async with opened as world, world.client(manager(world)) as client:
        issued = (await client.post("/api/enrolments", json={"roomId": "101"}, headers={"Host": host})).json()
        answer = await client.post(
            REGISTER, json={"deviceId": "tab-new"}, headers={"Host": host} | bearer(issued["code"])
        )

    assert issued["link"] == f"{link}/enrol#{issued['code']}"
    assert (answer.json()["broker"]["url"], answer.json()["broker"]["websocketUrl"]) == (url, websocket)


async def test_an_address_that_is_none_makes_no_link(world: World) -> None:
    async with world.client(manager(world)) as client:
        for host in ("evil.example/#", "a b", "x@y", ""):
            answer = await client.post("/api/enrolments", json={"roomId": "101"}, headers={"Host": host})
            assert answer.status_code == 400
    assert (await world.store.enrolments(INN)).items == ()


# -- renewal


async def test_a_tablet_renews_with_a_token_that_is_good_and_both_stay_good(world: World) -> None:
    first = world.device(INN)
    world.clock.pass_(days=25)

    async with world.client(first) as client:
        answer = await client.post("/api/auth/device-token", json={"deviceId": DEVICE, "roomId": "101"})
        assert answer.json().keys() == {"token", "type", "expires_in"}
        assert (answer.json()["type"], answer.json()["expires_in"]) == ("device", 30 * 86_400)
        assert (await client.post("/api/heartbeat", json={"deviceId": DEVICE})).status_code == 200
    world.clock.pass_(days=10)
    async with world.client(answer.json()["token"]) as client:
        assert (await client.post("/api/heartbeat", json={"deviceId": DEVICE})).status_code == 200

    device = await world.store.find_device(INN, DEVICE)
    assert device is not None
    assert (device.gen, device.token_issued_at) == (1, world.clock.now.replace(day=18, month=12))
    async with world.client(first) as client:
        answer = await client.post("/api/auth/device-token", json={"deviceId": DEVICE})
        assert kind(answer) == (401, "token-expired")


async def test_a_tablet_renews_for_itself_alone(world: World) -> None:
    async with world.client(world.device(INN)) as client:
        for body in ({"deviceId": "tab-2"}, {"deviceId": DEVICE, "hotelId": "lodge"}):
            assert kind(await client.post("/api/auth/device-token", json=body)) == (403, "forbidden")


async def test_a_tablet_that_renews_without_end_is_told_to_wait(world: World) -> None:
    async with world.client(world.device(INN)) as client:
        answers = [await client.post("/api/auth/device-token", json={"deviceId": DEVICE}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]


# -- a tablet's life


async def test_a_tablet_is_added_named_moved_and_retired(world: World) -> None:
    await world.store.add_room(INN, _room("102"), by=ANN, now=NOON)
    async with world.client(manager(world)) as client:
        added = await client.post("/api/devices", json={"deviceId": "tab-9", "roomId": "101", "name": "Wall"})
        assert (added.status_code, added.json()["name"], added.json()["link"]) == (201, "Wall", "never-seen")
        again = await client.post("/api/devices", json={"deviceId": "tab-9", "roomId": "101"})
        assert kind(again) == (409, "exists")
        named = await client.patch("/api/devices/tab-9", json={"name": None})
        assert (named.status_code, named.json()["name"]) == (200, None)
        moved = await client.post("/api/devices/tab-9/move", json={"roomId": "102"})
        assert (moved.status_code, moved.json()["roomId"]) == (200, "102")
        assert (await client.post("/api/devices/tab-9/move", json={"roomId": "999"})).status_code == 400
        assert (await client.post("/api/devices/tab-8/move", json={"roomId": "102"})).status_code == 404
        gone = await client.delete("/api/devices/tab-9")
        assert (gone.status_code, gone.json()) == (200, {"ok": True})
        assert (await client.delete("/api/devices/tab-9")).status_code == 404
        assert (await client.get("/api/devices/tab-9")).status_code == 404

    lines = (await world.store.audit(INN, deed="device.")).items
    assert [line.deed for line in lines if line.subject == "tab-9"] == [
        "device.retired",
        "device.moved",
        "device.changed",
        "device.added",
    ]


async def test_what_a_retired_tablet_sends_revives_nothing(world: World) -> None:
    token = world.device(INN)
    async with world.client(manager(world)) as client:
        await client.delete(f"/api/devices/{DEVICE}")

    async with world.client(token) as client:
        for path, body in (
            ("/api/heartbeat", {"deviceId": DEVICE}),
            ("/api/auth/device-token", {"deviceId": DEVICE}),
        ):
            assert kind(await client.post(path, json=body)) == (401, "token-revoked")
    assert await world.store.left(limit=10) == []
    assert await world.store.device(INN, DEVICE) is None


async def test_new_hardware_takes_a_tablets_place_with_its_history(world: World) -> None:
    await world.hear(INN, rssi=-50)
    before = world.devices[INN]
    async with world.client(manager(world)) as client:
        issued = (await client.post(f"/api/devices/{DEVICE}/replace", json={"newDeviceId": "tab-2"})).json()
        assert issued["deviceId"] == "tab-2"
        assert (await client.post("/api/devices/tab-2/replace", json={"newDeviceId": "no id"})).status_code == 400

    answer = await come(world, issued["code"], "tab-2")

    assert answer.status_code == 200
    after = await world.store.find_device(INN, DeviceId("tab-2"))
    assert after is not None
    assert (after.key, after.room_id) == (before.key, RoomId("101"))
    world.clock.pass_(seconds=1)
    async with world.client(manager(world)) as client:
        history = (await client.get("/api/devices/tab-2/history")).json()["items"]
        assert [point["rssiMin"] for point in history] == [-50.0]
        assert (await client.get(f"/api/devices/{DEVICE}")).status_code == 404


async def test_a_tablet_is_shut_out(world: World) -> None:
    token = world.device(INN)
    async with world.client(manager(world)) as client:
        assert (await client.post(f"/api/devices/{DEVICE}/revoke")).json() == {"ok": True}

    async with world.client(token) as client:
        assert kind(await client.post("/api/heartbeat", json={"deviceId": DEVICE})) == (401, "token-revoked")


# -- rooms


async def test_a_room_is_added_and_changed(world: World) -> None:
    async with world.client(manager(world)) as client:
        added = await client.post(
            "/api/rooms", json={"roomId": "102", "floor": "1", "accessPoints": ["AA-BB-CC-00-00-02"], "rssiFloor": -71}
        )
        assert (added.status_code, added.json()["accessPoints"]) == (201, ["aa:bb:cc:00:00:02"])
        assert kind(await client.post("/api/rooms", json={"roomId": "102"})) == (409, "exists")
        changed = await client.patch("/api/rooms/102", json={"name": "Corner", "rssiFloor": None})
        assert changed.json() == {
            "roomId": "102",
            "name": "Corner",
            "floor": "1",
            "accessPoints": ["aa:bb:cc:00:00:02"],
            "rssiFloor": None,
            "zone": None,
            "deviceIds": [],
        }
        assert (await client.get("/api/rooms/102")).json() == changed.json()
        assert (await client.get("/api/rooms/101")).json()["deviceIds"] == [DEVICE]
        assert (await client.patch("/api/rooms/999", json={})).status_code == 404
        for body in ({"accessPoints": ["nonsense"]}, {"rssiFloor": 5}, {"name": "a\nb"}, {"flor": "1"}):
            assert (await client.patch("/api/rooms/102", json=body)).status_code == 400


@pytest.mark.parametrize("role", [Role.VIEWER, Role.STAFF])
async def test_rooms_and_tablets_are_changed_by_managers_alone(world: World, role: Role) -> None:
    async with world.client(world.user(INN, f"inn-{role}", role=role)) as client:
        answers = [
            await client.post("/api/devices", json={"deviceId": "t", "roomId": "101"}),
            await client.patch(f"/api/devices/{DEVICE}", json={"name": "x"}),
            await client.delete(f"/api/devices/{DEVICE}"),
            await client.post(f"/api/devices/{DEVICE}/move", json={"roomId": "101"}),
            await client.post(f"/api/devices/{DEVICE}/replace", json={}),
            await client.post(f"/api/devices/{DEVICE}/revoke"),
            await client.post("/api/rooms", json={"roomId": "102"}),
            await client.patch("/api/rooms/101", json={}),
        ]

    assert {answer.status_code for answer in answers} == {403}


def _room(name: str) -> Room:
    return Room(id=RoomId(name))


async def test_a_token_that_was_voided_a_moment_ago_is_traded_for_none(world: World) -> None:
    """The guard remembers for two seconds who was good: enough for a thief who asks all the time."""
    async with world.client(world.device(INN)) as thief:
        assert (await thief.post("/api/heartbeat", json={"deviceId": DEVICE})).status_code == 200
        await world.store.revoke_device(INN, DEVICE, by=ANN, now=NOON)
        answer = await thief.post("/api/auth/device-token", json={"deviceId": DEVICE})

    assert kind(answer) == (401, "token-revoked")
    device = await world.store.find_device(INN, DEVICE)
    assert device is not None
    assert device.token_issued_at is None
