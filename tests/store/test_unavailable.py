"""A database that is locked, full or read-only: nothing is written, the caller hears it, and later it works again."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from rules.ids import AlertId, MessageId, RoomId
from store import INNWATCH, Store, StoreUnavailable
from store.records import Room
from tests.store.given import (
    HOTEL,
    MAIL,
    NOW,
    ON_SQLITE,
    add_hotel,
    batch,
    heartbeat,
    online,
    open_store,
    opened,
    writer_of,
)
from tests.support import person

FEW = timedelta(milliseconds=30)


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[Store]:
    """A store that waits 30 ms for another writer."""
    opened_store = await open_store(tmp_path, lock_timeout=FEW)
    yield opened_store
    await opened_store.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "innwatch.db", isolation_level=None)) as connection:
        yield connection


async def test_a_locked_database_is_unavailable_to_writers_and_open_to_readers(
    impatient: Store, other: sqlite3.Connection
) -> None:
    (device, _) = await add_hotel(impatient)
    await impatient.apply(batch(heartbeat(device, "m-1"), changes=[opened(device)]))
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable, match="locked"):
        await impatient.apply(batch(heartbeat(device, "m-2")))
    with pytest.raises(StoreUnavailable):
        await impatient.acknowledge(HOTEL, AlertId("A1"), by=person("ann"), note=None, now=NOW)
    assert await impatient.known([(device.key, MessageId("m-1"))]) == {(device.key, "m-1")}
    assert len(await impatient.open_alerts(HOTEL)) == 1

    other.execute("ROLLBACK")
    await impatient.apply(batch(heartbeat(device, "m-2")))
    assert await impatient.count_messages(HOTEL) == 2


@ON_SQLITE
async def test_a_writer_waits_for_another_process_to_finish(store: Store, other: sqlite3.Connection) -> None:
    (device, _) = await add_hotel(store)
    other.execute("BEGIN IMMEDIATE")

    waiting = asyncio.gather(store.apply(batch(heartbeat(device, "m-1"))))
    for _ in range(3):
        await store.hotels()
        assert not waiting.done()
    other.execute("ROLLBACK")
    await waiting

    assert await store.count_messages(HOTEL) == 1


async def test_a_store_that_waits_for_a_lock_can_be_closed(tmp_path: Path, other: sqlite3.Connection) -> None:
    store = await open_store(tmp_path, lock_timeout=timedelta(minutes=10))
    (device, _) = await add_hotel(store)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.gather(store.apply(batch(heartbeat(device, "m-1"))), return_exceptions=True)
    await store.hotels()

    await store.close()

    (outcome,) = await waiting
    assert isinstance(outcome, StoreUnavailable)


@ON_SQLITE
async def test_a_full_disk_is_unavailable_and_leaves_nothing_half_written(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(heartbeat(device, "m-0")))
    writer = writer_of(store)
    (pages,) = await writer.hop(lambda raw: raw.execute("PRAGMA page_count").fetchone())
    await writer.hop(lambda raw: raw.execute(f"PRAGMA max_page_count={pages + 1}").fetchall())
    much = [heartbeat(device, f"m-{number}") for number in range(1, 500)]

    with pytest.raises(StoreUnavailable, match="full"):
        await store.apply(batch(*much, states={device.key: online()}))
    assert await store.count_messages(HOTEL) == 1

    await writer.hop(lambda raw: raw.execute("PRAGMA max_page_count=100000").fetchall())
    await store.apply(batch(*much))
    assert await store.count_messages(HOTEL) == 500


@ON_SQLITE
async def test_a_read_only_database_is_unavailable(store: Store) -> None:
    await add_hotel(store)
    await writer_of(store).hop(lambda raw: raw.execute("PRAGMA query_only=ON").fetchall())

    with pytest.raises(StoreUnavailable, match="readonly"):
        await store.add_room(HOTEL, Room(id=RoomId("attic")), by=INNWATCH, now=NOW)


async def test_a_verb_that_is_cancelled_has_happened_whole_or_not_at_all(store: Store) -> None:
    (device, _) = await add_hotel(store, channels=[MAIL])

    for number in range(20):
        message = heartbeat(device, f"m-{number}")
        changes = [opened(device)] if number == 0 else []
        task = asyncio.ensure_future(store.apply(batch(message, changes=changes)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    # What was cancelled before its turn is not there, the rest is, and the store goes on.
    await store.apply(batch(heartbeat(device, "last")))
    stored = [row.id async for row in store.messages(HOTEL)]
    assert stored[-1] == "last"
    alerts = await store.open_alerts(HOTEL)
    assert len(alerts) == len(await store.due_notifications(NOW, limit=10)) == ("m-0" in stored)
