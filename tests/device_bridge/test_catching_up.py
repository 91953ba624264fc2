"""What a heartbeat as usual changes is written later, and nobody can tell."""

import sqlite3
from contextlib import closing

import msgspec
import pytest

from broker.topics import Kind
from device_bridge import catching_up
from rules.state import DeviceState, LinkState
from tests.device_bridge.given import FOREIGN, HOTEL, TABLET, House, Post, heartbeat
from tests.support import eventually


async def beat(house: House, *, seconds: float = 5, device: str = TABLET, **fields: object) -> None:
    house.clock.advance(seconds)
    bssid = fields.pop("bssid", f"aa:bb:cc:dd:ee:{int(device[-3:]) - 100:02}")
    post = Post(Kind.HEARTBEAT, heartbeat(str(bssid), **({"battery": 80} | fields)), device=device)  # type: ignore[arg-type]
    house.queue.offer(post)
    await eventually(lambda: post.settled)


def written(house: House, device: str = TABLET) -> DeviceState:
    """The state as it stands in its row."""
    with closing(sqlite3.connect(house.path)) as raw, raw:
        rows = raw.execute(
            "SELECT state FROM device_state JOIN device ON device.key = device_key WHERE device.id = ?", (device,)
        ).fetchall()
    return msgspec.msgpack.decode(rows[0][0], type=DeviceState)


def upto(house: House) -> int:
    with closing(sqlite3.connect(house.path)) as raw, raw:
        ((found,),) = raw.execute("SELECT upto FROM caught_up").fetchall()
    return int(found)


async def read(house: House, device: str = TABLET) -> DeviceState:
    row = await house.store.device(HOTEL, device)  # type: ignore[arg-type]
    assert row is not None
    return row.state


async def test_a_heartbeat_as_usual_does_not_write_the_state_and_is_read_in_it(house: House) -> None:
    await beat(house)
    seen = house.clock.at

    await beat(house, seconds=1, rssi=-57, battery=79)

    assert (written(house).last_heard, written(house).rssi) == (seen, -55)
    state = await read(house)
    assert (state.last_heard, state.rssi, state.battery) == (house.clock.at, -57, 79)


async def test_whatever_else_a_message_changes_is_written_with_it(house: House) -> None:
    await beat(house)
    await beat(house, seconds=1)
    await beat(house, seconds=1, bssid=FOREIGN)
    assert written(house) == await read(house)
    assert written(house).access_point.out_since == house.clock.at

    state = Post(Kind.STATE, {"id": "s-1", "ts": house.clock.at, "state": "bye", "reason": "reboot"})
    house.queue.offer(state)
    await eventually(lambda: state.settled)
    assert written(house).link is LinkState.AWAY


async def test_a_bridge_that_was_killed_has_its_states_again(house: House) -> None:
    for number in range(4):
        await beat(house, seconds=1, rssi=-50 - number)
        await beat(house, seconds=1, device="tab-102", battery=90 - number)
    assert written(house) != await read(house)
    before = [await read(house), await read(house, "tab-102")]

    loaded = {row.device.id: row.state for row in (await house.store.load()).hotels[0].devices}

    assert [loaded[TABLET], loaded["tab-102"]] == before  # type: ignore[index]
    assert before[0].rssi == -53


async def test_after_a_while_the_states_catch_up(house: House) -> None:
    await beat(house)
    await beat(house, seconds=1, device="tab-102")
    await beat(house, seconds=1, rssi=-57)
    assert upto(house) == 0

    await beat(house, seconds=catching_up.EVERY.total_seconds())
    await eventually(lambda: upto(house) > 0)

    assert written(house) == await read(house)
    assert written(house, "tab-102") == await read(house, "tab-102")
    assert upto(house) == await house.store.newest_message()


async def test_they_catch_up_a_slice_at_a_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "SLICE", 1)
    for device in ("tab-101", "tab-102", "tab-103"):
        await beat(house, seconds=0.5, device=device)
        await beat(house, seconds=0.5, device=device, rssi=-57)
    await beat(house, seconds=catching_up.EVERY.total_seconds())
    await eventually(lambda: written(house).last_heard == house.clock.at)
    assert upto(house) == 0

    await beat(house, seconds=1)
    await beat(house, seconds=1)
    await eventually(lambda: upto(house) > 0)

    assert [written(house, device).rssi for device in ("tab-102", "tab-103")] == [-57, -57]


async def test_a_state_that_the_database_refuses_keeps_nobody_from_being_heard(house: House) -> None:
    await beat(house)
    house.execute("create trigger poison before update on device_state begin select raise(abort, 'no'); end")
    await beat(house, seconds=catching_up.EVERY.total_seconds() + 1, rssi=-57)
    await beat(house, seconds=1, rssi=-58)
    assert (await read(house)).rssi == -58
    assert upto(house) == 0

    house.execute("drop trigger poison")
    await beat(house, seconds=catching_up.EVERY.total_seconds() + 1, rssi=-59)
    await eventually(lambda: upto(house) > 0)
    assert written(house).rssi == -59
