"""PostgreSQL as the open database: any number of writers, in this process and others.

Writers run at READ COMMITTED and hold, before they read, the row that puts them in order (`Transaction.hold`), so that
each decides by what is committed; a stricter level would let all but one of those that meet at a hotel's row start over
(docs/adr/0019). What the database breaks off nevertheless, a deadlock, is done again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from asyncpg.exceptions import DeadlockDetectedError, PostgresError, SerializationError

from store.database import Database, T, Work
from store.doorbell import Doorbell
from store.errors import OutcomeUnknown
from store.limits import Limits
from store.postgres import Connection, Connections, PostgresTransaction, driven
from store.postgres_errors import LOST, is_cut, translated
from store.transaction import Dialect, Row, Value

ATTEMPTS: Final = 8
PAUSE: Final = 0.005
"""Seconds, at most, before the second attempt; before each later one twice as many."""

_BROKEN_OFF: Final = (SerializationError, DeadlockDetectedError)


class PostgresDatabase(Database):
    dialect = Dialect.POSTGRES

    def __init__(self, dsn: str, *, doorbell: Doorbell, limits: Limits) -> None:
        super().__init__(doorbell)
        self._connections = Connections(dsn, limits)
        self._fills: dict[str, str] = {}

    async def read(self, work: Work[T]) -> T:
        with translated():
            async with self._connections.one("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
                try:
                    result = await driven(work, PostgresTransaction(connection, self._fills))
                except Exception:
                    await _roll_back(connection)
                    raise
                await _roll_back(connection)
                return result

    async def ask(self, sql: str, **values: Value) -> list[Row]:
        with translated():
            async with self._connections.one() as connection:
                transaction = PostgresTransaction(connection, self._fills)
                return await driven(lambda transaction: transaction.rows(sql, **values), transaction)

    async def write(self, work: Work[T]) -> T:
        return await self._until_done(lambda: self._write(work))

    async def write_alone(self, work: Work[T]) -> T:
        return await self._until_done(lambda: self._write_alone(work))

    async def _until_done(self, attempted: Callable[[], Awaitable[T]]) -> T:
        with translated():
            for attempt in range(ATTEMPTS):
                try:
                    return await attempted()
                except _BROKEN_OFF:
                    if attempt + 1 == ATTEMPTS:
                        raise
                await asyncio.sleep(random.uniform(0, PAUSE * 2**attempt))  # noqa: S311 - chance, not secrets
        raise AssertionError("the last attempt returns or raises")

    write_batch = write

    async def close(self) -> None:
        await self._connections.close()

    async def _write(self, work: Work[T]) -> T:
        async with self._connections.one("BEGIN ISOLATION LEVEL READ COMMITTED") as connection:
            transaction = PostgresTransaction(connection, self._fills)
            try:
                result = await driven(self._guarded(work), transaction)
            except Exception:
                await _roll_back(connection)
                raise
            await _commit(connection)
        self._committed(transaction)
        return result

    async def _write_alone(self, work: Work[T]) -> T:
        async with self._connections.one() as connection:
            transaction = PostgresTransaction(connection, self._fills)
            try:
                result = await driven(work, transaction)
            except (PostgresError, *LOST) as error:
                if is_cut(error):
                    connection.terminate()
                    raise _lost(error) from error
                raise
        self._committed(transaction)
        return result


async def _commit(connection: Connection) -> None:
    try:
        done = await connection.execute("COMMIT")
    except (PostgresError, *LOST) as error:
        if is_cut(error):
            connection.terminate()
            raise _lost(error) from error
        raise
    if done != "COMMIT":
        raise RuntimeError("a verb went on after the database had refused one of its statements")


def _lost(error: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(f"the database went away while it was committing: {error}")


async def _roll_back(connection: Connection) -> None:
    """End the transaction, if the connection is still good for that; else it is not used again."""
    if connection.is_closed() or not connection.is_in_transaction():
        return
    try:
        await connection.execute("ROLLBACK", timeout=1)
    except (PostgresError, *LOST):
        connection.terminate()
