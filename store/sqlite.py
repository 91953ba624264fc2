"""SQLite: a connection on a thread of its own, and what its errors mean.

Write-ahead log and `synchronous=FULL`: a commit that returned is on disk. Only here does anything know of aiosqlite
and of SQLite's error codes.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import aiosqlite

from store.database import T, Work
from store.errors import DataRefused, Duplicate, StoreUnavailable
from store.times import micros
from store.transaction import Dialect, Row, Transaction, Value

SCHEME: Final = "sqlite+aiosqlite:///"

LOCK_TIMEOUT: Final = timedelta(seconds=5)
"""How long to wait for another process, unless told otherwise."""

POLL: Final = 0.001
"""Seconds between two attempts at the write lock."""

ROWS: Final = 16
"""Rows that one statement of `fill` inserts."""

_TWICE: Final = "message.message_id, message.device_key"
"""The constraint that keeps a message from being stored twice, in SQLite's words."""

_UNAVAILABLE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


def path_of(url: str) -> Path:
    """Read `sqlite+aiosqlite:///relative` or `sqlite+aiosqlite:////absolute`. Raises ValueError."""
    if not url.startswith(SCHEME) or len(url) == len(SCHEME):
        raise ValueError(f"the database's address must be {SCHEME}PATH")
    return Path(url.removeprefix(SCHEME))


@contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLite and its driver raise into what the store's callers can act on; the rest passes."""
    try:
        yield
    except sqlite3.IntegrityError as refusal:
        raise (Duplicate if _TWICE in str(refusal) else DataRefused)(str(refusal)) from refusal
    except (sqlite3.DataError, OverflowError, UnicodeEncodeError) as refusal:
        raise DataRefused(str(refusal)) from refusal
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _UNAVAILABLE:  # The low byte is the primary code.
            raise StoreUnavailable(str(error)) from error
        raise


class SqliteTransaction(Transaction):
    __slots__ = ("_connection",)

    dialect: ClassVar = Dialect.SQLITE

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    def rows(self, sql: str, **values: Value) -> list[Row]:
        return self._connection.execute(sql, _bound(values)).fetchall()

    def row(self, sql: str, **values: Value) -> Row | None:
        row: Row | None = self._connection.execute(sql, _bound(values)).fetchone()
        return row

    def run(self, sql: str, **values: Value) -> int:
        return self._connection.execute(sql, _bound(values)).rowcount

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)

    def fill(self, insert: str, rows: Sequence[Sequence[Any]], conflict: str = "") -> None:
        # Several rows a statement: the driver lets go of the interpreter's lock for each, and takes it back from a
        # busy event loop.
        single = "(" + ",".join("?" * len(rows[0])) + ")"
        whole = len(rows) - len(rows) % ROWS
        if whole:
            sql = f"{insert} {','.join([single] * ROWS)} {conflict}"
            flat = [tuple(chain.from_iterable(rows[start : start + ROWS])) for start in range(0, whole, ROWS)]
            self._connection.executemany(sql, flat)
        if whole < len(rows):
            self._connection.executemany(f"{insert} {single} {conflict}", rows[whole:])

    def hold(self, select: str, **values: Value) -> None:
        """Nothing to do: the transaction holds the database's one write lock."""

    def hold_table(self, table: str) -> None:
        """Nothing to do either."""

    def hold_inserts(self, table: str) -> None:
        """Nor here."""


def _bound(values: dict[str, Value]) -> dict[str, Value]:
    return {name: micros(value) if isinstance(value, datetime) else value for name, value in values.items()}


