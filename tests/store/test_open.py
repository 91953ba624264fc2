"""Opening a database: made where it is missing, migrated where it is old, left alone where it is too new."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from store import LocalDoorbell, SchemaTooOld, Store, StoreUnavailable, schema
from store.tables import Base
from tests.store.given import HOTEL, ON_SQLITE, add_hotel, batch, open_store, url_of, writer_of


def statements(path: Path) -> dict[str, set[str]]:
    """What makes each table and index, without layout, quotes and the order of the constraints.

    Triggers stand in the migrations alone: a table of SQLAlchemy knows of none.
    """
    with closing(sqlite3.connect(path)) as raw:
        rows = raw.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type <> 'trigger' AND sql IS NOT NULL AND name <> 'alembic_version'"
        )
        return {name: parts(sql) for name, sql in rows}


def parts(sql: str) -> set[str]:
    flat = " ".join(sql.replace('"', "").split()).replace(") WITHOUT ROWID", ", WITHOUT ROWID")
    return {part.strip(" )") for part in flat.split(",")}


async def test_a_new_file_is_made_and_what_is_stored_is_there_again(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await add_hotel(store)
    await store.close()

    again = await open_store(tmp_path)
    hotels = await again.hotels()
    await again.close()

    assert [hotel.id for hotel in hotels] == [HOTEL]


@ON_SQLITE
async def test_a_commit_is_on_disk_when_it_returns(store: Store, tmp_path: Path) -> None:
    writer = writer_of(store)
    synchronous = await writer.hop(lambda raw: raw.execute("PRAGMA synchronous").fetchone())
    with closing(sqlite3.connect(tmp_path / "innwatch.db")) as other:
        (journal,) = other.execute("PRAGMA journal_mode").fetchone()

    assert synchronous == (2,)  # FULL
    assert journal == "wal"


@pytest.mark.parametrize("count", [2, 6])
async def test_several_that_open_a_new_file_at_once_all_succeed(tmp_path: Path, count: int) -> None:
    stores = await asyncio.gather(*(open_store(tmp_path) for _ in range(count)))

    await add_hotel(stores[0])
    assert len(await stores[-1].hotels()) == 1
    for store in stores:
        await store.close()


async def test_an_old_schema_is_refused_where_migrating_is_somebody_elses_task(tmp_path: Path) -> None:
    with pytest.raises(SchemaTooOld):
        await Store.open(url_of(tmp_path), doorbell=LocalDoorbell(), migrate=False)

    assert not (tmp_path / "innwatch.db").exists()


async def test_a_database_that_another_process_holds_is_unavailable_to_a_migration(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "innwatch.db", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL").fetchall()
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreUnavailable, match="locked"):
            await open_store(tmp_path, lock_timeout=timedelta(milliseconds=30))


@pytest.mark.parametrize("name", ["a%20b", "what?", "a b#c", "ünïcode"])
async def test_a_folder_may_be_named_as_it_likes(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()

    store = await open_store(folder)
    await add_hotel(store)
    await store.close()

    assert (folder / "innwatch.db").stat().st_size > 0


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like one" * 100])
async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "innwatch.db").write_bytes(content)

    with pytest.raises(StoreUnavailable):
        await open_store(tmp_path)

    assert (tmp_path / "innwatch.db").read_bytes() == content


async def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await open_store(tmp_path / "missing")


@pytest.mark.parametrize(
    "url", ["sqlite:///x.db", "mysql://db/innwatch", "sqlite+aiosqlite:///", "x.db", "postgresql://"]
)
async def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        await Store.open(url, doorbell=LocalDoorbell())


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    await store.close()
    await store.close()

    with pytest.raises(StoreUnavailable):
        await store.hotels()
    with pytest.raises(StoreUnavailable):
        await store.apply(batch())


async def test_the_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    await (await open_store(tmp_path)).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'tables.db'}")
    Base.metadata.create_all(engine)
    engine.dispose()

    assert statements(tmp_path / "innwatch.db") == statements(tmp_path / "tables.db")


def test_the_known_revisions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))

    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert tuple(reversed(revisions)) == schema.REVISIONS


def test_a_start_with_nothing_to_migrate_loads_neither_alembic_nor_sqlalchemy(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys; from store import LocalDoorbell, Store\n"
        "async def main():\n"
        f"    store = await Store.open({url_of(tmp_path)!r}, doorbell=LocalDoorbell())\n"
        "    await store.close()\n"
        "asyncio.run(main()); print(sorted({'alembic', 'sqlalchemy'} & set(sys.modules)))"
    )

    first, second = (
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    )

    assert first.strip() == "['alembic', 'sqlalchemy']"
    assert second.strip() == "[]"
