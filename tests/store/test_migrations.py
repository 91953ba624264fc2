"""The schema's way up and down on both databases, with data in it; and who waits for whom."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from msgspec.structs import replace
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from store import Limits, LocalDoorbell, SchemaTooNew, SchemaTooOld, Store, StoreUnavailable, schema
from store.postgres import dsn_of
from store.records import EventType, HotelFacts, Installation
from store.tables import Base
from tests.store.given import HOTEL, MAIL, ON_POSTGRESQL, add_hotel, batch, heartbeat, open_at, opened
from tests.store.test_tenancy import one_of_everything
from tests.support import PostgreSQL

ByHand = Callable[[str], str]

TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}


async def move(url: str, revision: str = schema.HEAD, *, limits: Limits | None = None) -> None:
    await asyncio.to_thread(schema.move_to, url, revision, limits=limits or Limits())


async def test_a_downgrade_takes_everything_away_and_an_upgrade_brings_it_back(
    url: str, kind: str, by_hand: ByHand
) -> None:
    store = await open_at(url)
    await add_hotel(store, channels=[MAIL])
    await one_of_everything(store)
    await store.close()

    await move(url, "base")
    left = by_hand(TABLES[kind]).split()
    again = await open_at(url)
    (device, _) = await add_hotel(again)
    await again.apply(batch(heartbeat(device, "m-1"), changes=[opened(device)]))
    await again.close()

    assert left == ["alembic_version"]


@pytest.mark.parametrize("revision", schema.REVISIONS[:-1])
async def test_what_an_older_schema_knew_is_there_after_the_way_down_and_up_again(url: str, revision: str) -> None:
    store = await open_at(url)
    await add_hotel(store, channels=[MAIL])
    await one_of_everything(store)
    before = await everything(store)
    await store.close()

    await move(url, revision)
    assert await asyncio.to_thread(schema.revision_of, url) == revision
    again = await open_at(url)

    assert await everything(again) == before
    await again.close()


NEW = EventType.PMS_RECEIVED
"""What an older schema has no word for: `tests/store/test_way_back.py` is about such."""


def _as_ever(installation: Installation) -> list[HotelFacts]:
    """Without what a tablet's row has since 0005, and the windows since 0006: an older schema can keep none of it."""
    return [
        replace(
            hotel,
            devices=tuple(
                replace(row, device=replace(row.device, legacy=False, token_issued_at=None, token_expires_at=None))
                for row in hotel.devices
            ),
            windows=(),
        )
        for hotel in installation.hotels
    ]


async def everything(store: Store) -> list[object]:
    return [
        _as_ever(await store.load()),
        await store.alerts(HOTEL),
        [event.id for event in await store.events_after(HOTEL, 0, limit=100) if event.type is not NEW],
        await store.notifications(HOTEL),
        [row.id async for row in store.messages(HOTEL)],
        await store.quarantine(HOTEL),
        await store.orphans(HOTEL),
        await store.members(HOTEL),
    ]


async def test_a_newer_schema_is_refused_and_left_alone(url: str, by_hand: ByHand) -> None:
    by_hand("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaTooNew, match="9999") as refused:
        await open_at(url)
    with pytest.raises(SchemaTooNew, match="9999"):
        await move(url)

    assert refused.value.known == schema.HEAD
    assert await asyncio.to_thread(schema.revision_of, url) == "9999"


async def test_an_old_schema_is_refused_where_migrating_is_somebody_elses_task(url: str) -> None:
    await move(url, schema.REVISIONS[0])

    with pytest.raises(SchemaTooOld, match=schema.REVISIONS[0]):
        await Store.open(url, doorbell=LocalDoorbell(), migrate=False)

    assert await asyncio.to_thread(schema.revision_of, url) == schema.REVISIONS[0]


@pytest.mark.server
async def test_several_that_open_an_empty_database_at_once_all_succeed(postgresql: PostgreSQL) -> None:
    url = await asyncio.to_thread(postgresql.database)
    stores = await asyncio.gather(*(open_at(url) for _ in range(4)))

    await add_hotel(stores[0])
    assert len(await stores[-1].hotels()) == 1
    for store in stores:
        await store.close()
    postgresql.drop(url)


@ON_POSTGRESQL
async def test_a_migration_waits_for_another_one_and_is_told_when_that_takes_too_long(url: str) -> None:
    await move(url, "base")
    other = await asyncpg.connect(dsn_of(url))
    await other.execute("SELECT pg_advisory_lock($1)", schema.TURN)

    with pytest.raises(StoreUnavailable, match="lock timeout"):
        await move(url, limits=Limits(lock_timeout=timedelta(milliseconds=50)))
    moving = asyncio.ensure_future(move(url))
    await other.close()

    await moving
    assert await asyncio.to_thread(schema.revision_of, url) == schema.HEAD


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        await open_at("postgresql://innwatch@127.0.0.1:1/innwatch")


@pytest.mark.server
async def test_a_database_that_is_not_there_is_unavailable(postgresql: PostgreSQL) -> None:
    with pytest.raises(StoreUnavailable, match="does not exist"):
        await open_at(postgresql.url("nowhere"))


OF_DAYS = ("message", "minute")
"""Tables that go by days there, and are made by hand; `tests/store/test_days.py` is about them."""


@ON_POSTGRESQL
async def test_the_migrations_make_on_postgresql_what_the_tables_say(url: str) -> None:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), poolclass=NullPool)
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()

    assert differences == []


def _differences(connection: Connection) -> list[Any]:
    def is_alike(thing: Any, name: str | None, type_: str, *_: object) -> bool:  # noqa: ANN401 - as Alembic calls it
        table = name if type_ == "table" else thing.table.name
        return not str(table).startswith(OF_DAYS)

    context = MigrationContext.configure(connection, opts={"include_object": is_alike, "compare_type": True})
    return list(compare_metadata(context, Base.metadata))


@ON_POSTGRESQL
async def test_every_word_that_is_ordered_goes_by_its_bytes(url: str, by_hand: ByHand) -> None:
    ids = "character_maximum_length = 64 AND table_schema = 'public' AND table_name <> 'lease'"
    found = by_hand(f"SELECT DISTINCT collation_name FROM information_schema.columns WHERE {ids}")  # noqa: S608
    assert found == "C"