class Lane:
    """One connection and its thread. Work given to it is done in order, each piece in one hop."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, cache_kib: int) -> Self:
        """Open the file, making it where it is missing. Raises StoreUnavailable."""
        with translated():
            lane = cls(await aiosqlite.connect(path, isolation_level=None))
        try:
            await lane.hop(lambda raw: _prepare(raw, cache_kib=cache_kib))
        except BaseException:
            await lane.close()
            raise
        return lane

    async def hop(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` on the thread, outside any transaction. A cancelled caller leaves it to run to its end."""
        if self._closed:
            raise StoreUnavailable("the store is closed")
        # aiosqlite's public methods take one hop per statement: some twenty for a verb that holds the write lock.
        connection = self._connection
        try:
            result: T = await connection._execute(work, connection._conn)  # type: ignore[no-untyped-call]  # noqa: SLF001
        except Exception:
            with translated():  # not around it all: entering it costs more than the rest of this verb
                raise
        return result

    async def close(self) -> None:
        """Finish what was given to it, then end connection and thread."""
        if not self._closed:
            self._closed = True
            await self._connection.close()


class ReadLane(Lane):
    async def read(self, work: Work[T]) -> T:
        """Do `work` in a transaction that sees one moment of the database. Raises StoreUnavailable."""
        return await self.hop(lambda raw: _read(raw, work))


class WriteLane(Lane):
    """The lane that writes. `committed` is called after each commit, on the lane's thread."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        super().__init__(connection)
        self.lock_timeout = LOCK_TIMEOUT
        self.committed: Callable[[Transaction], None] = lambda _: None
        self._closing = threading.Event()

    @classmethod
    async def open(cls, path: Path, *, cache_kib: int) -> Self:
        """Open the file, making it where it is missing. Raises StoreUnavailable."""
        lane = await super().open(path, cache_kib=cache_kib)
        await lane.hop(lambda raw: raw.execute("PRAGMA busy_timeout=0").fetchall())  # _begin waits in its own way
        return lane

    async def write(self, work: Work[T]) -> T:
        """Do `work` in a transaction that holds the write lock from its start.

        Raises DataRefused, StoreUnavailable and what `work` raises: then nothing is written.
        """
        return await self.hop(lambda raw: self._write(raw, work))

    async def close(self) -> None:
        self._closing.set()
        await super().close()

    def _write(self, raw: sqlite3.Connection, work: Work[T]) -> T:
        self._begin(raw)
        transaction = SqliteTransaction(raw)
        try:
            result = work(transaction)
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:  # Some refusals (a full disk, a trigger) have rolled back already.
                raw.execute("ROLLBACK")
            raise
        self.committed(transaction)
        return result

    def _begin(self, raw: sqlite3.Connection) -> None:
        until = time.monotonic() + self.lock_timeout.total_seconds()
        _insist(raw, "BEGIN IMMEDIATE", give_up=lambda: self._closing.is_set() or time.monotonic() >= until)


def _insist(raw: sqlite3.Connection, sql: str, *, give_up: Callable[[], bool]) -> None:
    """Execute a statement that needs a lock, again and again until it gets it."""
    # SQLite's own back-off sleeps up to 100 ms between attempts and could miss every gap that a busy writer in another
    # process leaves; and where two wait for each other it does not try again at all.
    while True:
        try:
            raw.execute(sql).fetchall()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or give_up():
                raise
        time.sleep(POLL)


def _prepare(raw: sqlite3.Connection, *, cache_kib: int) -> None:
    raw.execute(f"PRAGMA busy_timeout={LOCK_TIMEOUT // timedelta(milliseconds=1)}").fetchall()
    until = time.monotonic() + LOCK_TIMEOUT.total_seconds()
    _insist(raw, "PRAGMA journal_mode=WAL", give_up=lambda: time.monotonic() >= until)
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        f"cache_size=-{cache_kib}",
        f"journal_size_limit={64 * 2**20}",
    ):
        raw.execute(f"PRAGMA {pragma}").fetchall()


def _read(raw: sqlite3.Connection, work: Work[T]) -> T:
    raw.execute("BEGIN")
    try:
        return work(SqliteTransaction(raw))
    finally:
        if raw.in_transaction:
            raw.execute("ROLLBACK")  # Nothing was written: this ends the snapshot.
