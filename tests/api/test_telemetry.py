"""What agents of the old system say over HTTP is on disk when they are answered, in the words of the contract."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from api import telemetry
from broker.tokens import mint_device
from broker.topics import Kind, Topic
from device_bridge.decode import Decoded, decode
from rules.alerts import AlertStatus
from rules.ids import DeviceId
from rules.messages import Heartbeat, Report
from rules.state import DeviceState, LinkState
from store import INNWATCH, Batch, inbox
from store.records import InboxRow
from tests.api.support import DEVICE, INN, LODGE, NOON, World

HEARTBEAT = {
    "deviceId": "tab-1",
    "roomId": "101",
    "wifiBssid": "aa:bb:cc:00:00:01",
    "rssi": -61,
    "ip": "192.0.2.20",
    "battery": 84,
    "ts": "2026-11-23T11:59:58Z",
}


async def say(world: World, path: str, body: Any, *, token: str | None = None) -> httpx.Response:  # noqa: ANN401
    async with world.client(world.device(INN) if token is None else token) as client:
        return await client.post(f"/api/{path}", json=body)


async def left(world: World) -> list[InboxRow]:
    return await world.store.left(limit=100)


def read(row: InboxRow) -> Decoded:
    """As the bridge reads it."""
    topic = Topic(Kind(row.kind.value), row.hotel_id, row.device_id)
    (decoded,) = decode(topic, row.payload, retain=False, received_at=NOON)
    assert isinstance(decoded, Decoded)
    return decoded


async def only(world: World) -> Decoded:
    (row,) = await left(world)
    return read(row)


async def test_a_heartbeat_is_kept_for_the_bridge_and_answered(world: World) -> None:
    answer = await say(world, "heartbeat", HEARTBEAT)

    assert (answer.status_code, answer.json()) == (200, {"ok": True, "status": "breach"})
    beat = (await only(world)).message
    assert isinstance(beat, Heartbeat)
    assert (beat.device_id, beat.room_id, beat.wifi_bssid, beat.ip) == (
        "tab-1",
        "101",
        HEARTBEAT["wifiBssid"],
        "192.0.2.20",
    )
    assert (beat.rssi, beat.battery, beat.ts) == (-61, 84, NOON - timedelta(seconds=2))


@pytest.mark.parametrize("link", LinkState)
async def test_whoever_speaks_is_not_offline(world: World, link: LinkState) -> None:
    await world.clear_alert(INN, world.alerts[INN])
    key = world.devices[INN].key
    await world.store.apply(Batch(received_at=NOON, states={key: DeviceState(link=link)}))

    assert (await say(world, "heartbeat", HEARTBEAT)).json()["status"] == "ok"
    assert (await world.store.alerts(INN, status=AlertStatus.OPEN)).items == ()


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("breach", {"roomId": "101", "rssi": -88}, {"kind": "breach", "rssi": -88}),
        ("battery", {"level": 12}, {"kind": "battery", "level": 12}),
        (
            "tamper",
            {"roomId": "101", "threats": ["root", "debugger"], "descriptions": ["su found", "adb"]},
            {"kind": "tamper", "threats": ("root", "debugger"), "description": "su found; adb"},
        ),
    ],
)
async def test_an_alert_becomes_a_report(
    world: World, path: str, body: dict[str, object], expected: dict[str, object]
) -> None:
    answer = await say(world, f"alert/{path}", {"deviceId": "tab-1"} | body)

    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    report = (await only(world)).message
    assert isinstance(report, Report)
    assert {name: getattr(report, name) for name in expected} == expected


async def test_a_message_without_a_time_is_of_the_moment_it_came(world: World) -> None:
    await say(world, "alert/battery", {"deviceId": "tab-1", "level": 12})

    message = (await only(world)).message
    assert (message.ts, message.dated) == (NOON, False)


@pytest.mark.parametrize(
    "ts",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23T13:00:00+01:00",
        "2026-11-23T12:00:00",
        1795435200,
        1795435200.0,
        1795435200000,
    ],
)
async def test_a_time_is_read_as_agents_write_it(world: World, ts: str | float) -> None:
    await say(world, "heartbeat", HEARTBEAT | {"ts": ts})

    assert (await only(world)).message.ts == datetime(2026, 11, 23, 12, tzinfo=UTC)


async def test_the_same_message_said_again_has_the_same_name_and_another_has_not(world: World) -> None:
    await say(world, "heartbeat", HEARTBEAT)
    await say(world, "heartbeat", HEARTBEAT)
    await say(world, "heartbeat", HEARTBEAT | {"rssi": -62})
    await say(world, "heartbeat", HEARTBEAT | {"ts": "2026-11-23T11:59:59Z"})
    await say(world, "alert/breach", HEARTBEAT)
    await say(world, "heartbeat", HEARTBEAT, token=world.device(LODGE))

    first, again, *others = [read(row).message.id for row in await left(world)]
    assert first == again
    assert len({first, *others}) == 5
    assert others[1] > first  # later ones sort behind


async def test_the_same_words_at_another_time_are_another_message(world: World) -> None:
    body = {"deviceId": "tab-1", "level": 12}
    await say(world, "alert/battery", body)
    world.clock.pass_(seconds=1)
    await say(world, "alert/battery", body)

    first, second = [read(row).message.id for row in await left(world)]
    assert first != second


async def test_an_id_of_the_agents_own_is_kept(world: World) -> None:
    await say(world, "heartbeat", HEARTBEAT | {"id": "01JD9Z6Q3N"})

    assert (await only(world)).message.id == "01JD9Z6Q3N"


async def test_androids_word_for_no_signal_is_no_signal(world: World) -> None:
    await say(world, "heartbeat", HEARTBEAT | {"rssi": -127})

    beat = (await only(world)).message
    assert isinstance(beat, Heartbeat)
    assert beat.rssi is None


async def test_long_words_about_an_attack_are_cut_and_not_lost(world: World) -> None:
    body = {"deviceId": "tab-1", "threats": ["x" * 300] * 20, "descriptions": ["y" * 900, "z" * 900]}

    assert (await say(world, "alert/tamper", body)).status_code == 200

    report = (await only(world)).message
    assert isinstance(report, Report)
    assert (len(report.threats), len(report.threats[0]), len(report.description or "")) == (20, 256, 1024)


async def test_a_field_that_nobody_knows_is_ignored(world: World) -> None:
    assert (await say(world, "heartbeat", HEARTBEAT | {"fromTheFuture": {"deep": [1]}})).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "heartbeat",
        {"deviceId": 7},
        HEARTBEAT | {"rssi": "strong"},
        HEARTBEAT | {"ts": "yesterday"},
        HEARTBEAT | {"ts": 1e300},
        HEARTBEAT | {"id": "with space"},
        HEARTBEAT | {"id": "m-1\n"},
        HEARTBEAT | {"id": "_"},
    ],
)
async def test_what_has_not_the_shape_is_refused_and_not_kept(world: World, body: object) -> None:
    assert (await say(world, "heartbeat", body)).status_code == 400
    assert await left(world) == []


async def test_a_value_out_of_range_is_taken_and_left_to_the_bridge_to_judge(world: World) -> None:
    assert (await say(world, "heartbeat", HEARTBEAT | {"rssi": 12})).status_code == 200

    (row,) = await left(world)
    assert msgspec.json.decode(row.payload)["rssi"] == 12


async def test_a_message_may_have_8_kib_and_no_more(world: World) -> None:
    assert (await say(world, "heartbeat", HEARTBEAT | {"more": "x" * 8192})).status_code == 413
    assert (await say(world, "heartbeat", HEARTBEAT | {"more": "x" * 7000})).status_code == 200
    assert len(await left(world)) == 1


async def test_nobody_speaks_for_another_device(world: World) -> None:
    answer = await say(world, "heartbeat", HEARTBEAT | {"deviceId": "tab-2"})

    assert (answer.status_code, answer.json()["detail"]) == (403, "deviceId is not the token's device")
    assert await left(world) == []


async def test_a_voided_token_a_stale_one_and_one_of_a_suspended_hotel_are_refused(world: World) -> None:
    stale = mint_device(world.keys, hotel_id=INN, device_id=DEVICE, gen=1, now=NOON, ttl=timedelta(seconds=5))
    of_nobody = mint_device(world.keys, hotel_id=INN, device_id=DeviceId("tab-9"), gen=1, now=NOON)
    voided, suspended = world.device(INN), world.device(LODGE)
    await world.store.revoke_device(INN, DEVICE, by=INNWATCH, now=NOON)
    await world.store.suspend_hotel(LODGE, by=INNWATCH, now=NOON)
    world.clock.pass_(seconds=6)

    reasons = {}
    for name, token in {"stale": stale, "nobody": of_nobody, "voided": voided, "suspended": suspended}.items():
        answer = await say(world, "heartbeat", HEARTBEAT, token=token)
        reasons[name] = (answer.status_code, answer.json()["type"].rpartition(":")[2])

    revoked = (401, "token-revoked")
    assert reasons == {"stale": (401, "token-expired"), "nobody": revoked, "voided": revoked, "suspended": revoked}
    assert await left(world) == []


async def test_while_the_bridge_is_away_too_long_a_device_is_told_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "OF_DEVICE", 2)
    for _ in range(2):
        await say(world, "heartbeat", HEARTBEAT)

    refused = await say(world, "heartbeat", HEARTBEAT)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    assert (await say(world, "heartbeat", HEARTBEAT, token=world.device(LODGE))).status_code == 200


async def test_a_device_that_never_stops_talking_is_slowed_down_alone(world: World) -> None:
    for _ in range(telemetry.PER_DEVICE.burst):
        assert (await say(world, "alert/battery", {"deviceId": "tab-1", "level": 12})).status_code == 200

    refused = await say(world, "alert/battery", {"deviceId": "tab-1", "level": 12})

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert (await say(world, "heartbeat", HEARTBEAT, token=world.device(LODGE))).status_code == 200
    world.clock.pass_(seconds=1)
    assert (await say(world, "heartbeat", HEARTBEAT)).status_code == 200
