"""Devices, their history, and rooms."""

from broker.tokens import Role
from rules.ids import DeviceId, RoomId
from store import INNWATCH
from store.records import NewDevice, Room
from tests.api.support import INN, World


async def test_a_device_is_shown_on_its_three_axes(world: World) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        listed = (await client.get("/api/devices")).json()
        one = (await client.get("/api/devices/tab-1")).json()

    assert listed == {"items": [one], "next": None}
    assert one == {
        "deviceId": "tab-1",
        "name": None,
        "roomId": "101",
        "floor": "1",
        "link": "online",
        "posture": "foreign",
        "power": "ok",
        "since": "2026-11-23T12:00:00Z",
        "lastHeard": "2026-11-23T12:00:00Z",
        "battery": 80.0,
        "charging": None,
        "rssi": -60.0,
        "agent": "1.4",
        "tokenEnded": None,
    }


async def test_devices_come_in_pages(world: World) -> None:
    more = [NewDevice(id=DeviceId(f"tab-{n}"), room=Room(id=RoomId(f"20{n}"))) for n in range(2, 6)]
    await world.store.add_devices(INN, more, by=INNWATCH, now=world.clock())
    found: list[str] = []
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        page = (await client.get("/api/devices?limit=2")).json()
        found += [item["deviceId"] for item in page["items"]]
        while page["next"] is not None:
            page = (await client.get("/api/devices", params={"limit": 2, "cursor": page["next"]})).json()
            found += [item["deviceId"] for item in page["items"]]

    assert found == [f"tab-{n}" for n in range(1, 6)]


async def test_a_room_names_its_devices(world: World) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        page = (await client.get("/api/rooms")).json()

    assert page == {
        "items": [
            {
                "roomId": "101",
                "name": "Garden",
                "floor": "1",
                "accessPoints": ["aa:bb:cc:00:00:01"],
                "rssiFloor": -70.0,
                "zone": None,
                "deviceIds": ["tab-1"],
            }
        ],
        "next": None,
    }


async def test_rooms_come_in_pages_each_with_its_own_devices(world: World) -> None:
    more = [NewDevice(id=DeviceId(f"tab-{n}"), room=Room(id=RoomId(f"20{n}"))) for n in range(2, 6)]
    await world.store.add_devices(INN, more, by=INNWATCH, now=world.clock())
    await world.store.add_room(INN, Room(id=RoomId("attic")), by=INNWATCH, now=world.clock())
    found: dict[str, list[str]] = {}
    cursor: dict[str, str] = {}
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        while True:
            page = (await client.get("/api/rooms", params={"limit": "2", **cursor})).json()
            found |= {item["roomId"]: item["deviceIds"] for item in page["items"]}
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}

    assert found == {"101": ["tab-1"]} | {f"20{n}": [f"tab-{n}"] for n in range(2, 6)} | {"attic": []}


async def test_history_is_summed_up_in_as_many_points_as_asked_for(world: World) -> None:
    for minute in range(10):
        world.clock.pass_(minutes=1)
        await world.hear(INN, rssi=-50.0 - minute)
    world.clock.pass_(minutes=1)
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        span = {"from": "2026-11-23T12:01:00Z", "to": "2026-11-23T12:11:00Z", "points": "2"}
        history = (await client.get("/api/devices/tab-1/history", params=span)).json()

    assert [(point["at"], point["count"], point["rssiMin"]) for point in history["items"]] == [
        ("2026-11-23T12:01:00Z", 5, -54.0),
        ("2026-11-23T12:06:00Z", 5, -59.0),
    ]


async def test_history_without_a_span_is_that_of_the_last_day(world: World) -> None:
    await world.hear(INN, rssi=-50.0)
    world.clock.pass_(hours=23)
    await world.hear(INN, rssi=-51.0)
    world.clock.pass_(hours=2)
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        history = (await client.get("/api/devices/tab-1/history")).json()

    assert [point["rssiMin"] for point in history["items"]] == [-51.0]


SPANS = {
    "from=2026-11-23T12:00:00": "from",
    "to=noon": "to",
    "from=0.5": "from",
    "to=%00": "to",
    "from=0001-01-01T00:00:00%2B14:00": "from",
    "points=0": "points",
    "points=1001": "points",
    "points=99999999999999999999999": "points",
}


async def test_a_span_that_makes_no_sense_is_refused_by_name(world: World) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        answers = {query: await client.get(f"/api/devices/tab-1/history?{query}") for query in SPANS}

    assert {answer.status_code for answer in answers.values()} == {400}
    assert {query: answer.json()["errors"][0]["field"] for query, answer in answers.items()} == SPANS


async def test_a_span_without_time_in_it_has_no_history(world: World) -> None:
    await world.hear(INN, rssi=-50.0)
    spans = [
        "from=2026-11-23T13:00:00Z&to=2026-11-23T11:00:00Z",
        "from=2026-11-23T12:00:00Z&to=2026-11-23T12:00:00Z",
        "from=2026-11-24T12:00:00Z",
        "to=0001-01-01T00:00:00Z",
        "from=0001-01-01T00:00:00Z&to=0001-01-01T00:00:01Z",
        "from=9999-12-31T23:59:59Z&to=9999-12-31T23:59:59.999999Z",
    ]
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        answers = {span: await client.get(f"/api/devices/tab-1/history?{span}") for span in spans}

    assert {span: answer.json() for span, answer in answers.items()} == {span: {"items": []} for span in spans}


async def test_an_unknown_device_has_no_history(world: World) -> None:
    async with world.client(world.user(INN, "inn-viewer", role=Role.VIEWER)) as client:
        answer = await client.get("/api/devices/tab-9/history")

    assert answer.status_code == 404
