"""One of a crew, as the tests of the crew want it."""

import asyncio
import signal
import sys

from prometheus_client import CollectorRegistry, Counter, Gauge

from config.crew import as_member


class Lacking:
    def __init__(self, *things: str) -> None:
        self._things = things

    def problems(self) -> list[str]:
        return list(self._things)


async def sound() -> None:
    registry = CollectorRegistry()
    Counter("cups", "Tea made", registry=registry).inc()
    Gauge("hot", "Tea that is hot", registry=registry, multiprocess_mode="livemax").set(1)
    await as_member(_for_ever(), health=Lacking())


async def needy() -> None:
    await as_member(_for_ever(), health=Lacking("tea", "biscuits"))


async def broken() -> None:
    sys.exit(3)


async def stubborn() -> None:
    """Does not end when it is asked to."""
    working = asyncio.ensure_future(as_member(_for_ever(), health=Lacking()))
    await asyncio.sleep(0.1)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    asyncio.get_running_loop().remove_reader(0)
    await working


async def _for_ever() -> None:
    await asyncio.Event().wait()


def main(name: str) -> None:
    asyncio.run(globals()[name]())
