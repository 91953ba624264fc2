"""A running broker for each test, on both event loops that it is meant for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import uvloop

from tests.broker.cage import Cage, OpenCage, caged
from tests.broker.house import House, Openings


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A broker with default limits and a quick tick."""
    async with House.open() as opened:
        yield opened


@pytest.fixture
async def open_house() -> AsyncIterator[Openings]:
    """Open a broker with other settings: `await open_house(in_flight=2)`."""
    openings = Openings()
    try:
        yield openings
    finally:
        await openings.close()


@pytest.fixture
async def cage(house: House, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Cage]:
    """A house with a canary, in which nothing may be left at the end."""
    async with caged(house, caplog) as opened:
        yield opened


@pytest.fixture
async def open_cage(open_house: Openings, caplog: pytest.LogCaptureFixture) -> AsyncIterator[OpenCage]:
    """The same with other settings: `await open_cage(in_flight=2)`."""
    async with AsyncExitStack() as stack:

        async def opened(**limits: Any) -> Cage:  # noqa: ANN401, BrokerSettings' fields
            return await stack.enter_async_context(caged(await open_house(**limits), caplog))

        yield opened
