"""An open store for each test, in a file of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store import Store
from tests.store.given import open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def second(tmp_path: Path, store: Store) -> AsyncIterator[Store]:
    """Another store on the same file: as good as another process."""
    opened = await open_store(tmp_path)
    yield opened
    await opened.close()
