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

EMPTY = """
    DO $$
    DECLARE
        everything text;
        day text;
    BEGIN
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid();
        IF to_regclass('gathered') IS NULL THEN
            RETURN;
        END IF;
        FOR day IN SELECT inhrelid::regclass FROM pg_inherits
            WHERE inhparent IN ('message'::regclass, 'minute'::regclass)
        LOOP
            EXECUTE 'DROP TABLE ' || day;
        END LOOP;
        SELECT string_agg(tablename, ', ') INTO everything FROM pg_tables
            WHERE schemaname = 'public' AND tablename <> 'alembic_version';
        EXECUTE 'TRUNCATE ' || everything || ' RESTART IDENTITY';
        INSERT INTO caught_up (one, upto) VALUES (1, 0);
        INSERT INTO gathered (one, upto, target, device_key) VALUES (1, 0, 0, 0);
    END $$
"""
"""Ends who is still connected, and makes a database again what the migrations made."""


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


@pytest.fixture(scope="session")
def emptied() -> list[str]:
    """Databases that a test has used: emptying one takes a fifth of the time that a new one takes."""
    return []


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with the schema and nothing else."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("migrated"), tmp_path)
        yield url_of(tmp_path)
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        emptied: list[str] = request.getfixturevalue("emptied")
        made = emptied.pop() if emptied else server.database(server.template("store", schema.move_to))
        yield made
        if server.sql(EMPTY, "SELECT version_num FROM alembic_version", database=_name(made)) == schema.HEAD:
            emptied.append(made)
        else:
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
    return partial(server.sql, database=_name(url))


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _by_hand(path: Path, statement: str) -> str:
    with closing(sqlite3.connect(path)) as raw, raw:
        return "\n".join("|".join(map(str, row)) for row in raw.execute(statement))


@pytest.fixture
async def second(url: str, store: Store) -> AsyncIterator[Store]:
    """Another store on the same database: as good as another process."""
    opened = await open_at(url)
    yield opened
    await opened.close()
