"""Fixtures of the API's tests."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from api import ApiSettings
from store import LocalDoorbell
from tests.api.support import Furnished, World, furnished, page_in


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
async def same_world(tmp_path_factory: pytest.TempPathFactory, hotels: Furnished) -> AsyncIterator[World]:
    """One for all tests of a module that change nothing: making the API takes longer than most tests."""
    folder = tmp_path_factory.mktemp("world")
    settings = ApiSettings(mqtt_port=1884, console=page_in(folder / "console"))
    async with hotels.world(folder, doorbell=LocalDoorbell(), settings=settings) as world:
        yield world


@pytest.fixture
async def world(tmp_path: Path, hotels: Furnished, settings: ApiSettings) -> AsyncIterator[World]:
    async with hotels.world(tmp_path, doorbell=LocalDoorbell(), settings=settings) as world:
        yield world
