"""Fixtures of the API's tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from api import ApiSettings
from broker.shared_token import SharedToken
from store import LocalDoorbell
from tests.api.support import Furnished, MakeWorld, World, furnished, page_in


@pytest.fixture
def settings(tmp_path: Path) -> ApiSettings:
    return ApiSettings(
        mqtt_port=1884,
        metrics_token="let the machines in",
        console=page_in(tmp_path / "console"),
        keep_alive=timedelta(seconds=1),
    )


@pytest.fixture(scope="session")
def hotels(tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    return asyncio.run(furnished(tmp_path_factory.mktemp("hotels") / "innwatch.db"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting_world(tmp_path_factory: pytest.TempPathFactory, hotels: Furnished) -> AsyncIterator[MakeWorld]:
    """Make one that lasts as long as the module, with these settings: making the API takes longer than most tests."""
    async with AsyncExitStack() as stack:

        async def make(*, shared_token: SharedToken | None = None) -> World:
            folder = tmp_path_factory.mktemp("world")
            settings = ApiSettings(mqtt_port=1884, console=page_in(folder / "console"), shared_token=shared_token)
            return await stack.enter_async_context(hotels.world(folder, doorbell=LocalDoorbell(), settings=settings))

        yield make


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def same_world(lasting_world: MakeWorld) -> World:
    """One for all tests of a module that change nothing."""
    return await lasting_world()


@pytest.fixture
async def world(tmp_path: Path, hotels: Furnished, settings: ApiSettings) -> AsyncIterator[World]:
    async with hotels.world(tmp_path, doorbell=LocalDoorbell(), settings=settings) as world:
        yield world
