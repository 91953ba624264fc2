"""The days of `message` and `minute` on PostgreSQL: a partition each, made ahead and dropped when they are old.

To forget a day is to drop a table, whatever is in it (minutes are kept longer than messages); and what is written all
the time (the newest rows of every index) stays small enough to be in memory.
A day is one of UTC's. Days are told by their number since 1970.

A message's day is made in the transaction that stores the first of it, if nobody made it before (a clock may jump): so
making days ahead only keeps that work away from midnight. All of this is for whoever stores messages, and for a
migration; the rest of the store speaks to `message` and `minute` and need not know.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal

from store.transaction import Transaction

DAY: Final = 86_400_000_000
"""Microseconds."""

AHEAD: Final = 3
"""Days after today that are made."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
_TURN: Final = 0x696E6E_64617973
"""The advisory lock of PostgreSQL that whoever makes days holds."""

Table = Literal["message", "minute"]
_TABLES: Final[tuple[Table, ...]] = ("message", "minute")
_TIME: Final = {"message": "received_at", "minute": "at"}


def day_of(at: datetime) -> int:
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.toordinal() - _EPOCH  # a third of what it costs to count microseconds


def days_ahead(now: datetime) -> range:
    """Today and the days after it that should be there."""
    today = day_of(now)
    return range(today, today + AHEAD + 1)


def days(transaction: Transaction, table: Table = "message") -> set[int]:
    """The days that there are."""
    rows = transaction.rows(
        "SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid"
        " JOIN pg_class AS parent ON parent.oid = pg_inherits.inhparent WHERE parent.relname = :table"
        " AND pg_table_is_visible(parent.oid)",
        table=table,
    )
    return {int(name.removeprefix(f"{table}_")) for (name,) in rows}


def make(transaction: Transaction, wanted: Iterable[int]) -> None:
    """Make those days that are not there."""
    transaction.rows("SELECT pg_advisory_xact_lock(:turn)", turn=_TURN)  # two may want the same
    asked = set(wanted)
    for table in _TABLES:
        for day in sorted(asked - days(transaction, table)):
            for statement in _making(table, day):
                transaction.run(statement)


def drop(transaction: Transaction, table: Table, day: int) -> None:
    """Drop a day with all that is in it. Waits for whoever reads the table just now, and is waited for."""
    transaction.run(f"DROP TABLE IF EXISTS {table}_{day}")


def _making(table: str, day: int) -> Iterable[str]:
    name, time, start, end = f"{table}_{day}", _TIME[table], day * DAY, (day + 1) * DAY
    # Made aside and then attached: to make it as a partition would lock out every reader of the table.
    yield (
        f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS,"
        f" CONSTRAINT ck_{name}_day CHECK ({time} >= {start} AND {time} < {end}))"
    )
    if table == "message":
        yield f"CREATE UNIQUE INDEX uq_{name}_message_id_device_key ON {name} (message_id, device_key)"
    yield f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})"
    yield f"ALTER TABLE {name} DROP CONSTRAINT ck_{name}_day"  # the partition's bounds say the same
