"""PostgreSQL: its connections, and its transactions as the verbs see them.

Verbs are plain functions. Here each runs in a greenlet of the event loop, which steps aside whenever it waits for an
answer. Only here and in `store.postgres_errors` does anything know of asyncpg.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, TypeVar

import asyncpg
from asyncpg.exceptions import InterfaceError, InternalClientError, PostgresError
from greenlet import getcurrent, greenlet

from store.errors import StoreUnavailable
from store.limits import Limits
from store.postgres_errors import LOST, is_spent, translated
from store.statements import Statement, numbered
from store.times import micros
from store.transaction import Dialect, Row, Transaction, Value

T = TypeVar("T")
Connection = asyncpg.Connection

SCHEMES: Final = ("postgresql+asyncpg://", "postgresql://", "postgres://")

GRACE: Final = timedelta(seconds=5)
"""How much longer than the server we wait for an answer: it should be the one that says that it took too long."""

_STATEMENTS: Final = 500
"""Prepared statements kept with each connection: more than there are."""


def dsn_of(url: str) -> str:
    """Read `postgresql+asyncpg://…` or `postgresql://…` for the driver. Raises ValueError."""
    scheme = next((scheme for scheme in SCHEMES if url.startswith(scheme)), None)
    if scheme is None or len(url) == len(scheme):
        raise ValueError("the database's address must be postgresql+asyncpg://USER:PASSWORD@HOST:PORT/NAME")
    return "postgresql://" + url.removeprefix(scheme)


async def connect(dsn: str, limits: Limits) -> Connection:
    """Raises StoreUnavailable."""
    with translated():
        connection: Connection = await asyncpg.connect(
            dsn,
            timeout=limits.connect_timeout.total_seconds(),
            command_timeout=(limits.statement_timeout + GRACE).total_seconds(),
            statement_cache_size=_STATEMENTS,
            max_cached_statement_lifetime=0,
            server_settings={
                "application_name": limits.application,
                "statement_timeout": _milliseconds(limits.statement_timeout),
                "lock_timeout": _milliseconds(limits.lock_timeout),
                "idle_in_transaction_session_timeout": _milliseconds(limits.idle_timeout),
                "client_connection_check_interval": "1000",  # a statement ends when nobody waits for it any more
                "jit": "off",  # Ours are short: compiling one would take longer.
                "timezone": "UTC",
            },
        )
    return connection


class Connections:
    """A few connections, made when needed and kept. The last used is the first to be used again."""

    def __init__(self, dsn: str, limits: Limits) -> None:
        self._dsn = dsn
        self._limits = limits
        self._idle: list[Connection] = []
        self._room = asyncio.Semaphore(limits.connections)
        self._closed = False

    @asynccontextmanager
    async def one(self, begin: str = "") -> AsyncIterator[Connection]:
        """Lend a connection, with the transaction that `begin` begins. One that comes back in a transaction is ended.

        Raises StoreUnavailable: closed, none becomes free, or no new one can be made.
        """
        await self._wait()
        try:
            connection = await self._take(begin)
            try:
                yield connection
            except BaseException as error:
                if is_spent(error):
                    connection.terminate()
                raise
            finally:
                if self._closed or connection.is_closed() or connection.is_in_transaction():
                    connection.terminate()
                else:
                    self._idle.append(connection)
        finally:
            self._room.release()

    async def close(self) -> None:
        """Let those who have one finish, if they soon do."""
        if self._closed:
            return
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.connect_timeout.total_seconds()):
                for _ in range(self._limits.connections):
                    await self._room.acquire()
        while self._idle:
            with suppress(PostgresError, *LOST):
                await self._idle.pop().close(timeout=1)

    async def _wait(self) -> None:
        if not self._closed and not self._room.locked():
            await self._room.acquire()  # at once, and a timer less
        elif not self._closed:
            try:
                async with asyncio.timeout(self._limits.connect_timeout.total_seconds()):
                    await self._room.acquire()
            except TimeoutError as error:
                raise StoreUnavailable("every connection to the database is in use") from error
        if self._closed:
            self._room.release()
            raise StoreUnavailable("the store is closed")

    async def _take(self, begin: str) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_closed():  # The server has ended it meanwhile.
                continue
            with suppress(PostgresError, InterfaceError, InternalClientError, ConnectionError):  # Or does just now.
                return await _begun(connection, begin)
        return await _begun(await connect(self._dsn, self._limits), begin)


async def _begun(connection: Connection, begin: str) -> Connection:
    try:
        if begin:
            await connection.execute(begin)
    except BaseException:
        connection.terminate()
        raise
    return connection


class PostgresTransaction(Transaction):
    """Used inside `driven` only."""

    __slots__ = ("_connection", "_fills")

    dialect: ClassVar = Dialect.POSTGRES

    def __init__(self, connection: Connection, fills: dict[str, str]) -> None:
        super().__init__()
        self._connection = connection
        self._fills = fills

    def rows(self, sql: str, **values: Value) -> list[Row]:
        statement = numbered(sql)
        records = wait(self._connection.fetch(statement.sql, *_bound(statement, values)))
        return [tuple(record) for record in records]

    def row(self, sql: str, **values: Value) -> Row | None:
        statement = numbered(sql)
        record = wait(self._connection.fetchrow(statement.sql, *_bound(statement, values)))
        return None if record is None else tuple(record)

    def run(self, sql: str, **values: Value) -> int:
        statement = numbered(sql)
        done = wait(self._connection.execute(statement.sql, *_bound(statement, values)))
        count = done.rpartition(" ")[2]  # of "UPDATE 3", "INSERT 0 1", "CREATE TABLE"
        return int(count) if count.isdigit() else 0

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        wait(self._connection.executemany(numbered(sql).sql, rows))

    def fill(self, insert: str, rows: Sequence[Sequence[Any]], conflict: str = "") -> None:
        # One statement with one list for each column: an order of magnitude quicker than a statement for each row.
        sql = self._fills.get(insert)
        if sql is None:
            sql = self._fills[insert] = wait(_unnested(self._connection, insert, columns=len(rows[0])))
        wait(self._connection.execute(f"{sql} {conflict}", *map(list, zip(*rows, strict=True))))

    def hold(self, select: str, **values: Value) -> None:
        self.rows(f"{select} FOR NO KEY UPDATE", **values)

    def hold_table(self, table: str) -> None:
        self.run(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")

    def hold_inserts(self, table: str) -> None:
        self.run(f"LOCK TABLE ONLY {table} IN SHARE MODE")  # not its partitions, which are vacuumed


async def driven(work: Callable[[Transaction], T], transaction: Transaction) -> T:
    """Do `work` in a greenlet, and await for it what it waits for."""
    verb = greenlet(work)
    verb.gr_context = getcurrent().gr_context
    outcome = verb.switch(transaction)
    while not verb.dead:
        try:
            answer = await outcome
        except BaseException as error:  # noqa: BLE001 - it belongs to the verb, which raises it again
            outcome = verb.throw(error)
        else:
            outcome = verb.switch(answer)
    result: T = outcome
    return result


def wait(outcome: Awaitable[T]) -> T:
    """Let `driven` await this, and return what came of it."""
    parent = getcurrent().parent
    assert parent is not None  # noqa: S101 - `driven` is
    answer: T = parent.switch(outcome)
    return answer


async def _unnested(connection: Connection, insert: str, *, columns: int) -> str:
    """Turn an insert that ends with VALUES into one of whole columns, of the types that the table gives them."""
    places = ", ".join(f"${place}" for place in range(1, columns + 1))
    prepared = await connection.prepare(f"{insert} ({places})")
    lists = ", ".join(f"${place}::{type_.name}[]" for place, type_ in enumerate(prepared.get_parameters(), start=1))
    return f"{insert.removesuffix('VALUES')} SELECT * FROM unnest({lists})"  # noqa: S608 - our own words


def _bound(statement: Statement, values: dict[str, Value]) -> list[Value]:
    taken = [values[name] for name in statement.names]
    return [micros(value) if isinstance(value, datetime) else value for value in taken]


def _milliseconds(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))
