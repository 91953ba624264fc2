"""What is published to a broker that may go away: in order and at least once, or soon and perhaps not at all."""

import asyncio
from typing import cast

import pytest

from device_bridge import outgoing
from device_bridge.mqtt_wire import Wire, WireLost
from device_bridge.outgoing import Announcements, Receipts
from tests.support import eventually


class Line:
    """A wire that remembers what was published, and acknowledges when it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, str]] = []
        self.is_broken = False

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        if self.is_broken:
            raise WireLost("broken")
        self.sent.append((len(self.sent) + 1, payload.decode()))
        return len(self.sent)

    @property
    def said(self) -> list[str]:
        return [text for _, text in self.sent]


def wire(line: Line) -> Wire:
    """As much of a Wire as is used."""
    return cast("Wire", line)


async def announce(announcements: Announcements, *texts: str) -> None:
    for text in texts:
        await announcements.publish("t", text.encode())


async def test_announcements_wait_for_the_broker_and_go_out_in_order() -> None:
    announcements, line = Announcements(), Line()
    await announce(announcements, "a", "b")
    announcements.attach(wire(line))
    await announce(announcements, "c")
    assert line.said == ["a", "b", "c"]


async def test_what_a_lost_connection_left_unacknowledged_goes_out_again_first() -> None:
    announcements, first, second = Announcements(), Line(), Line()
    announcements.attach(wire(first))
    await announce(announcements, "a", "b", "c")
    assert announcements.published(1)
    first.is_broken = True
    await announce(announcements, "d")
    announcements.detach()
    await announce(announcements, "e")
    announcements.attach(wire(second))
    assert second.said == ["b", "c", "d", "e"]
    assert len(announcements) == 4


async def test_acknowledged_means_all_that_was_published_before_and_not_what_comes_later() -> None:
    announcements, line = Announcements(), Line()
    announcements.attach(wire(line))
    await announce(announcements, "a", "b")
    waiting = asyncio.ensure_future(announcements.acknowledged())
    await asyncio.sleep(0)
    await announce(announcements, "c")
    announcements.published(2)
    await asyncio.sleep(0)
    assert not waiting.done()
    announcements.published(1)
    async with asyncio.timeout(1):
        await waiting


async def test_whoever_announces_faster_than_the_broker_takes_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "_MOST", 3)
    announcements, line = Announcements(), Line()
    announcements.attach(wire(line))
    flood = asyncio.ensure_future(announce(announcements, *map(str, range(10))))
    await eventually(lambda: len(line.sent) == 3)
    await asyncio.sleep(0)
    assert not flood.done()
    for number in range(1, 8):
        announcements.published(number)
        await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await flood


async def test_receipts_are_lost_while_the_broker_is_away_and_never_wait_for_it() -> None:
    lost: list[None] = []
    receipts, line = Receipts(lost=lambda: lost.append(None)), Line()
    await receipts.publish("t", b"a")
    receipts.attach(wire(line))
    await receipts.publish("t", b"b")
    line.is_broken = True
    await receipts.publish("t", b"c")
    assert (line.said, len(lost)) == (["b"], 2)


async def test_a_broker_that_takes_no_receipts_costs_half_a_second_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "_MOST_RECEIPTS", 2)
    monkeypatch.setattr(outgoing, "_PATIENCE_S", 0.05)
    lost: list[None] = []
    receipts, line = Receipts(lost=lambda: lost.append(None)), Line()
    receipts.attach(wire(line))
    async with asyncio.timeout(1):
        for _ in range(100):
            await receipts.publish("t", b"r")
    assert (len(line.sent), len(lost)) == (2, 98)
    receipts.published(1)
    await receipts.publish("t", b"again")
    assert line.said[-1] == "again"


async def test_receipts_go_on_when_there_is_room_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "_MOST_RECEIPTS", 1)
    receipts, line = Receipts(lost=lambda: pytest.fail("lost")), Line()
    receipts.attach(wire(line))
    await receipts.publish("t", b"a")
    waiting = asyncio.ensure_future(receipts.publish("t", b"b"))
    await asyncio.sleep(0)
    receipts.published(1)
    async with asyncio.timeout(1):
        await waiting
    assert line.said == ["a", "b"]
