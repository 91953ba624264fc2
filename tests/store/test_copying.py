"""From SQLite to PostgreSQL: all of it, once, however often the copying is cut off."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from rules.ids import DeviceId, UserName
from store import INNWATCH, Batch, Duplicate, SchemaTooOld, Store, StoreUnavailable, copying, schema
from store.batch import Orphan, Quarantined
from store.copying import CopyFailed, InUse, NotEmpty, Progress, copy
from store.gathering import gather
from store.limits import USUAL
from store.postgres import connect, dsn_of
from store.records import EventType, MemberRole
from store.tables import Base
from tests.store.given import (
    HOTEL,
    MAIL,
    NOW,
    OTHER,
    add_hotel,
    batch,
    cleared,
    heartbeat,
    later,
    online,
    open_at,
    open_store,
    opened,
)
from tests.support import PostgreSQL

pytestmark = pytest.mark.server

A_DAY = timedelta(days=1)
BEATS = 60


class CutOffError(Exception):
    pass


@pytest.fixture
def target(postgresql: PostgreSQL) -> Iterator[str]:
    """An empty database."""
    url = postgresql.database()
    yield url
    postgresql.drop(url)


@pytest.fixture
async def source(tmp_path: Path) -> Path:
    """Two hotels that have lived through three days."""
    store = await open_store(tmp_path)
    device, other = await add_hotel(store, channels=[MAIL])
    await add_hotel(store, OTHER)
    await store.add_user(HOTEL, UserName("mia"), role=MemberRole.STAFF, password_hash="x", by=INNWATCH, now=NOW)
    for number in range(BEATS):
        await store.apply(batch(heartbeat(device, f"m-{number}", at=NOW - (number % 3) * A_DAY)))
    await store.apply(batch(changes=[opened(device, "A1"), opened(other, "A2")], states={device.key: online()}))
    await store.apply(batch(changes=[cleared(device, "A1")]))
    rubbish = Quarantined(
        hotel_id=HOTEL, device_id=None, topic="a\0b", reason="malformed", detail="\0", head=b"\0\xff", at=NOW
    )
    orphan = Orphan(HOTEL, DeviceId("stranger"), NOW)
    await store.apply(Batch(received_at=NOW, quarantined=[rubbish], orphans=[orphan]))
    await gather(store._database)
    await store.apply(batch(heartbeat(other, "ungathered", at=later(1))))
    await store.close()
    return tmp_path / "innwatch.db"


async def all_of(store: Store) -> list[object]:
    """What each verb that reads says."""
    return [
        await store.load(),
        [row async for row in store.messages(HOTEL)],
        [await store.events_after(hotel, 0, limit=1000) for hotel in (HOTEL, OTHER)],
        await store.open_alerts(HOTEL),
        (await store.notifications(HOTEL)).items,
        await store.orphans(HOTEL),
        await store.find_account(UserName("mia")),
        await store.history(HOTEL, DeviceId("tab-0"), start=NOW - 4 * A_DAY, end=NOW + A_DAY, points=100),
        [row.head for row in (await store.quarantine(HOTEL)).items],
    ]


async def check(source: Path, target: str) -> None:
    ours, theirs = await open_store(source.parent), await open_at(target)
    assert await all_of(theirs) == await all_of(ours)
    await ours.close()
    await theirs.close()


def cut_off_after(slices: int) -> Callable[[Progress], None]:
    told: list[Progress] = []

    def note(progress: Progress) -> None:
        told.append(progress)
        if len(told) > slices:
            raise CutOffError

    return note


async def test_all_is_there_and_reads_as_before(source: Path, target: str) -> None:
    told: list[Progress] = []

    counts = await copy(source, target, told=told.append)

    assert (counts["hotel"], counts["message"], counts["alert"]) == (2, BEATS + 1, 2)
    assert counts["event"] > 0 < counts["minute"]
    assert told[-1] == Progress(sum(counts.values()), sum(counts.values()), "")
    await check(source, target)
    with closing(sqlite3.connect(source)) as raw:
        assert raw.execute("SELECT count(*) FROM message").fetchone() == (BEATS + 1,)


async def test_life_goes_on_in_the_new_place(source: Path, target: str) -> None:
    """New rows come after those that were copied, and a message that was copied is stored."""
    await copy(source, target, told=lambda _: None)
    store = await open_at(target)
    device = await store.find_device(HOTEL, DeviceId("tab-0"))
    assert device is not None

    with pytest.raises(Duplicate):
        await store.apply(batch(heartbeat(device, "m-1")))
    await store.apply(batch(heartbeat(device, "new", at=later(5)), changes=[opened(device, "A3")]))
    await add_hotel(store, type(HOTEL)("third"), channels=[MAIL])
    await gather(store._database)

    assert [row.id async for row in store.messages(HOTEL)][-1] == "new"
    events = await store.events_after(HOTEL, 0, limit=1000)
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert events[-1].type == EventType.ALERT_OPENED
    points = await store.history(HOTEL, DeviceId("tab-0"), start=NOW - 4 * A_DAY, end=NOW + A_DAY, points=5)
    assert sum(point.count for point in points) == BEATS + 1
    await store.close()


async def test_a_copy_that_is_cut_off_again_and_again_goes_on_where_it_was(
    source: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "SLICE", 7)
    attempts, reached = 0, -1
    while True:
        told: list[Progress] = []

        def note(progress: Progress, told: list[Progress] = told) -> None:
            told.append(progress)
            if len(told) > 1 and progress.rows > told[0].rows:  # a slice further, whatever the table
                raise CutOffError

        attempts += 1
        try:
            await copy(source, target, told=note)
        except CutOffError:
            assert told[0].rows >= reached  # never back to the beginning
            reached = told[-1].rows
            with pytest.raises(SchemaTooOld, match="not finished"):
                await open_at(target)
        else:
            break

    assert attempts > BEATS / 7
    await check(source, target)


async def test_a_copy_waits_for_one_that_was_cut_off_to_go_and_not_for_one_that_goes_on(
    source: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await connect(dsn_of(target), USUAL)
    try:
        await other.execute("SELECT pg_advisory_lock($1)", copying.TURN)
        monkeypatch.setattr(copying, "PATIENCE", 0.3)
        with pytest.raises(InUse, match="another copy"):
            await copy(source, target, told=lambda _: None)
        monkeypatch.setattr(copying, "PATIENCE", 30.0)
        waiting = asyncio.ensure_future(copy(source, target, told=lambda _: None))
        await asyncio.sleep(0)
    finally:
        await other.close()
    await waiting

    await check(source, target)


async def test_a_source_that_has_changed_since_is_copied_from_the_beginning(
    source: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "SLICE", 7)
    with pytest.raises(CutOffError):
        await copy(source, target, told=cut_off_after(30))
    store = await open_store(source.parent)
    await add_hotel(store, type(HOTEL)("a-new-one"))
    await store.close()
    told: list[Progress] = []

    await copy(source, target, told=told.append)

    assert told[0].rows == 0
    await check(source, target)


async def test_a_copy_that_another_version_began_is_not_gone_on_with(
    source: Path, target: str, postgresql: PostgreSQL
) -> None:
    with pytest.raises(CutOffError):
        await copy(source, target, told=cut_off_after(1))
    postgresql.sql("UPDATE alembic_version SET version_num = '0004'", database=target.rpartition("/")[2])

    with pytest.raises(CopyFailed, match=f"schema 0004 instead of {schema.HEAD}"):
        await copy(source, target, told=lambda _: None)


async def test_what_holds_data_is_left_alone(source: Path, target: str) -> None:
    store = await open_at(target)
    await add_hotel(store)
    await store.close()

    with pytest.raises(NotEmpty, match="there is data in it already"):
        await copy(source, target, told=lambda _: None)

    store = await open_at(target)
    assert len(await store.hotels()) == 1
    await store.close()


async def test_a_copy_that_is_done_is_not_done_again(source: Path, target: str) -> None:
    await copy(source, target, told=lambda _: None)

    with pytest.raises(NotEmpty):
        await copy(source, target, told=lambda _: None)

    await check(source, target)


async def test_a_database_of_something_else_is_left_alone(source: Path, target: str, postgresql: PostgreSQL) -> None:
    database = target.rpartition("/")[2]
    postgresql.sql("CREATE TABLE invoice (id INT)", database=database)

    with pytest.raises(NotEmpty, match="invoice"):
        await copy(source, target, told=lambda _: None)

    assert postgresql.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database=database) == "1"


async def test_two_at_once_do_not_mix(source: Path, target: str) -> None:
    connection = await connect(dsn_of(target), USUAL)
    await connection.execute("SELECT pg_advisory_lock($1)", copying.TURN)

    with pytest.raises(InUse, match="under way"):
        await copy(source, target, told=lambda _: None)

    await connection.close()


async def test_a_database_that_is_worked_on_is_left_alone(source: Path, target: str) -> None:
    await asyncio.to_thread(schema.move_to, target)
    bridge = await open_at(target)
    lease = await bridge.take_lease("bridge", holder="a", ttl=timedelta(minutes=1))
    assert lease is not None

    with pytest.raises(InUse, match="bridge"):
        await copy(source, target, told=lambda _: None)

    await bridge.give_up_lease(lease)
    assert await bridge.hotels() == ()
    with pytest.raises(InUse, match="1 connections"):
        await copy(source, target, told=lambda _: None)
    await bridge.close()
    await copy(source, target, told=lambda _: None)


async def test_nobody_writes_into_the_source_meanwhile(source: Path, target: str) -> None:
    refused: list[str] = []

    def write(_: Progress) -> None:
        with closing(sqlite3.connect(source, timeout=0)) as other:
            try:
                other.execute("INSERT INTO orphan VALUES ('h', 'd', 1, 1, 1)")
            except sqlite3.OperationalError as error:
                refused.append(str(error))

    await copy(source, target, told=write)

    assert set(refused) == {"database is locked"}


async def test_what_is_missing_in_the_end_is_noticed(
    source: Path, target: str, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "SLICE", 7)
    with pytest.raises(CutOffError):
        await copy(source, target, told=cut_off_after(30))
    postgresql.sql("DELETE FROM caught_up", database=target.rpartition("/")[2])

    with pytest.raises(CopyFailed, match="were sent"):
        await copy(source, target, told=lambda _: None)

    with pytest.raises(SchemaTooOld):
        await open_at(target)


async def test_a_server_that_is_not_there_is_said_to_be(source: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await copy(source, "postgresql://nobody@127.0.0.1:1/none", told=lambda _: None)


def test_every_table_goes_over_but_the_leases() -> None:
    assert {table.name for table in copying._tables()} == set(Base.metadata.tables) - {"lease"}
