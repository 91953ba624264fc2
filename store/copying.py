"""Moving an installation from SQLite to an empty PostgreSQL database: all rows of all tables, verified by their counts.

Rows go over in slices, in order of the primary key; how far it came stands in the target (table `copying`) and moves in
the transaction of each slice. So a copy that was killed goes on from there, and a target that lacks that table and is
not empty is left alone. When the source has changed since, the copy begins anew. The table goes when all is done, and
until then no process of Innwatch works on the target (`store.schema`).

The source is locked meanwhile: whoever wants to write waits in vain.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Boolean, Table

from store import partitions, schema
from store.company import company
from store.errors import StoreError
from store.limits import USUAL, Limits
from store.postgres import Connection, PostgresTransaction, connect, driven, dsn_of
from store.postgres_errors import translated as in_postgres
from store.sqlite import translated as in_sqlite
from store.tables import Base

SLICE: Final = 5000
"""Rows of one transaction."""

_LONGEST: Final = timedelta(days=1)
"""That one statement may take: to count millions of rows takes its time."""

TURN: Final = schema.TURN + 1
"""The advisory lock of PostgreSQL that a copy holds."""

_LEFT_OUT: Final = frozenset({"lease"})
"""Who does what just now is nothing to be moved."""

_SEEDS: Final = frozenset({"caught_up", "gathered"})
"""A new database has a row in each of these."""


PATIENCE: Final = 5.0
"""Seconds in which a copy that was cut off may go."""

_LOOK_EVERY: Final = 0.1


class NotEmpty(StoreError):
    """The target holds something that this copy did not bring there."""


class InUse(StoreError):
    """Somebody works on the target."""


class CopyFailed(StoreError):
    """Something is missing, or too much, in the target."""


class Progress(Struct, frozen=True):
    """So many of all rows are in the target, and these come next."""

    rows: int
    of: int
    table: str


class Place(Struct, frozen=True):
    """Tables before `table` are copied, and of it the rows up to the key `after` (none of them: empty)."""

    table: str
    after: tuple[int | str, ...] = ()


async def copy(source: Path, url: str, *, told: Callable[[Progress], None], limits: Limits = USUAL) -> dict[str, int]:
    """Copy the SQLite file `source`, whose schema is current, and return how many rows each table has.

    Raises NotEmpty, InUse, CopyFailed, SchemaTooNew, StoreUnavailable.
    """
    with in_sqlite(), _locked(source) as file:
        reader = _Reader(file)
        stamp = _stamp(source)
        async with _target(url, limits) as target:
            place = await _place(target, url, stamp=stamp, limits=limits)
            counts = await asyncio.to_thread(reader.counts)
            if place.table == _tables()[0].name and not place.after:
                await _make_days(target, await asyncio.to_thread(reader.days))
            await _copy_rows(reader, target, place, counts=counts, told=told)
            await _finish(target, counts)
    return counts


@contextmanager
def _locked(source: Path) -> Iterator[sqlite3.Connection]:
    """The source, with all that was committed in the file itself, and nobody to write into it."""
    with closing(sqlite3.connect(source, isolation_level=None, check_same_thread=False)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        file.execute("BEGIN IMMEDIATE")
        yield file


def _stamp(source: Path) -> str:
    """Is another one when the file has changed."""
    found = source.stat()
    return f"{found.st_size}-{found.st_mtime_ns}"


class _Reader:
    """Reads the source; its methods block."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def counts(self) -> dict[str, int]:
        return {table.name: self._one(f"SELECT count(*) FROM {table.name}") for table in _tables()}  # noqa: S608 - ours

    def days(self) -> set[int]:
        """The days of messages and minutes."""
        days = f"SELECT received_at / {partitions.DAY} FROM message UNION SELECT at / {partitions.DAY} FROM minute"  # noqa: S608
        return {day for (day,) in self._file.execute(days)}

    def slice(self, table: Table, place: Place) -> list[tuple[Any, ...]]:
        """The rows that come next of a table, as PostgreSQL wants them."""
        keys = ", ".join(column.name for column in table.primary_key)
        names = ", ".join(column.name for column in table.columns)
        after = f" WHERE ({keys}) > ({', '.join('?' * len(place.after))})" if place.after else ""
        rows = self._file.execute(f"SELECT {names} FROM {table.name}{after} ORDER BY {keys} LIMIT {SLICE}", place.after)  # noqa: S608
        are_truths = [isinstance(column.type, Boolean) for column in table.columns]
        return [
            tuple(_value(value, is_truth=is_truth) for value, is_truth in zip(row, are_truths, strict=True))
            for row in rows
        ]

    def _one(self, sql: str) -> int:
        (value,) = self._file.execute(sql).fetchone()
        return int(value)


def _value(value: Any, *, is_truth: bool) -> Any:  # noqa: ANN401 - whatever a column holds
    if is_truth and value is not None:
        return bool(value)
    if isinstance(value, str) and "\0" in value:  # SQLite keeps it in a text; PostgreSQL does not
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return value


def _tables() -> list[Table]:
    """In an order in which no row comes before one that it refers to."""
    return [table for table in Base.metadata.sorted_tables if table.name not in _LEFT_OUT]


async def _take_turn(connection: Connection) -> None:
    """Raises InUse. A copy that was cut off a moment ago has its turn until PostgreSQL notices that it is gone."""
    for _ in range(round(PATIENCE / _LOOK_EVERY)):
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", TURN):
            return
        await asyncio.sleep(_LOOK_EVERY)
    raise InUse("another copy into this database is under way")


