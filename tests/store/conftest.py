"""An open store for each test, on each database: in a file of its own, and in a database of its own on a server."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from store import Store, schema
from tests.store.given import open_at, url_of
from tests.support import PostgreSQL


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database. A test of SQLite alone says `@ON_SQLITE`, and of PostgreSQL `@ON_POSTGRESQL`."""
    return str(request.param)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the schema and nothing else: copying it is quicker than making it."""
    folder = tmp_path_factory.mktemp("migrated")
    schema.move_to(url_of(folder))
    return folder / "innwatch.db"


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with the schema and nothing else."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("migrated"), tmp_path)
        yield url_of(tmp_path)
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        made = server.database(server.template("store", schema.move_to))
        yield made
        server.drop(made)


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await open_at(url)
    yield opened
    await opened.close()


@pytest.fixture
def by_hand(kind: str, url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Run a statement behind the store's back; what it finds comes as text."""
    if kind == "sqlite":
        return partial(_by_hand, tmp_path / "innwatch.db")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return partial(server.sql, database=url.rpartition("/")[2])


def _by_hand(path: Path, statement: str) -> str:
    with closing(sqlite3.connect(path)) as raw, raw:
        return "\n".join("|".join(map(str, row)) for row in raw.execute(statement))


@pytest.fixture
async def second(url: str, store: Store) -> AsyncIterator[Store]:
    """Another store on the same database: as good as another process."""
    opened = await open_at(url)
    yield opened
    await opened.close()
