"""Gathering heartbeats into minutes: what makes a device's history quick to read without a heartbeat paying for it.

`message` is in order of storing, so one device's samples lie scattered over all of it. They are added up per device and
minute, in bulk and in order of device, into `minute`: once a minute, and sooner where that would be more than is added
up at a time, so that no busy minute is followed by busy seconds. Which messages are in it already stands beside it and
moves in the same transaction, so each is counted once; history reads the minutes, and the messages after them.

What is gathered ends at an id up to which all are there: on PostgreSQL a heartbeat may be committed after one that came
later, so whoever stores messages is waited for first.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from store import sightings
from store.database import Database
from store.transaction import Dialect, Row, Transaction
from store.ungathered import STRIDE

MINUTE: Final = 60_000_000
SLICE: Final = 250
"""Rows of one transaction: a few milliseconds, which is what a batch may have to wait."""

_HEARD = """
    FROM message
    WHERE id > :upto AND id <= :target AND device_key > :device AND kind = 'heartbeat' AND NOT late
    GROUP BY device_key, received_at / :minute
"""
_SUMS = """
    device_key, received_at / :minute AS minute, min(id) AS first_id, count(*) AS count, sum(rssi) AS rssi_sum,
    count(rssi) AS rssi_count, min(rssi) AS rssi_min
"""
_SAMPLES = {
    Dialect.SQLITE: f"""
    SELECT sampled.device_key, sampled.minute * :minute, sampled.first_id, sampled.count, sampled.rssi_sum,
        sampled.rssi_count, sampled.rssi_min, powered.battery, charged.charging
    FROM (
        SELECT {_SUMS},
            max(id) FILTER (WHERE battery IS NOT NULL) AS battery_id,
            max(id) FILTER (WHERE charging IS NOT NULL) AS charging_id
        {_HEARD}
    ) AS sampled
    LEFT JOIN message AS powered ON powered.id = sampled.battery_id
    LEFT JOIN message AS charged ON charged.id = sampled.charging_id
    ORDER BY sampled.device_key, sampled.minute
    """,  # noqa: S608 - ours
    # To look up a message by its id alone means looking into every day.
    Dialect.POSTGRES: f"""
    SELECT device_key, minute * :minute, first_id, count, rssi_sum, rssi_count, rssi_min, battery[1], charging[1]
    FROM (
        SELECT {_SUMS},
            array_agg(battery ORDER BY id DESC) FILTER (WHERE battery IS NOT NULL) AS battery,
            array_agg(charging ORDER BY id DESC) FILTER (WHERE charging IS NOT NULL) AS charging
        {_HEARD}
    ) AS sampled
    ORDER BY device_key, minute
    """,  # noqa: S608 - ours
}


class Progress(Struct, frozen=True):
    """Messages up to `upto` are gathered for all devices, those up to `target` for devices up to `device_key`."""

    upto: int
    target: int
    device_key: int


async def gather(database: Database, *, stride: int = STRIDE, least: int = 0) -> int:
    """Gather what was stored so far, a slice at a time, and return how many rows that made.

    `least`: leave fewer messages than so many for later, when they make no more rows with what comes after them.
    May be stopped, or killed, at any moment and goes on from there. Only one at a time in all processes gets anywhere.
    Raises StoreUnavailable.
    """
    made = 0
    while True:
        progress = await database.write_batch(partial(_begin, stride=stride, least=least))
        made += await _gather(database, progress)
        if progress.target - progress.upto < stride:
            return made  # What came meanwhile is for the next time.


async def _gather(database: Database, progress: Progress) -> int:
    """Gather what `progress` aims at, and return how many rows that made."""
    if progress.upto == progress.target:
        return 0
    rows = await database.read(
        lambda transaction: transaction.rows(
            _SAMPLES[transaction.dialect],
            minute=MINUTE,
            upto=progress.upto,
            target=progress.target,
            device=progress.device_key,
        )
    )
    heard = await database.read(
        lambda transaction: sightings.heard_since(
            transaction, upto=progress.upto, target=progress.target, device_key=progress.device_key
        )
    )
    start = seen = 0
    while start < len(rows):
        end, upto = _end_of_slice(rows, start), seen
        done = Progress(progress.upto, progress.target, rows[end - 1][0])
        while upto < len(heard) and heard[upto][0] <= done.device_key:
            upto += 1
        work = partial(_advance, rows=rows[start:end], heard=heard[seen:upto], before=progress, after=done)
        if not await database.write_batch(work):
            return start
        progress, start, seen = done, end, upto
    finished = Progress(progress.target, progress.target, 0)
    await database.write_batch(partial(_advance, rows=(), heard=(), before=progress, after=finished))
    return len(rows)


def gathered_upto(transaction: Transaction, device_key: int) -> int:
    """The last message id that is in `minute` if it is this device's."""
    progress = _progress(transaction)
    return progress.target if device_key <= progress.device_key else progress.upto


def _progress(transaction: Transaction) -> Progress:
    row = transaction.row("SELECT upto, target, device_key FROM gathered")
    return Progress(*row) if row else Progress(0, 0, 0)


def _begin(transaction: Transaction, *, stride: int, least: int) -> Progress:
    """Go on with what was begun, or aim at the newest message, but no further than a stride, and at `least` so far."""
    progress = _progress(transaction)
    if progress.upto < progress.target:
        return progress
    if least and _newest(transaction) - progress.upto < least:
        return progress
    transaction.hold_inserts("message")  # an id is given out before its row can be seen, and they meet no one order
    target = min(_newest(transaction), progress.upto + stride)
    begun = Progress(progress.upto, max(progress.upto, target), 0)
    _advance(transaction, rows=(), heard=(), before=progress, after=begun)
    return begun


def _newest(transaction: Transaction) -> int:
    row = transaction.row("SELECT coalesce(max(id), 0) FROM message")
    return int(row[0]) if row else 0


def _end_of_slice(rows: Sequence[Row], start: int) -> int:
    """A device's rows are never split: progress is told by device."""
    end = min(start + SLICE, len(rows))
    while end < len(rows) and rows[end][0] == rows[end - 1][0]:
        end += 1
    return end


def _advance(
    transaction: Transaction, *, rows: Sequence[Row], heard: Sequence[Row], before: Progress, after: Progress
) -> bool:
    moved = transaction.run(
        "UPDATE gathered SET upto = :upto, target = :target, device_key = :device"
        " WHERE upto = :was_upto AND target = :was_target AND device_key = :was_device",
        upto=after.upto,
        target=after.target,
        device=after.device_key,
        was_upto=before.upto,
        was_target=before.target,
        was_device=before.device_key,
    )
    if not moved:
        return False
    transaction.many(
        "INSERT INTO minute (device_key, at, first_id, count, rssi_sum, rssi_count, rssi_min, battery, charging)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    sightings.add(transaction, heard)
    return True
