"""What all tables are made of."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Dialect,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    false,
)
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from store.times import micros, moment

KEY = BigInteger().with_variant(Integer, "sqlite")  # Only INTEGER is SQLite's own row id.
ID = String(64).with_variant(String(64, collation="C"), "postgresql")
"""In the order of its bytes, which is Python's and SQLite's too, whatever language the database was made for."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time as integer microseconds since 1970 (docs/adr/0019). Refuses naive ones."""

    impl = KEY
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else moment(value)


WITHOUT_ROWID = {"sqlite_with_rowid": False}

NOT_AT_FIRST = {"server_default": false()}
"""For a column that came later: rows that were there say no."""


def one_of(column: str, words: Iterable[StrEnum]) -> CheckConstraint:
    """Words with a check: a native enumeration of PostgreSQL survives a downgrade and breaks the next upgrade."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def mostly(column: str, usual: StrEnum, words: Iterable[StrEnum]) -> CheckConstraint:
    """As `one_of`, asking for the usual word first: SQLite makes a table of a list of words, for every row anew."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} = '{usual}' OR {column} IN ({listed})", name=column)


class Base(
    SQLModel,
    registry=registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_name)s",
                "pk": "pk_%(table_name)s",
            }
        )
    ),
):
    """Of all tables. They never leave the store: a table class validates nothing and shows every column."""
