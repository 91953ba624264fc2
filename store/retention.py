"""Forgetting messages that are older than they have to be kept, their minutes, and commands.

On PostgreSQL whole days are dropped (`store.partitions`); on SQLite rows are deleted, the oldest first and few at a
time, so that no batch waits for long. Only what is in the minutes and in the states already may go, and the newest
message always stays: SQLite gives the ids after it to those that come.

What is gone is gone, and a clock that jumped years ahead would have everything go. So a clock is not believed at once
(`Belief`): until it has gone on for a day without a jump, a day's worth of messages goes, as on any other day, and what
else is too old by it has to wait.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from store import partitions
from store.database import Database
from store.times import EPOCH, micros, moment
from store.transaction import Dialect, Transaction

SLICE: Final = 250
"""Rows that one transaction deletes: a few milliseconds."""

DEVICES: Final = 200
"""Devices that one transaction looks at."""

_DONE_WITH: Final = (
    "(SELECT CASE WHEN gathered.upto < caught_up.upto THEN gathered.upto ELSE caught_up.upto END"
    " FROM gathered CROSS JOIN caught_up)"
)


BELIEVED_AFTER: Final = timedelta(days=1)
WORTH: Final = timedelta(days=1)
"""What may go meanwhile, beginning with the oldest."""

JUMP: Final = timedelta(hours=1)
"""What a clock may move between two looks by itself, or is put right, that does not shake our belief."""


class Belief:
    """Whether the clock may say how old something is. `ticks` are seconds of a clock that nobody sets."""

    def __init__(self) -> None:
        self._ahead: timedelta | None = None
        self._since = 0.0
        self._upto: datetime | None = None

    async def before(self, database: Database, *, now: datetime, retention: timedelta, ticks: float) -> datetime:
        """What was received before this may go. Raises StoreUnavailable."""
        before, ahead = now - retention, (now - EPOCH) - timedelta(seconds=ticks)
        if self._ahead is None or abs(ahead - self._ahead) > JUMP:
            oldest = await _oldest(database)
            self._since, self._upto = ticks, None if oldest is None else oldest + WORTH
        self._ahead = ahead
        if self._upto is None or timedelta(seconds=ticks - self._since) >= BELIEVED_AFTER:
            return before
        return min(before, self._upto)


async def keep(database: Database, *, now: datetime, before: datetime) -> None:
    """Forget what was received `before`; on PostgreSQL, make the days that come too. May be stopped at any moment.

    There only days go that were over by then. Raises StoreUnavailable, LeaseLost.
    """
    if database.dialect is Dialect.POSTGRES:
        await _keep_days(database, now=now, before=partitions.day_of(before))
    else:
        await _forget_messages(database, before=before)
        await _forget_minutes(database, before=before)
    while await database.write_batch(partial(_delete_commands, before=micros(before))) == SLICE:
        pass


async def _oldest(database: Database) -> datetime | None:
    if database.dialect is Dialect.POSTGRES:
        made = await database.read(partitions.days)
        return EPOCH + timedelta(days=min(made)) if made else None
    rows = await database.ask("SELECT received_at FROM message ORDER BY id LIMIT 1")
    return moment(rows[0][0]) if rows else None


async def _keep_days(database: Database, *, now: datetime, before: int) -> None:
    made = await database.write(lambda transaction: _make_days(transaction, now=now))
    for day in sorted(day for day in made if day < before):
        # One at a time: whoever reads messages waits while it is dropped.
        if await database.write(partial(_drop_day, day=day)):
            database.known.days.discard(day)


def _make_days(transaction: Transaction, *, now: datetime) -> set[int]:
    """Return the days that there were."""
    made = partitions.days(transaction)
    if not made.issuperset(partitions.days_ahead(now)):
        partitions.make(transaction, partitions.days_ahead(now))
    return made


def _drop_day(transaction: Transaction, *, day: int) -> bool:
    """False: something of it is still needed."""
    transaction.run("SET LOCAL lock_timeout = '500ms'")  # batches wait behind us while we wait for a reader
    first, end = day * partitions.DAY, (day + 1) * partitions.DAY
    needed = transaction.row(
        f"SELECT 1 FROM message WHERE received_at >= :first AND received_at < :end AND id > {_DONE_WITH} LIMIT 1",  # noqa: S608 - ours
        first=first,
        end=end,
    )
    if needed is None:
        partitions.drop(transaction, [day])
    return needed is None


async def _forget_messages(database: Database, *, before: datetime) -> None:
    while await database.write_batch(partial(_delete_messages, before=micros(before))) == SLICE:
        pass


def _delete_messages(transaction: Transaction, *, before: int) -> int:
    """Delete from the oldest on, up to the first that is to be kept."""
    oldest = transaction.rows(
        f"SELECT id, received_at FROM message WHERE id <= {_DONE_WITH} AND id < (SELECT max(id) FROM message)"  # noqa: S608
        " ORDER BY id LIMIT :slice",
        slice=SLICE,
    )
    kept = next((place for place, row in enumerate(oldest) if row[1] >= before), len(oldest))
    if kept:
        transaction.run("DELETE FROM message WHERE id <= :last", last=oldest[kept - 1][0])
    return kept


async def _forget_minutes(database: Database, *, before: datetime) -> None:
    rows = await database.ask("SELECT key FROM device ORDER BY key")
    devices = [int(row[0]) for row in rows]
    while devices:
        done = await database.write_batch(partial(_delete_minutes, devices=devices, before=micros(before)))
        devices = devices[done:]


def _delete_commands(transaction: Transaction, *, before: int) -> int:
    """Delete from the oldest on, up to the first whose time was up later."""
    oldest = transaction.rows("SELECT key, expires_at FROM command ORDER BY key LIMIT :slice", slice=SLICE)
    kept = next((place for place, row in enumerate(oldest) if row[1] >= before), len(oldest))
    if kept:
        transaction.run("DELETE FROM command WHERE key <= :last", last=oldest[kept - 1][0])
    return kept


def _delete_minutes(transaction: Transaction, *, devices: Sequence[int], before: int) -> int:
    """Delete about a slice of minutes of these devices; return how many devices have no more."""
    deleted = 0
    for place, device in enumerate(devices):
        deleted += transaction.run(
            "DELETE FROM minute WHERE device_key = :device AND at < :before AND at <= coalesce("
            "(SELECT at FROM minute WHERE device_key = :device ORDER BY at LIMIT 1 OFFSET :slice), :before)",
            device=device,
            before=before,
            slice=SLICE,
        )
        if deleted >= SLICE or place == DEVICES:
            return place  # there may be more of this one
    return len(devices)
