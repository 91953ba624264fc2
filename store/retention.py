"""Forgetting what is older than it has to be kept: messages, histories, commands, alerts and events, what was refused.

On PostgreSQL whole days are dropped (`store.partitions`); on SQLite rows are deleted, the oldest first and few at a
time, so that no batch waits for long. Only what is in the minutes and in the states already may go, and the newest
message always stays: SQLite gives the ids after it to those that come. What is too old is said by `store.kept`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from store import audit, partitions, slices
from store.audit import Actor, Deed
from store.coarsening import coarsen
from store.database import Database
from store.forgetting import forget
from store.gathering import gather
from store.kept import Before, Belief, Kept, before_at
from store.slices import delete_all, last_before
from store.times import micros
from store.transaction import Dialect, Transaction

DEVICES: Final = 200
"""Devices that one transaction looks at."""

_DONE_WITH: Final = (
    "(SELECT CASE WHEN gathered.upto < caught_up.upto THEN gathered.upto ELSE caught_up.upto END"
    " FROM gathered CROSS JOIN caught_up)"
)


class Pruned(Struct, frozen=True, rename="camel"):
    """How many rows of each table went, and how much of what is too old stays until the clock is believed."""

    gone: dict[str, int]
    held_back: timedelta


class Retention:
    _database: Database

    async def prune(self, kept: Kept, *, believing: bool, by: Actor, now: datetime) -> Pruned:
        """Forget by hand what is older than it is kept; `believing` the clock, or else a day's worth of each.

        What of that stands in no minutes yet stays. Raises StoreUnavailable.
        """
        await gather(self._database)
        before = before_at(now, kept)
        if not believing:
            before = await Belief().before(self._database, now=now, kept=kept, ticks=0)
        gone = await keep(self._database, now=now, before=before)
        detail = {table: rows for table, rows in gone.items() if rows}
        await self._database.write(
            lambda transaction: audit.note(
                transaction, None, Deed.PRUNED, by=by, subject="prune", now=now, detail=detail
            )
        )
        return Pruned(gone, now - kept.messages - before.messages)


async def keep(database: Database, *, now: datetime, before: Before) -> dict[str, int]:
    """Forget what may go, and say how many rows of each table went; on PostgreSQL, make the days to come too.

    Of messages and minutes only days go there that were over by then; messages are counted by the day. May be stopped
    at any moment. Raises StoreUnavailable, LeaseLost.
    """
    gone = {}
    if database.dialect is Dialect.POSTGRES:
        gone["message"] = await _keep_days(database, now=now, before=partitions.day_of(before.messages))
        await _keep_days_of_minutes(database, before=partitions.day_of(before.history))
        gone["minute"] = await coarsen(database, before=before.messages)
    else:
        gone["message"] = await _forget_messages(database, before=before.messages)
        gone["minute"] = await _forget_minutes(database, before=before.history)
        gone["minute"] += await coarsen(database, before=before.messages)
    gone["command"] = await _forget_commands(database, before=before.history)
    return gone | await forget(database, before=before)


async def _keep_days(database: Database, *, now: datetime, before: int) -> int:
    """Return how many days went."""
    dropped = 0
    made = await database.write(lambda transaction: _make_days(transaction, now=now))
    for day in sorted(day for day in made if day < before):
        # One at a time: whoever reads messages waits while it is dropped.
        if await database.write(partial(_drop_day, day=day)):
            database.known.days.discard(day)
            dropped += 1
    return dropped


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
        partitions.drop(transaction, "message", day)
    return needed is None


async def _keep_days_of_minutes(database: Database, *, before: int) -> None:
    """A day stays as long as that of its messages: there may be some that are in no minutes yet."""
    made = await database.read(
        lambda transaction: partitions.days(transaction, "minute") - partitions.days(transaction, "message")
    )
    for day in sorted(day for day in made if day < before):
        await database.write(partial(_drop_day_of_minutes, day=day))


def _drop_day_of_minutes(transaction: Transaction, *, day: int) -> None:
    transaction.run("SET LOCAL lock_timeout = '500ms'")  # as above
    partitions.drop(transaction, "minute", day)


async def _forget_messages(database: Database, *, before: datetime) -> int:
    return await delete_all(database, partial(_delete_messages, before=micros(before)))


async def _forget_commands(database: Database, *, before: datetime) -> int:
    return await delete_all(database, partial(_delete_commands, before=micros(before)))


def _delete_messages(transaction: Transaction, *, before: int) -> int:
    """Delete from the oldest on, up to the first that is to be kept."""
    oldest = transaction.rows(
        f"SELECT id, received_at FROM message WHERE id <= {_DONE_WITH} AND id < (SELECT max(id) FROM message)"  # noqa: S608
        " ORDER BY id LIMIT :slice",
        slice=slices.SLICE,
    )
    last = last_before(oldest, before)
    return 0 if last is None else transaction.run("DELETE FROM message WHERE id <= :last", last=last)


async def _forget_minutes(database: Database, *, before: datetime) -> int:
    rows = await database.ask("SELECT key FROM device ORDER BY key")
    devices, total = [int(row[0]) for row in rows], 0
    while devices:
        done, deleted = await database.write_batch(partial(_delete_minutes, devices=devices, before=micros(before)))
        devices, total = devices[done:], total + deleted
    return total


def _delete_commands(transaction: Transaction, *, before: int) -> int:
    """Delete from the oldest on, up to the first whose time was up later."""
    oldest = transaction.rows("SELECT key, expires_at FROM command ORDER BY key LIMIT :slice", slice=slices.SLICE)
    last = last_before(oldest, before)
    return 0 if last is None else transaction.run("DELETE FROM command WHERE key <= :last", last=last)


def _delete_minutes(transaction: Transaction, *, devices: Sequence[int], before: int) -> tuple[int, int]:
    """Delete about a slice of minutes of these devices; return how many devices have no more, and how many went."""
    deleted = 0
    for place, device in enumerate(devices):
        deleted += transaction.run(
            "DELETE FROM minute WHERE device_key = :device AND at < :before AND at <= coalesce("
            "(SELECT at FROM minute WHERE device_key = :device ORDER BY at LIMIT 1 OFFSET :slice), :before)",
            device=device,
            before=before,
            slice=slices.SLICE,
        )
        if deleted >= slices.SLICE or place == DEVICES:
            return place, deleted  # there may be more of this one
    return len(devices), deleted
