"""A time in which we were not listening: told as blindness, and held against no tablet."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broker.topics import Kind
from device_bridge.hearing import Hearing
from device_bridge.monitor import COMES_AND_GOES
from device_bridge.uplink import Nearby
from rules.alerts import AlertStatus
from rules.inputs import InputKind
from tests.device_bridge.given import HOTEL, START, House, Post, beside, heartbeat
from tests.device_bridge.test_outages import judged_again
from tests.support import eventually


async def beat(house: House, number: int) -> None:
    body = heartbeat(f"aa:bb:cc:dd:ee:{number - 100:02}", ts=house.clock.at)
    post = Post(Kind.HEARTBEAT, body, device=f"tab-{number}")
    house.queue.offer(post)
    await eventually(lambda: post.settled)


async def silent(house: House) -> list[str]:
    page = await house.store.alerts(HOTEL, status=AlertStatus.OPEN)
    return [alert.device_id for alert in page.items]


def gaps(house: House) -> list[bytes]:
    with closing(sqlite3.connect(house.path)) as database:
        rows = database.execute("SELECT body FROM message WHERE kind = ? ORDER BY id", (InputKind.WATCHING,))
        return [body for (body,) in rows if body != b"{}"]


def monitor(house: House) -> list[tuple[str, float, str | None]]:
    """What the events say of it: the state, since how many seconds after the start, and why."""
    events = [event for event in house.published.on("/events") if event["type"] == "monitor.changed"]
    return [(e["data"]["state"], _seconds(e["data"]["since"]), e["data"]["why"]) for e in events]


def _seconds(text: str) -> float:
    return (datetime.fromisoformat(text) - START).total_seconds()


@pytest.fixture
async def later(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose bridge heard two tablets at its start, and comes back ten minutes after it ended."""
    house = House(tmp_path / "innwatch.db")
    await house.open()
    async with beside(house.bridge.run()):
        await beat(house, 101)
        await beat(house, 102)
        house.clock.advance(5)
        await beat(house, 101)
        await eventually(house.store.listened)
    await house.store.keep_listening(until=house.clock.at)  # now that the bridge does not note what it last saw
    await house.store.close()
    again = House(house.path)
    again.clock.at = house.clock.at + timedelta(seconds=600)
    await again.open()
    async with beside(again.bridge.run()):
        yield again
    await again.store.close()


async def test_after_a_time_in_which_nobody_ran_it_was_blind_and_now_watches(later: House) -> None:
    await eventually(lambda: len(monitor(later)) == 2)
    assert monitor(later) == [("blind", 5, "Innwatch was not running"), ("watching", 605, None)]
    said = [(body["state"], _seconds(body["since"])) for body in later.published.on("grand/monitor")]
    assert said[:2] == [("blind", 5), ("watching", 605)]


