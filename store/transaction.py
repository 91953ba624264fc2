"""One transaction, as the verbs see it: statements as text with named parameters, rows as plain tuples.

A verb is a plain function of a Transaction, whatever the database. On SQLite it runs in one hop on the thread that owns
the connection, so a transaction never waits for the event loop while it holds the database's lock. On PostgreSQL it
runs in a greenlet of the event loop, which waits for each answer and lets everything else go on meanwhile.

Statements are SQL that both databases understand. Where none does the job on both, a verb has one text for each, by
`Transaction.dialect`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from store.records import Recorded

Value = str | bytes | int | float | datetime | list[Any] | None
Row = tuple[Any, ...]


class Dialect(StrEnum):
    SQLITE = "sqlite"
    POSTGRES = "postgresql"


class Transaction(ABC):
    """Times are given as times or as microseconds, and come back as microseconds."""

    __slots__ = ("news", "recorded")

    dialect: ClassVar[Dialect]

    def __init__(self) -> None:
        self.news = False  # set by a verb that wrote something others wait for: the doorbell rings after the commit
        self.recorded: list[Recorded] = []  # the events that it adds

    @abstractmethod
    def rows(self, sql: str, **values: Value) -> list[Row]: ...

    @abstractmethod
    def row(self, sql: str, **values: Value) -> Row | None: ...

    @abstractmethod
    def run(self, sql: str, **values: Value) -> int:
        """Execute, and return how many rows were changed."""

    def insert(self, sql: str, **values: Value) -> int:
        """Execute, and return the new row's key: the statement ends in RETURNING it."""
        row = self.row(sql, **values)
        assert row is not None  # noqa: S101 - an insert returns its row or raises
        return int(row[0])

    @abstractmethod
    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute once per row; parameters are `?`, values as the database keeps them."""

    @abstractmethod
    def fill(self, insert: str, rows: Sequence[Sequence[Any]], conflict: str = "") -> None:
        """Insert many rows: `insert` ends with VALUES, `conflict` is what follows them."""

    @abstractmethod
    def hold(self, select: str, **values: Value) -> None:
        """Keep everybody else from changing the rows that `select` finds, and from holding them, until the end.

        Do it before reading what the verb decides by: the next statement sees all that was committed before. On SQLite,
        where the one writer holds everything, it does nothing.
        """

    @abstractmethod
    def hold_table(self, table: str) -> None:
        """As `hold`, for a whole table: others may only read it."""

    @abstractmethod
    def hold_inserts(self, table: str) -> None:
        """Wait until all rows that others are adding to a table are there, and keep them from adding more.

        Neither readers nor the database's own housekeeping wait for it or are waited for.
        """
