"""A running broker for each test, on both event loops that it is meant for."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

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
