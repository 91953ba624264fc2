"""The journal of when the bridge could hear the tablets and store what they say (docs/adr/0035).

One row for each stretch of time, moved on every few seconds while it lasts. What lies between two rows was our own
outage. A stretch begins in the very transaction that lets the rules know of the gap before it (`Batch.listening`), so
that the end of a process in between neither loses a gap nor counts one twice.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct

from store.batch import Stretch
from store.database import Database
from store.times import moment
from store.transaction import Transaction

KEPT: Final = 1000
"""Stretches: outages of ours are rare, and one that is not in the journal any more is among the inputs of the rules."""

_LAST: Final = 200


class Listened(Struct, frozen=True):
    """From when until when the bridge was listening."""

    since: datetime
    until: datetime


class Listening:
    _database: Database

    async def listened(self) -> list[Listened]:
        """Return the last stretches, the earliest first; each until some seconds before its end."""
        rows = await self._database.ask("SELECT since, until FROM listening ORDER BY key DESC LIMIT :most", most=_LAST)
        return [Listened(moment(since), moment(until)) for since, until in reversed(rows)]

    async def keep_listening(self, *, until: datetime) -> None:
        """Note that the bridge is listening still; nothing happens before it has begun (`Batch.listening`)."""
        await self._database.write_alone(
            lambda transaction: transaction.run(
                "UPDATE listening SET until = :until WHERE key = (SELECT max(key) FROM listening)", until=until
            )
        )


def begin(transaction: Transaction, stretch: Stretch) -> None:
    """Begin a stretch, and say why the last one ended."""
    transaction.run(
        "UPDATE listening SET why = :why WHERE key = (SELECT max(key) FROM listening)", why=stretch.why_not_before
    )
    key = transaction.insert(
        "INSERT INTO listening (since, until) VALUES (:since, :since) RETURNING key", since=stretch.since
    )
    transaction.run("DELETE FROM listening WHERE key <= :old", old=key - KEPT)
