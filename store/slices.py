"""Deleting a slice at a time, so that no batch waits for long: over and over, until no slice is full.

Where rows are in the order of their time, they go up to the first that is to be kept.
"""

from collections.abc import Callable, Sequence
from typing import Final

from store.database import Database
from store.transaction import Row, Transaction

SLICE: Final = 250
"""Rows that one transaction deletes: a few milliseconds."""


async def delete_all(database: Database, some: Callable[[Transaction], int]) -> int:
    """Have `some` delete slices until it finds less than one; how many rows went. May be stopped at any moment.

    Raises StoreUnavailable.
    """
    total = 0
    while True:
        deleted = await database.write_batch(some)
        total += deleted
        if deleted < SLICE:
            return total


def last_before(rows: Sequence[Row], before: int) -> int | None:
    """Of rows of a number and a time: the number of the last before the first that is to be kept."""
    last = None
    for number, at in rows:
        if at >= before:
            break
        last = int(number)
    return last
