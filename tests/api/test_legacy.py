"""The old system's addresses, and the token that its tablets share: it acts in one hotel, for whom it was allowed."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from api import ApiSettings
from broker.shared_token import SharedToken
from broker.tokens import Role, mint_device
from rules.alerts import Because, Family, Reason, Rule, Severity
from rules.ids import DeviceId, RoomId
from store import INNWATCH
from store.importing import OldAlert
from store.records import Contact, MigrationRow, Room, Way
from tests.api.support import DEVICE, INN, LODGE, NOON, MakeWorld, World, bearer
from tests.api.test_every_route import TENANCY, ask

SHARED = "b0arding-pass-0f-the-0ld-days"
HEARTBEAT = {"deviceId": "tab-1", "roomId": "101", "wifiBssid": "aa:bb:cc:00:00:01", "rssi": -61}


@pytest.fixture
def settings(settings: ApiSettings) -> ApiSettings:
    """As ever, with a shared token for the inn."""
    return msgspec.structs.replace(settings, shared_token=SharedToken(SHARED, INN))


async def allow(world: World, device_id: DeviceId = DEVICE) -> None:
    for hotel_id in (INN, LODGE):
        await world.store.let_shared_token_speak(hotel_id, device_id, allowed=True, by=INNWATCH, now=NOON)


async def post(world: World, path: str, body: Any, *, token: str = SHARED) -> httpx.Response:  # noqa: ANN401
    async with world.client(token) as client:
        return await client.post(f"/api/{path}", json=body)


async def migration_of(world: World) -> MigrationRow:
    (row,) = (await world.store.migration(INN)).items
    return row


# -- the token that old tablets share


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("heartbeat", HEARTBEAT),
        ("alert/breach", {"deviceId": "tab-1", "roomId": "101", "rssi": -90}),
        ("alert/battery", {"deviceId": "tab-1", "level": 9}),
        ("alert/tamper", {"deviceId": "tab-1", "roomId": "101", "threats": ["root"], "descriptions": ["su"]}),
    ],
)
async def test_it_speaks_for_a_tablet_of_its_hotel(world: World, path: str, body: object) -> None:
    await allow(world)

    answer = await post(world, path, body)

    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    (row,) = await world.store.left(limit=10)
    assert (row.hotel_id, row.device_id) == (INN, DEVICE)


@pytest.mark.parametrize("device_id", ["tab-1", "stranger", "_", "", "no id"])
async def test_it_speaks_for_no_tablet_that_it_was_not_allowed_for(world: World, device_id: str) -> None:
    answer = await post(world, "heartbeat", HEARTBEAT | {"deviceId": device_id})

    assert (answer.status_code, answer.json()["detail"]) == (403, "the shared token does not speak for this tablet")
    assert await world.store.left(limit=10) == []


async def test_a_tablet_of_another_hotel_is_as_one_that_nobody_knows(world: World) -> None:
    room = Room(id=RoomId("102"))
    await world.store.quick_add(LODGE, DeviceId("tab-2"), room=room, shared_token=True, by=INNWATCH, now=NOON)

    answers = [await post(world, "heartbeat", HEARTBEAT | {"deviceId": name}) for name in ("tab-2", "tab-3")]

    assert {answer.status_code for answer in answers} == {403}
    assert answers[0].content == answers[1].content


async def test_it_is_felt_at_once_when_it_may_speak_no_more(world: World) -> None:
    await allow(world)
    assert (await post(world, "heartbeat", HEARTBEAT)).status_code == 200

    await world.store.let_shared_token_speak(INN, DEVICE, allowed=False, by=INNWATCH, now=NOON)

    assert (await post(world, "heartbeat", HEARTBEAT)).status_code == 403


OPEN_TO_AGENTS = {route for route, how in TENANCY.items() if how in {"device", "agent"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def allowed(lasting_world: MakeWorld) -> World:
    """One in which it speaks for a tablet, for all that change nothing."""
    world = await lasting_world(shared_token=SharedToken(SHARED, INN))
    await allow(world)
    return world


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("route", sorted(TENANCY.keys() - OPEN_TO_AGENTS))
async def test_it_opens_nothing_else(allowed: World, route: str) -> None:
    async with allowed.client(SHARED) as client:
        answer = await ask(client, route)

    assert (answer.status_code, answer.json()["detail"]) == (403, "the shared token opens nothing here")


@pytest.mark.parametrize("token", [SHARED[:-1], SHARED + "x", SHARED.upper(), "API_TOKEN"])
async def test_what_only_looks_like_it_is_no_token(world: World, token: str) -> None:
    await allow(world)

    assert (await post(world, "heartbeat", HEARTBEAT, token=token)).status_code == 401


async def test_the_same_message_of_two_tablets_is_two(world: World) -> None:
    room = Room(id=RoomId("102"))
    await world.store.quick_add(INN, DeviceId("tab-2"), room=room, shared_token=True, by=INNWATCH, now=NOON)
    await allow(world)
    for name in ("tab-1", "tab-2"):
        await post(world, "heartbeat", {"deviceId": name, "rssi": -60, "ts": "2026-11-23T11:59:58Z"})

    first, second = (msgspec.json.decode(row.payload)["id"] for row in await world.store.left(limit=10))
    assert first != second


# -- the first token


REGISTER = {"deviceId": "tab-1", "roomId": "101"}


async def test_it_fetches_a_tablets_first_token_which_then_speaks_for_itself(world: World) -> None:
    await allow(world)

    answer = await post(world, "devices/register", REGISTER | {"hotelId": "inn", "androidId": "4711"})

    told = answer.json()
    assert (answer.status_code, told["ok"], told["hotelId"], told["roomId"]) == (200, True, "inn", "101")
    assert (await post(world, "heartbeat", HEARTBEAT, token=told["token"])).status_code == 200
    assert (await migration_of(world)).speaks is Way.HTTP
    renewed = await post(world, "auth/device-token", REGISTER, token=told["token"])
    assert renewed.status_code == 200


async def test_it_fetches_no_second_one(world: World) -> None:
    await allow(world)
    await post(world, "devices/register", REGISTER)

    again = await post(world, "devices/register", REGISTER)

    assert (again.status_code, again.json()["type"]) == (409, "urn:innwatch:problem:had-token")
    assert "token" not in again.json()


async def test_it_fetches_none_for_a_tablet_that_spoke_by_its_own(world: World) -> None:
    await allow(world)
    await world.store.note_contact(INN, DEVICE, Way.MQTT, now=NOON)

    assert (await post(world, "devices/register", REGISTER)).status_code == 409


@pytest.mark.parametrize("change", [{"deviceId": "stranger"}, {"hotelId": "lodge"}, {}])
async def test_it_fetches_none_where_it_may_not_speak(world: World, change: dict[str, str]) -> None:
    if change:
        await allow(world)

    answer = await post(world, "devices/register", REGISTER | change)

    assert (answer.status_code, answer.json()["type"]) == (403, "urn:innwatch:problem:forbidden")


async def test_it_renews_nothing(world: World) -> None:
    await allow(world)

    assert (await post(world, "auth/device-token", REGISTER)).status_code == 403


async def test_who_is_revoked_is_so_for_the_shared_token_too(world: World) -> None:
    await allow(world)
    assert (await post(world, "heartbeat", HEARTBEAT)).status_code == 200

    await world.store.revoke_device(INN, DEVICE, by=INNWATCH, now=NOON)

    assert (await post(world, "heartbeat", HEARTBEAT)).status_code == 403
    assert (await post(world, "devices/register", REGISTER)).status_code == 403


# -- by which way a tablet was heard


async def test_the_way_is_noted_of_either_token(world: World) -> None:
    await allow(world)
    await post(world, "heartbeat", HEARTBEAT)
    world.clock.pass_(minutes=1)
    await post(world, "heartbeat", HEARTBEAT, token=world.device(INN))

    row = await migration_of(world)
    assert (row.legacy_token, row.http, row.mqtt) == (
        Contact(NOON, NOON),
        Contact(NOON + timedelta(minutes=1), NOON + timedelta(minutes=1)),
        None,
    )
    assert row.speaks is Way.HTTP


async def test_a_tablet_that_speaks_all_the_time_is_not_noted_each_time(world: World) -> None:
    await allow(world)
    for _ in range(3):
        await post(world, "heartbeat", HEARTBEAT)
        world.clock.pass_(seconds=4)

    assert (await migration_of(world)).legacy_token == Contact(NOON, NOON)


# -- what an old agent asks for


async def test_an_old_agent_is_told_of_its_room(world: World) -> None:
    async with world.client(world.device(INN)) as client:
        answer = await client.get("/api/config/tab-1")

    assert answer.json() == {
        "room": {"bssid": "aa:bb:cc:00:00:01", "ssid": None, "minRssi": -70.0},
        "pin": None,
        "thresholds": {"batteryLow": 20, "breachGraceSec": 10},
    }
    assert (await migration_of(world)).speaks is Way.HTTP


async def test_of_a_room_that_nobody_measured_it_is_told_the_usual(world: World) -> None:
    await world.store.quick_add(
        INN, DeviceId("tab-2"), room=Room(id=RoomId("attic")), shared_token=True, by=INNWATCH, now=NOON
    )
    async with world.client(SHARED) as client:
        answer = await client.get("/api/config/tab-2")

    assert answer.json()["room"] == {"bssid": None, "ssid": None, "minRssi": -80.0}


async def test_a_tablet_is_told_of_no_other(world: World) -> None:
    await world.store.quick_add(
        INN, DeviceId("tab-2"), room=Room(id=RoomId("attic")), shared_token=False, by=INNWATCH, now=NOON
    )
    other = mint_device(world.keys, hotel_id=INN, device_id=DeviceId("tab-2"), gen=1, now=NOON)
    for token in (other, SHARED):
        async with world.client(token) as client:
            assert (await client.get("/api/config/tab-1")).status_code == 403


async def test_two_hotels_tablets_of_one_name_are_each_told_of_their_own_room(world: World) -> None:
    await world.store.quick_add(
        LODGE,
        DeviceId("tab-2"),
        room=Room(id=RoomId("attic"), rssi_floor=-55),
        shared_token=False,
        by=INNWATCH,
        now=NOON,
    )
    await world.store.quick_add(
        INN, DeviceId("tab-2"), room=Room(id=RoomId("attic"), rssi_floor=-66), shared_token=False, by=INNWATCH, now=NOON
    )
    told = []
    for hotel_id in (INN, LODGE):
        token = mint_device(world.keys, hotel_id=hotel_id, device_id=DeviceId("tab-2"), gen=1, now=NOON)
        async with world.client(token) as client:
            told.append((await client.get("/api/config/tab-2")).json()["room"]["minRssi"])

    assert told == [-66.0, -55.0]


# -- what people asked for


async def test_recent_alerts_are_all_alerts_the_newest_first(world: World) -> None:
    await world.clear_alert(INN, world.alerts[INN])
    world.clock.pass_(seconds=1)
    newer = await world.open_alert(INN)
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        first = (await client.get("/api/alerts/recent", params={"limit": 1})).json()
        second = (await client.get("/api/alerts/recent", params={"limit": 1, "cursor": first["next"]})).json()

    assert [page["items"][0]["id"] for page in (first, second)] == [newer, world.alerts[INN]]
    assert second["next"] is None


async def test_an_alert_is_acknowledged_by_the_old_address(world: World) -> None:
    token = world.user(INN, "inn-staff", role=Role.STAFF)

    answer = await post(world, "alerts/acknowledge", {"alertId": world.alerts[INN], "notes": "mine"}, token=token)

    assert answer.status_code == 200
    assert answer.json()["acknowledged"] == {"by": "inn-staff", "at": "2026-11-23T12:00:00Z", "note": "mine"}
    again = await post(world, "alerts/acknowledge", {"alertId": world.alerts[INN]}, token=token)
    assert (again.status_code, again.json()["by"]) == (409, "inn-staff")


@pytest.mark.parametrize(
    "body", [{"alertId": -1}, {"alertId": 1.5}, {"alertId": None}, {}, {"alertId": "A", "by": "me"}]
)
async def test_an_alert_that_can_be_none_is_refused(world: World, body: object) -> None:
    token = world.user(INN, "inn-staff", role=Role.STAFF)

    assert (await post(world, "alerts/acknowledge", body, token=token)).status_code == 400


async def test_a_number_that_no_imported_alert_had_is_not_found(world: World) -> None:
    token = world.user(INN, "inn-staff", role=Role.STAFF)

    assert (await post(world, "alerts/acknowledge", {"alertId": 17}, token=token)).status_code == 404


async def test_a_viewer_acknowledges_nothing(world: World) -> None:
    token = world.user(INN, "inn-viewer", role=Role.VIEWER)

    answer = await post(world, "alerts/acknowledge", {"alertId": world.alerts[INN]}, token=token)

    assert answer.status_code == 403


QUICK = {
    "deviceId": "tab-7",
    "roomId": "707",
    "name": "Suite",
    "floor": "7",
    "bssid": "AA-BB-CC-00-00-77",
    "minRssi": -71,
}


async def test_a_tablet_is_added_quickly_with_its_room_and_may_use_the_shared_token(world: World) -> None:
    token = world.user(INN, "inn-manager", role=Role.MANAGER)

    answer = await post(world, "devices/quick-add", QUICK, token=token)

    assert (answer.status_code, answer.json()["roomId"], answer.json()["link"]) == (201, "707", "never-seen")
    home = await world.store.home(INN, DeviceId("tab-7"))
    assert home is not None
    assert (home.access_points, home.policy.rssi_floor) == (("aa:bb:cc:00:00:77",), -71)
    assert (await post(world, "heartbeat", HEARTBEAT | {"deviceId": "tab-7"})).status_code == 200


async def test_in_a_hotel_without_a_shared_token_none_is_allowed(world: World) -> None:
    token = world.user(LODGE, "lodge-manager", role=Role.MANAGER)

    assert (await post(world, "devices/quick-add", QUICK, token=token)).status_code == 201

    assert not await world.store.is_spoken_for(LODGE, DeviceId("tab-7"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"deviceId": "no id"}, "deviceId"),
        ({"roomId": "_"}, "roomId"),
        ({"bssid": "aa:bb"}, "bssid"),
        ({"minRssi": 5}, "minRssi"),
        ({"colour": "green"}, "colour"),
    ],
)
async def test_what_cannot_be_right_is_said_and_adds_nothing(
    world: World, change: dict[str, object], field: str
) -> None:
    answer = await post(
        world, "devices/quick-add", QUICK | change, token=world.user(INN, "inn-manager", role=Role.MANAGER)
    )

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert len((await world.store.devices(INN)).items) == 1


async def test_a_tablet_that_is_there_is_a_conflict(world: World) -> None:
    answer = await post(
        world,
        "devices/quick-add",
        QUICK | {"deviceId": "tab-1"},
        token=world.user(INN, "inn-manager", role=Role.MANAGER),
    )

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:innwatch:problem:exists")


async def test_a_room_is_added_by_the_old_address_and_then_changed_where_something_is_said(world: World) -> None:
    token = world.user(INN, "inn-manager", role=Role.MANAGER)
    room = {"roomId": "707", "name": "Suite", "floor": "7", "bssid": "aa:bb:cc:00:00:77", "minRssi": -71}

    first = await post(world, "rooms/upsert", room, token=token)
    second = await post(world, "rooms/upsert", {"roomId": "707", "name": "Attic", "minRssi": None}, token=token)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["name"] == "Suite"
    assert {name: second.json()[name] for name in ("name", "floor", "accessPoints", "rssiFloor")} == {
        "name": "Attic",
        "floor": "7",
        "accessPoints": ["aa:bb:cc:00:00:77"],
        "rssiFloor": -71.0,
    }


async def test_an_imported_alert_is_acknowledged_by_its_number_once(world: World) -> None:
    old = OldAlert(
        number=17, device_id=DEVICE, family=Family.BREACH, rule=Rule.BREACH_REPORTED, severity=Severity.HIGH,
        at=NOON - timedelta(days=9), why=Reason(Because.REPORTED),
    )  # fmt: skip
    await world.store.import_alerts(INN, [old], by=INNWATCH, now=NOON)
    token = world.user(INN, "inn-staff", role=Role.STAFF)

    answer = await post(world, "alerts/acknowledge", {"alertId": 17, "notes": "a guest"}, token=token)

    assert (answer.status_code, answer.json()["status"]) == (200, "resolved")
    assert answer.json()["acknowledged"] == {"by": "inn-staff", "at": "2026-11-23T12:00:00Z", "note": "a guest"}
    assert (await post(world, "alerts/acknowledge", {"alertId": 17}, token=token)).status_code == 409
    theirs = world.user(LODGE, "lodge-staff", role=Role.STAFF)
    assert (await post(world, "alerts/acknowledge", {"alertId": 17}, token=theirs)).status_code == 404


async def test_staff_add_no_tablets(world: World) -> None:
    answer = await post(world, "devices/quick-add", QUICK, token=world.user(INN, "inn-staff", role=Role.STAFF))

    assert answer.status_code == 403


async def test_without_the_setting_the_token_is_no_token(world: World) -> None:
    plain = bearer("anything else that is long enough")
    async with world.client() as client:
        assert (await client.post("/api/heartbeat", json=HEARTBEAT, headers=plain)).status_code == 401
