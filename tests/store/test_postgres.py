"""What only PostgreSQL brings: connections that are lost, locks that last, a server that goes and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta

import asyncpg
import pytest

from rules.ids import AlertId, RoomId
from store import INNWATCH, DataRefused, Limits, OutcomeUnknown, Store, StoreUnavailable, schema
from store.postgres import dsn_of
from store.records import Device, Room
from store.transaction import Transaction
from tests.store.given import (
    HOTEL,
    NOW,
    ON_POSTGRESQL,
    add_hotel,
    batch,
    cleared,
    heartbeat,
    online,
    open_at,
    opened,
)
from tests.store.line import line_to
from tests.support import PostgreSQL, eventually, person

pytestmark = ON_POSTGRESQL

LEARNT = ("l-1", "l-2")


@pytest.fixture(autouse=True)
def postgresql_alone(kind: str) -> None:
    """Lets `pytestmark` choose for every test here, whether or not it opens the usual store."""


@pytest.fixture
async def by_side(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection beside the store's."""
    connection = await asyncpg.connect(dsn_of(url))
    yield connection
    await connection.close()


async def backends(by_side: asyncpg.Connection, *, that: str = "TRUE") -> list[int]:
    await by_side.execute("SELECT pg_stat_clear_snapshot()")  # within a transaction it would not change
    rows = await by_side.fetch(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'innwatch' AND datname = current_database()"  # noqa: S608
        f" AND {that}"
    )
    return [row["pid"] for row in rows]


async def waiting(by_side: asyncpg.Connection) -> int:
    """The one that waits for a lock, as soon as there is one."""

    async def found() -> int:
        return next(iter(await backends(by_side, that="wait_event_type = 'Lock'")), 0)

    return await eventually(found)


def attic(number: int = 0) -> Room:
    return Room(id=RoomId(f"attic-{number}"))


async def test_a_verb_whose_connection_is_ended_has_written_nothing_and_the_next_one_works(
    store: Store, by_side: asyncpg.Connection
) -> None:
    await add_hotel(store)
    async with by_side.transaction():
        await by_side.execute("SELECT 1 FROM hotel FOR UPDATE")
        verb = asyncio.ensure_future(store.add_room(HOTEL, attic(), by=INNWATCH, now=NOW))
        await by_side.execute("SELECT pg_terminate_backend($1)", await waiting(by_side))
        with pytest.raises(StoreUnavailable):
            await verb

    await store.add_room(HOTEL, attic(), by=INNWATCH, now=NOW)


async def test_connections_that_are_ended_while_nobody_uses_them_are_not_noticed(
    store: Store, by_side: asyncpg.Connection
) -> None:
    await asyncio.gather(*(add_hotel(store, tablets=0), *(store.hotels() for _ in range(3))))
    idle = await backends(by_side)
    await by_side.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", idle)
    await eventually(lambda: _none_of(by_side, idle))

    for _ in idle:
        assert len(await store.hotels()) == 1
    assert len(idle) > 1


async def _all_wait(by_side: asyncpg.Connection, verbs: Sequence[object]) -> bool:
    return len(await backends(by_side, that="wait_event_type = 'Lock'")) == len(verbs)


async def _none_of(by_side: asyncpg.Connection, pids: list[int]) -> bool:
    return not set(pids) & set(await backends(by_side))