@asynccontextmanager
async def _target(url: str, limits: Limits) -> AsyncIterator[Connection]:
    """A connection of which no other copy has one. Raises InUse, StoreUnavailable."""
    connection = await connect(dsn_of(url), replace(limits, statement_timeout=_LONGEST))
    try:
        with in_postgres():
            await _take_turn(connection)
            yield connection
    finally:
        connection.terminate()


async def _place(target: Connection, url: str, *, stamp: str, limits: Limits) -> Place:
    """Where to go on; for a target that is new or was filled from something else, the beginning."""
    if not await _is_begun(target):
        await _refuse_strangers(target)
        await asyncio.to_thread(schema.move_to, url, limits=limits)
        await _refuse_company(target)
        await _refuse_rows(target)
        return await _begin(target, stamp)
    await _refuse_another_schema(target)
    await _refuse_company(target)
    begun, place = await target.fetchrow("SELECT stamp, place FROM copying")
    if begun != stamp:
        return await _begin(target, stamp)
    return msgspec.json.decode(place, type=Place)


async def _is_begun(target: Connection) -> bool:
    return await target.fetchval("SELECT to_regclass('copying')") is not None


async def _refuse_strangers(target: Connection) -> None:
    names = {
        row[0] for row in await target.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    }
    if names and "alembic_version" not in names:
        raise NotEmpty(f"there are tables of something else in it, such as {min(names)}")


async def _refuse_another_schema(target: Connection) -> None:
    """Innwatch was upgraded since this copy began: what is in the target is not what the source has now."""
    found = await target.fetchval("SELECT version_num FROM alembic_version")
    if found != schema.HEAD:
        raise CopyFailed(
            f"the copy was begun by another version of Innwatch, with schema {found} instead of {schema.HEAD}: drop the"
            " database, and copy into a new one"
        )


async def _refuse_company(target: Connection) -> None:
    """A process that began before us, when the target was open, would add rows among ours."""
    found = await company(target)
    if found is not None:
        raise InUse(f"Innwatch works on it just now: {found}; stop its processes first")


async def _refuse_rows(target: Connection) -> None:
    for table in _tables():
        if table.name not in _SEEDS and await target.fetchval(f"SELECT EXISTS (SELECT 1 FROM {table.name})"):  # noqa: S608
            raise NotEmpty(f"there is data in it already, in its table {table.name}")


async def _begin(target: Connection, stamp: str) -> Place:
    place = Place(str(_tables()[0].name))
    async with target.transaction():
        await target.execute(f"TRUNCATE {', '.join(table.name for table in _tables())}")
        await target.execute("DROP TABLE IF EXISTS copying")
        await target.execute("CREATE TABLE copying (stamp TEXT NOT NULL, place TEXT NOT NULL)")
        await target.execute("INSERT INTO copying (stamp, place) VALUES ($1, $2)", stamp, _words(place))
    return place


async def _make_days(target: Connection, days: set[int]) -> None:
    def make(transaction: PostgresTransaction) -> None:
        partitions.make(transaction, days)

    async with target.transaction():
        await driven(make, PostgresTransaction(target, {}))  # type: ignore[arg-type]


async def _copy_rows(
    reader: _Reader,
    target: Connection,
    place: Place,
    *,
    counts: dict[str, int],
    told: Callable[[Progress], None],
) -> None:
    tables = _tables()
    names = [table.name for table in tables]
    first = names.index(place.table)
    done = sum(counts[name] for name in names[:first])
    if place.after:
        done += await target.fetchval(f"SELECT count(*) FROM {place.table}")  # noqa: S608
    for table in tables[first:]:
        if table.name != place.table:
            place = Place(str(table.name))
        while True:
            told(Progress(done, sum(counts.values()), str(table.name)))
            rows = await asyncio.to_thread(reader.slice, table, place)
            if not rows:
                break
            place = Place(str(table.name), _key(table, rows[-1]))
            await _copy_slice(target, table, rows, place)
            done += len(rows)
    told(Progress(done, sum(counts.values()), ""))


def _key(table: Table, row: Sequence[Any]) -> tuple[int | str, ...]:
    values = dict(zip((column.name for column in table.columns), row, strict=True))
    return tuple(values[column.name] for column in table.primary_key)


async def _copy_slice(target: Connection, table: Table, rows: list[tuple[Any, ...]], place: Place) -> None:
    async with target.transaction():
        await target.copy_records_to_table(table.name, records=rows, columns=[column.name for column in table.columns])
        await target.execute("UPDATE copying SET place = $1", _words(place))


async def _finish(target: Connection, counts: dict[str, int]) -> None:
    """Compare the counts, let new keys come after those that were copied, and open the target. Raises CopyFailed."""
    for name, expected in counts.items():
        found = await target.fetchval(f"SELECT count(*) FROM {name}")  # noqa: S608
        if found != expected:
            raise CopyFailed(f"{found} rows of {name} arrived, and {expected} were sent")
    async with target.transaction():
        for table, column, sequence in await target.fetch(_SEQUENCES):
            await target.execute(
                f"SELECT setval('{sequence}', coalesce(max({column}), 0) + 1, false) FROM {table}"  # noqa: S608
            )
        await target.execute("DROP TABLE copying")
    await target.execute("ANALYZE")


_SEQUENCES: Final = """
    SELECT * FROM (
        SELECT table_name, column_name, pg_get_serial_sequence(quote_ident(table_name), column_name) AS sequence
        FROM information_schema.columns WHERE table_schema = current_schema()
    ) AS owned WHERE sequence IS NOT NULL
"""


def _words(place: Place) -> str:
    return msgspec.json.encode(place).decode()
