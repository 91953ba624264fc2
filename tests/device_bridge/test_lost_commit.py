"""A commit whose answer was lost: what the bridge believes is what the database has, whichever way it went."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker.topics import Kind, Topic
from rules.alerts import AlertStatus
from rules.ids import RoomId
from store import schema
from tests.device_bridge.given import FOREIGN, HOTEL, House, Post, heartbeat
from tests.store.line import Line, line_to
from tests.support import PostgreSQL, eventually

pytestmark = pytest.mark.server


@pytest.fixture
def url(postgresql: PostgreSQL) -> Iterator[str]:
    made = postgresql.database(postgresql.template("store", schema.move_to))
    yield made
    postgresql.drop(made)


@pytest.fixture
async def line(url: str) -> AsyncIterator[Line]:
    async with line_to(url) as line:
        yield line


@pytest.fixture
async def house(tmp_path: Path, line: Line) -> AsyncIterator[House]:
    house = House(tmp_path)
    house.url = line.url
    await house.open()
    running = asyncio.ensure_future(house.bridge.run())
    try:
        yield house
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await house.store.close()


async def send(house: House, name: str, bssid: str | None = None) -> None:
    body = heartbeat(id=name) if bssid is None else heartbeat(bssid, id=name)
    post = Post(Kind.HEARTBEAT, body)
    house.queue.offer(post)
    await eventually(lambda: post.settled == 1, within=10)
    house.clock.advance(5)


@pytest.mark.parametrize("delivered", [True, False])
async def test_an_alert_that_opened_in_it_opens_once_and_ends(house: House, line: Line, delivered: bool) -> None:
    names = [f"m-{number}" for number in range(12)]
    for name in names[:2]:
        await send(house, name, FOREIGN)
    line.break_at(b"COMMIT\0", delivered=delivered)
    await send(house, names[2], FOREIGN)

    (alert,) = (await house.store.alerts(HOTEL, status=AlertStatus.OPEN)).items
    for name in names[3:]:
        await send(house, name)

    assert [(one.id, one.status) for one in (await house.store.alerts(HOTEL)).items] == [
        (alert.id, AlertStatus.RESOLVED)
    ]
    assert await house.stored() == names


@pytest.mark.parametrize("delivered", [True, False])
async def test_a_check_out_in_it_is_taken_once(house: House, line: Line, delivered: bool) -> None:
    await send(house, "m-1")
    house.clock.advance(60)
    await eventually(lambda: _has_fallen_silent(house), within=10)
    word = Post(Kind.PMS_IN, {"id": "w-1", "ts": house.clock.at, "roomId": "101"})
    word.topic = Topic(Kind.PMS_IN, HOTEL, "opera", "checkout")
    line.break_at(b"COMMIT\0", delivered=delivered)
    house.queue.offer(word)
    await eventually(lambda: word.settled == 1, within=10)

    assert len((await house.store.clearances(HOTEL)).items) == 1
    guards = [one for one in (await house.store.alerts(HOTEL)).items if one.rule == "checkout.guard"]
    assert len(guards) == 1
    assert (await house.store.room_status(HOTEL, RoomId("101"))).occupied is False


async def _has_fallen_silent(house: House) -> bool:
    return bool((await house.store.alerts(HOTEL)).items)
