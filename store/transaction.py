"""One transaction, as the verbs see it: statements as text with named parameters, rows as plain tuples.

A verb is a plain function of a Transaction, run in one hop on the thread that owns the connection. So a transaction
never waits for the event loop while it holds the database's lock, and cancelling the caller cannot tear one in half.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from store.records import Recorded
from store.times import micros

Value = str | bytes | int | float | datetime | None
Row = tuple[Any, ...]


ROWS = 16


class Transaction:
    """Statements are portable SQL; what only SQLite understands stands in modules that say so."""

    __slots__ = ("_connection", "news", "recorded")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.news = False  # set by a verb that wrote something others wait for: the doorbell rings after the commit
        self.recorded: list[Recorded] = []  # the events that it adds

    def rows(self, sql: str, **values: Value) -> list[Row]:
        return self._connection.execute(sql, _bound(values)).fetchall()

    def row(self, sql: str, **values: Value) -> Row | None:
        row: Row | None = self._connection.execute(sql, _bound(values)).fetchone()
        return row

    def run(self, sql: str, **values: Value) -> int:
        """Execute, and return how many rows were changed."""
        return self._connection.execute(sql, _bound(values)).rowcount

    def insert(self, sql: str, **values: Value) -> int:
        """Execute, and return the new row's key: the statement ends in RETURNING it."""
        (key,) = self._connection.execute(sql, _bound(values)).fetchone()
        return int(key)

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute once per row; parameters are `?`, values as the database keeps them."""
        self._connection.executemany(sql, rows)

    def fill(self, insert: str, rows: Sequence[Sequence[Any]], conflict: str = "") -> None:
        """Insert many rows: `insert` ends with VALUES, `conflict` is what follows them.

        Several rows a statement: SQLite's driver lets go of the interpreter's lock for each, and takes it back from a
        busy event loop.
        """
        single = "(" + ",".join("?" * len(rows[0])) + ")"
        whole = len(rows) - len(rows) % ROWS
        if whole:
            sql = f"{insert} {','.join([single] * ROWS)} {conflict}"
            flat = [tuple(chain.from_iterable(rows[start : start + ROWS])) for start in range(0, whole, ROWS)]
            self._connection.executemany(sql, flat)
        if whole < len(rows):
            self._connection.executemany(f"{insert} {single} {conflict}", rows[whole:])

    def every(self, sql: str, parameters: Sequence[Any]) -> list[Row]:
        """Execute once; parameters are `?`, values as the database keeps them."""
        return self._connection.execute(sql, parameters).fetchall()


def _bound(values: dict[str, Value]) -> dict[str, Value]:
    return {name: micros(value) if isinstance(value, datetime) else value for name, value in values.items()}