async def test_the_tablet_that_is_not_back_a_minute_later_is_found_and_no_other(later: House) -> None:
    (gap,) = await eventually(lambda: gaps(later))
    assert gap == b'{"since":"2026-11-22T03:00:05Z","until":"2026-11-22T03:10:05Z"}'
    await beat(later, 101)
    for _ in range(4):
        later.clock.advance(14.9)
        await beat(later, 101)
    assert await silent(later) == []
    later.clock.advance(1)
    assert await eventually(lambda: silent(later)) == ["tab-102"]
    (alert,) = (await later.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    assert [(why.because.value, why.observed) for why in alert.why] == [("nothing-heard", 65), ("not-listening", 600)]


async def test_a_gap_is_counted_once_however_often_we_start(later: House) -> None:
    await eventually(lambda: gaps(later))
    again = House(later.path)
    again.clock.at = later.clock.at + timedelta(seconds=3)
    await again.open()
    async with beside(again.bridge.run()):
        await eventually(lambda: again.published.on("grand/monitor"))
        state = (await again.store.load_hotel(HOTEL)).devices[0].state
    assert state.deaf_s == 600
    await again.store.close()


async def test_a_broker_that_was_away_makes_nobody_silent(tmp_path: Path) -> None:
    house = House(tmp_path / "innwatch.db")
    hearing = Hearing.always(now=house.clock.now)
    house.uplink = Nearby(house.published, hearing=hearing, retained=house.retained)
    await house.open()
    async with beside(house.bridge.run()):
        await beat(house, 101)
        await eventually(lambda: monitor(house))
        hearing.ends("it is gone")
        house.clock.advance(600)
        await eventually(lambda: ("blind", 0, "the broker does not answer") in monitor(house))
        hearing.begins()
        await eventually(lambda: monitor(house)[-1] == ("watching", 600, None))
        await eventually(lambda: gaps(house))
        assert await silent(house) == []
        house.clock.advance(62)
        assert await eventually(lambda: silent(house)) == ["tab-101"]
    await house.store.close()


@pytest.mark.parametrize("seconds", [6, 30], ids=["too short to count", "a gap"])
async def test_a_machine_that_stood_still_gives_its_tablets_the_time_to_come_back(house: House, seconds: float) -> None:
    await beat(house, 101)
    await eventually(lambda: monitor(house))
    house.clock.ticks += seconds
    house.clock.advance(seconds)
    await eventually(lambda: house.bridge._watch.watching_since == house.clock.at)
    house.clock.advance(58)
    await beat(house, 102)
    assert (await silent(house), len(gaps(house))) == ([], int(seconds > 10))
    house.clock.advance(3)
    assert await eventually(lambda: silent(house)) == ["tab-101"]


@pytest.mark.parametrize("is_there_at_first", [True, False], ids=["it goes away", "it is not there yet"])
async def test_however_long_there_is_no_broker_we_watch_when_there_is(
    tmp_path: Path, *, is_there_at_first: bool
) -> None:
    """Nothing is noted meanwhile, which is no sign of a database that does not answer."""
    house = House(tmp_path / "innwatch.db")
    hearing = Hearing(now=house.clock.now)
    house.uplink = Nearby(house.published, hearing=hearing, retained=house.retained)
    await house.open()
    async with beside(house.bridge.run()):
        if is_there_at_first:
            hearing.begins()
            await eventually(lambda: not house.bridge.problems())
            hearing.ends("it is gone")
        house.clock.ticks += 60
        house.clock.advance(60)
        await eventually(house.bridge.problems)
        hearing.begins()
        await eventually(lambda: not house.bridge.problems())
    await house.store.close()


@pytest.mark.parametrize("away", [3, 15], ids=["too short to count", "a gap"])
async def test_a_link_that_comes_and_goes_hides_nobody_for_ever(tmp_path: Path, away: float) -> None:
    house = House(tmp_path / "innwatch.db")
    hearing = Hearing.always(now=house.clock.now)
    house.uplink = Nearby(house.published, hearing=hearing, retained=house.retained)
    await house.open()
    async with beside(house.bridge.run()):
        watch = house.bridge._watch
        await beat(house, 101)
        await beat(house, 102)
        for _ in range(5):
            hearing.ends("it is gone")
            house.clock.advance(away)
            hearing.begins()
            assert watch.is_listening()
            house.clock.advance(50)
            await beat(house, 101)
        assert await silent(house) == []
        while not watch.is_impatient:
            hearing.ends("it is gone")
            house.clock.advance(away)
            hearing.begins()
            assert watch.is_listening()
            assert (house.clock.at - START).total_seconds() < 600
            house.clock.advance(50)
            await beat(house, 101)
        assert await eventually(lambda: silent(house)) == ["tab-102"]
        await eventually(lambda: monitor(house)[-1][::2] == ("degraded", COMES_AND_GOES))
        assert COMES_AND_GOES in house.bridge.problems()

        house.clock.advance(15)  # a stretch that is long enough
        await beat(house, 101)
        await eventually(lambda: monitor(house)[-1][0] == "watching")
    (alert,) = await house.store.open_alerts(HOTEL)
    assert await judged_again(house) == {"tab-102": alert.why}
    await house.store.close()
