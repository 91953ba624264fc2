"""An open store for each test, in a file of its own."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store import Store, schema
from tests.store.given import open_store


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the schema and nothing else: copying it is quicker than making it."""
    path = tmp_path_factory.mktemp("migrated") / "innwatch.db"
    schema.move_to(path)
    return path


@pytest.fixture
async def store(tmp_path: Path, migrated: Path) -> AsyncIterator[Store]:
    shutil.copy(migrated, tmp_path)
    opened = await open_store(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def second(tmp_path: Path, store: Store) -> AsyncIterator[Store]:
    """Another store on the same file: as good as another process."""
    opened = await open_store(tmp_path)
    yield opened
    await opened.close()