async def test_who_waits_too_long_for_a_lock_is_told(url: str, by_side: asyncpg.Connection) -> None:
    store = await open_at(url, limits=Limits(lock_timeout=timedelta(milliseconds=50)))
    await add_hotel(store)
    async with by_side.transaction():
        await by_side.execute("SELECT 1 FROM hotel FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            await store.add_room(HOTEL, attic(), by=INNWATCH, now=NOW)

    await store.add_room(HOTEL, attic(), by=INNWATCH, now=NOW)
    await store.close()


async def test_a_statement_that_takes_too_long_is_ended(url: str) -> None:
    store = await open_at(url, limits=Limits(statement_timeout=timedelta(milliseconds=50)))
    with pytest.raises(StoreUnavailable, match="statement timeout"):
        await store._database.ask("SELECT pg_sleep(60)")
    assert await store.hotels() == ()
    await store.close()


async def test_a_transaction_that_does_nothing_is_ended_and_holds_nobody_up(url: str, store: Store) -> None:
    await add_hotel(store)
    frozen = await open_at(url, limits=Limits(idle_timeout=timedelta(milliseconds=50)))

    def freeze(transaction: Transaction) -> None:
        transaction.hold("SELECT 1 FROM hotel")
        time.sleep(0.3)  # the whole process, as SIGSTOP would
        transaction.run("UPDATE hotel SET name = 'too late'")

    with pytest.raises(StoreUnavailable):
        await frozen._database.write(freeze)
    await store.add_room(HOTEL, attic(), by=INNWATCH, now=NOW)
    assert (await store.hotel(HOTEL)).name != "too late"
    await frozen.close()


async def test_when_every_connection_is_in_use_the_next_one_waits_and_is_told_at_last(
    url: str, by_side: asyncpg.Connection
) -> None:
    store = await open_at(url, limits=Limits(connections=2, connect_timeout=timedelta(milliseconds=300)))
    await add_hotel(store)
    async with by_side.transaction():
        await by_side.execute("SELECT 1 FROM hotel FOR UPDATE")
        stuck = [
            asyncio.ensure_future(store.add_room(HOTEL, attic(number), by=INNWATCH, now=NOW)) for number in range(2)
        ]
        await eventually(lambda: _all_wait(by_side, stuck))
        with pytest.raises(StoreUnavailable, match="in use"):
            await store.hotels()
        patient = asyncio.ensure_future(store.hotels())
    await asyncio.gather(*stuck)
    assert len(await patient) == 1
    assert len(await backends(by_side)) == 2
    await store.close()


async def test_a_verb_that_is_cancelled_holds_nothing_and_leaves_no_connection_behind(
    store: Store, by_side: asyncpg.Connection
) -> None:
    await add_hotel(store)
    async with by_side.transaction():
        await by_side.execute("SELECT 1 FROM hotel FOR UPDATE")
        verb = asyncio.ensure_future(store.add_room(HOTEL, attic(), by=INNWATCH, now=NOW))
        stuck = await waiting(by_side)
        verb.cancel()
        with pytest.raises(asyncio.CancelledError):
            await verb
        await eventually(lambda: _none_of(by_side, [stuck]))

    await store.add_room(HOTEL, attic(), by=INNWATCH, now=NOW)


async def test_what_deadlocks_is_done_again(store: Store, second: Store) -> None:
    first, other = await add_hotel(store)
    met = 0

    def crosswise(devices: list[Device]) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            nonlocal met
            for device in devices:
                transaction.hold("SELECT 1 FROM device WHERE key = :key", key=device.key)
                transaction.rows("SELECT pg_sleep(0.1)")  # the other one takes its first meanwhile
            met += 1

        return work

    await asyncio.gather(
        store._database.write(crosswise([first, other])), second._database.write(crosswise([other, first]))
    )
    assert met == 2


async def test_a_server_that_only_reads_is_left_for_one_that_writes(url: str, by_hand: Callable[[str], str]) -> None:
    """As after a fail-over: the address is another server's now, and the connections are to the one before."""
    setting = f'ALTER ROLE innwatch IN DATABASE "{url.rpartition("/")[2]}" SET default_transaction_read_only'
    by_hand(f"{setting} = on")
    store = await open_at(url)
    with pytest.raises(StoreUnavailable, match="read-only"):
        await add_hotel(store)
    by_hand(f"{setting} = off")

    await add_hotel(store)
    await store.close()


async def test_a_schema_that_changes_under_a_statement_costs_one_attempt(
    store: Store, by_hand: Callable[[str], str]
) -> None:
    await add_hotel(store)
    assert await store.hotels()
    by_hand("ALTER TABLE hotel ALTER COLUMN name TYPE varchar(1000)")
    with pytest.raises(StoreUnavailable):
        await store.hotels()

    assert await store.hotels()
    by_hand("ALTER TABLE hotel ALTER COLUMN name TYPE varchar")
    await store.close()


async def test_a_server_that_is_stopped_and_started_is_used_again(own_postgresql: PostgreSQL) -> None:
    url = own_postgresql.database()
    await asyncio.to_thread(schema.move_to, url)
    store = await open_at(url)
    device, _ = await add_hotel(store)

    for end in (own_postgresql.stop, own_postgresql.kill):
        await store.apply(batch(heartbeat(device, end.__name__)))
        await asyncio.to_thread(end)
        with pytest.raises(StoreUnavailable):
            await store.hotels()
        with pytest.raises(StoreUnavailable):
            await store.apply(batch(heartbeat(device, "lost")))
        await own_postgresql.start_anew()
        await eventually(store.hotels)

    assert [row.id async for row in store.messages(HOTEL)] == ["stop", "kill"]
    await store.close()


async def learn(store: Store, device: Device) -> None:
    """Let the store find out what it needs to know, which takes a transaction of its own."""
    for name in LEARNT:
        await store.apply(batch(heartbeat(device, name)))


@pytest.mark.parametrize("delivered", [True, False])
async def test_a_commit_whose_answer_is_lost_can_be_asked_after(url: str, delivered: bool) -> None:
    async with line_to(url) as line:
        store = await open_at(line.url)
        device, _ = await add_hotel(store)
        await learn(store, device)
        await store.apply(batch(changes=[opened(device)]))
        sent = batch(heartbeat(device, "m-1"), changes=[cleared(device)], states={device.key: online()})
        line.break_at(b"COMMIT\0", delivered=delivered)  # not READ COMMITTED

        with pytest.raises(OutcomeUnknown):
            await store.apply(sent)

        assert await store.was_applied(sent) == delivered
        assert [row.id async for row in store.messages(HOTEL)] == [*LEARNT, *(["m-1"] if delivered else [])]
        await store.close()


@pytest.mark.parametrize("opens", [True, False])
@pytest.mark.parametrize("delivered", [True, False])
async def test_a_batch_of_one_statement_whose_answer_is_lost_can_be_asked_after(
    url: str, delivered: bool, opens: bool
) -> None:
    async with line_to(url) as line:
        store = await open_at(line.url)
        device, _ = await add_hotel(store)
        await learn(store, device)
        sent = batch(heartbeat(device, "a-name-on-the-line"), changes=[opened(device)] if opens else [])
        line.break_at(b"a-name-on-the-line", delivered=delivered)

        with pytest.raises(OutcomeUnknown):
            await store.apply(sent)

        assert await store.was_applied(sent) == delivered
        assert len(await store.open_alerts(HOTEL)) == (1 if opens and delivered else 0)
        await store.close()


async def test_a_batch_with_a_duplicate_in_it_was_not_applied_because_that_is_stored(url: str) -> None:
    async with line_to(url) as line:
        store = await open_at(line.url)
        device, _ = await add_hotel(store)
        await learn(store, device)
        sent = batch(heartbeat(device, LEARNT[0]), heartbeat(device, "a-name-on-the-line"))
        line.break_at(b"a-name-on-the-line", delivered=True)

        with pytest.raises(OutcomeUnknown):
            await store.apply(sent)

        assert not await store.was_applied(sent)
        await store.close()


async def test_who_asks_after_a_lost_commit_waits_until_it_is_over(store: Store, by_side: asyncpg.Connection) -> None:
    device, _ = await add_hotel(store)
    await learn(store, device)
    columns = "hotel_key, device_key, kind, received_at, late, body"
    async with by_side.transaction():
        await by_side.execute(
            f"INSERT INTO message (message_id, {columns}) SELECT 'late', {columns} FROM message LIMIT 1"  # noqa: S608
        )
        asking = asyncio.ensure_future(store.was_applied(batch(heartbeat(device, "late"))))
        await waiting(by_side)
    assert await asking


async def test_a_line_that_breaks_before_the_commit_leaves_no_doubt(url: str) -> None:
    async with line_to(url) as line:
        store = await open_at(line.url)
        device, _ = await add_hotel(store)
        line.break_at(b"SET gen", delivered=True)

        with pytest.raises(StoreUnavailable) as lost:
            await store.revoke_device(HOTEL, device.id, by=INNWATCH, now=NOW)

        assert not isinstance(lost.value, OutcomeUnknown)
        assert (await store.revoke_device(HOTEL, device.id, by=INNWATCH, now=NOW)).gen == 2
        await store.close()


@pytest.mark.parametrize("note", ["nothing\0at all", "half a character: \ud800"])
async def test_a_text_that_postgresql_does_not_take_is_refused_and_not_quoted(store: Store, note: str) -> None:
    device, _ = await add_hotel(store)
    await store.apply(batch(changes=[opened(device)]))

    with pytest.raises(DataRefused) as refused:
        await store.acknowledge(HOTEL, AlertId("A1"), by=person("anna"), note=note, now=NOW)

    assert "nothing" not in str(refused.value)
    assert (
        await store.acknowledge(HOTEL, AlertId("A1"), by=person("anna"), note="a", now=NOW)
    ).acknowledged is not None


async def test_words_are_in_the_order_of_their_bytes_whatever_the_language_of_the_database(
    postgresql: PostgreSQL,
) -> None:
    postgresql.sql(
        "DROP DATABASE IF EXISTS german WITH (FORCE)",
        "CREATE DATABASE german OWNER innwatch TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de'",
    )
    url = postgresql.url("german")
    store = await open_at(url)
    await add_hotel(store, tablets=0)
    names = ["B", "a", "10", "9", "_", "ä", "Z"]
    for name in names:
        await store.add_room(HOTEL, Room(id=RoomId(name)), by=INNWATCH, now=NOW)

    first = await store.rooms(HOTEL, limit=3)
    rest = await store.rooms(HOTEL, cursor=first.next)

    assert [room.id for room in first.items + rest.items] == sorted(names)
    await store.close()
    postgresql.drop(url)
