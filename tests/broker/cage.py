"""A canary beside whatever is done to a broker, and the question what is left of that."""

import asyncio
import logging
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from hypothesis import settings

from tests.broker.house import House
from tests.broker.raw import RawClient
from tests.fuzz.clients import remains
from tests.support import eventually

MOST = 100 * 1024 * max(1, (settings.default.max_examples if settings.default else 0) // 100)
"""KiB by which this process may grow while a broker is flooded. (Hypothesis remembers what it has tried.)"""


class Cage:
    """A canary that stays connected: it is heard in less than a second, and told what it asked for and nothing else.

    A second of this process, in which broker and clients run: what others take of a busy machine is not the broker's.
    """

    HEARD = 1.0  # seconds

    def __init__(self, house: House, canary: RawClient) -> None:
        self.house = house
        self._canary = canary
        self._numbers = count(1)

    async def sings(self) -> None:
        number = next(self._numbers)
        song, command = b"chirp %d" % number, b"sing %d" % number
        began = time.process_time()
        await self._canary.publish("hotels/h1/devices/canary/heartbeat", song, packet_id=number % 65_535 + 1)
        await self._canary.expect_puback(number % 65_535 + 1)
        await self.house.broker.publish("hotels/h1/devices/canary/command", command)
        assert (await self._canary.take())[:3] == ("hotels/h1/devices/canary/command", command, 1)
        assert time.process_time() - began < self.HEARD
        assert self.house.bridge.payloads.count(song) == 1
        self.house.bridge.got.clear()


OpenCage = Callable[..., Awaitable[Cage]]


@asynccontextmanager
async def caged(house: House, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Cage]:
    """Put a canary into a house. At the end nothing of anybody is left, and nothing went wrong in silence."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    canary = await house.connect(house.device("canary"))
    assert await canary.subscribe("hotels/h1/devices/canary/command") == [1]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield Cage(house, canary)
    await canary.disconnect()
    for client in house.clients:
        client.cut()
    await eventually(lambda: not house.open_sockets)  # who is refused late is let go late
    hub = house.broker._hub
    for session in list(hub.sessions.values()):
        hub.sessions.forget(session)
    for message in list(hub.retained):
        await house.broker.publish(message.topic, b"", retain=True)
    await eventually(lambda: not house.shelf.unwritten)
    assert remains(hub) == {}
    assert faults == []
    told = [*caplog.get_records("setup"), *caplog.get_records("call"), *caplog.records]
    assert [record.getMessage() for record in told if record.levelno >= logging.ERROR] == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST
