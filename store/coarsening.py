"""Minutes that are older than the messages they were made of become five minutes each, in place.

So a history of three months takes a fifth of the room. Up to when that has been done stands beside the minutes; what
was interrupted is done again, which changes nothing where it was done already.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Final

from msgspec import Struct

from store.database import Database
from store.times import micros
from store.transaction import Row, Transaction

FIVE_MINUTES: Final = 300_000_000
SLICE: Final = 250
"""Rows that one transaction looks at: a few milliseconds."""

_MINUTES = (
    "SELECT at, first_id, count, rssi_sum, rssi_count, rssi_min, battery, charging FROM minute"
    " WHERE device_key = :device AND at >= :start AND at < :end ORDER BY at, first_id"
)


async def coarsen(database: Database, *, before: datetime) -> int:
    """Make five minutes of the minutes before this moment; return how many rows that saves. May be stopped any time.

    Raises StoreUnavailable.
    """
    upto = micros(before) - micros(before) % FIVE_MINUTES
    start = int((await database.ask("SELECT coarse_before FROM gathered"))[0][0])
    if upto <= start:
        return 0
    devices = [int(row[0]) for row in await database.ask("SELECT key FROM device ORDER BY key")]
    saved = 0
    while devices:
        first = await database.write_batch(partial(_coarsen_some, devices=tuple(devices), start=start, end=upto))
        saved += first.saved
        devices = devices[first.devices :]
        while first.rest is not None:  # of the device after those: more than one transaction should do
            first = await database.write_batch(partial(_coarsen_part, device=devices[0], start=first.rest, end=upto))
            saved += first.saved
            devices = devices[first.devices :]
    await database.write_batch(partial(_note, upto=upto))
    return saved


def coarse_before(transaction: Transaction) -> int:
    """Minutes before this moment are five minutes each."""
    row = transaction.row("SELECT coarse_before FROM gathered")
    return 0 if row is None else int(row[0])


class _Done(Struct, frozen=True):
    """`devices` are done; of the one after them, what lies before `rest`."""

    saved: int
    devices: int
    rest: int | None = None


def _coarsen_some(transaction: Transaction, *, devices: tuple[int, ...], start: int, end: int) -> _Done:
    transaction.hold("SELECT 1 FROM gathered")  # two who do it at once would both write the same five minutes
    saved = looked_at = 0
    for place, device in enumerate(devices):
        rows = transaction.rows(f"{_MINUTES} LIMIT :limit", device=device, start=start, end=end, limit=SLICE + 1)
        if len(rows) > SLICE:
            return _Done(saved, place, start)
        saved += _replace(transaction, device, rows)
        looked_at += len(rows) + 1
        if looked_at >= SLICE:
            return _Done(saved, place + 1)
    return _Done(saved, len(devices))


def _coarsen_part(transaction: Transaction, *, device: int, start: int, end: int) -> _Done:
    """Some whole five minutes of one device, from `start` on."""
    transaction.hold("SELECT 1 FROM gathered")
    rows = transaction.rows(f"{_MINUTES} LIMIT :limit", device=device, start=start, end=end, limit=SLICE + 1)
    if len(rows) <= SLICE:
        return _Done(_replace(transaction, device, rows), 1)
    last = rows[-1][0] - rows[-1][0] % FIVE_MINUTES
    if rows[0][0] >= last:  # five minutes of more rows than a slice: nobody is that loud, but it must come to an end
        last += FIVE_MINUTES
        rows = transaction.rows(_MINUTES, device=device, start=start, end=min(last, end))
    return _Done(_replace(transaction, device, [row for row in rows if row[0] < last]), 0, last)


def _replace(transaction: Transaction, device: int, rows: list[Row]) -> int:
    """Write five-minute rows in place of these, from the first to the last that is none; return how many it saves."""
    groups = [(at, list(group)) for at, group in groupby(rows, key=lambda row: row[0] - row[0] % FIVE_MINUTES)]
    finer = [place for place, (at, minutes) in enumerate(groups) if len(minutes) > 1 or minutes[0][0] != at]
    if not finer:
        return 0
    groups = groups[finer[0] : finer[-1] + 1]
    transaction.run(
        "DELETE FROM minute WHERE device_key = :device AND at >= :start AND at < :end",
        device=device,
        start=groups[0][0],
        end=groups[-1][0] + FIVE_MINUTES,
    )
    transaction.fill(
        "INSERT INTO minute (device_key, at, first_id, count, rssi_sum, rssi_count, rssi_min, battery, charging)"
        " VALUES",
        [(device, at, *_sum(minutes)) for at, minutes in groups],
    )
    return sum(len(minutes) - 1 for _, minutes in groups)


def _sum(minutes: list[Row]) -> Row:
    """The rows of one device in five minutes, added up; of battery and charger the last that was known."""
    _, first_ids, counts, rssi_sums, rssi_counts, rssi_mins, batteries, chargings = zip(*minutes, strict=True)
    charging = _last(chargings)
    return (
        min(first_ids),
        sum(counts),
        _sum_of(rssi_sums),
        sum(rssi_counts),
        min((rssi for rssi in rssi_mins if rssi is not None), default=None),
        _last(batteries),
        None if charging is None else bool(charging),
    )


def _sum_of(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _last(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return known[-1] if known else None


def _note(transaction: Transaction, *, upto: int) -> None:
    transaction.run("UPDATE gathered SET coarse_before = :upto WHERE coarse_before < :upto", upto=upto)
