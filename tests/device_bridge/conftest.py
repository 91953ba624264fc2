"""A house with a bridge that runs, for each test its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.device_bridge.given import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path / "innwatch.db")
    await house.open()
    running = asyncio.ensure_future(house.bridge.run())
    try:
        yield house
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await house.store.close()
