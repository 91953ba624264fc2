"""What is done at intervals: when it was begun, succeeded and failed last. A job that nobody ran has no row."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from store.database import Database
from store.errors import DataRefused, StoreError, StoreUnavailable
from store.records import Job
from store.times import maybe_moment, moment
from store.transaction import Transaction

_log = logging.getLogger(__name__)

_LONGEST_ERROR = 500


class Jobs:
    _database: Database

    @asynccontextmanager
    async def job(self, name: str, *, now: Callable[[], datetime]) -> AsyncIterator[None]:
        """Note that a job is begun, and how it ended: one whose data the database refuses has failed, and is over.

        Raises StoreUnavailable.
        """
        began = now()
        await self._database.write(lambda transaction: _begin(transaction, name, now=began))
        error: StoreError | None = None
        try:
            yield
        except DataRefused as refusal:
            _log.error("a job failed", {"job": name, "error": refusal})
            error = refusal
        except StoreUnavailable as away:
            error = away
            raise
        finally:
            if not isinstance(error, StoreUnavailable):
                await self._end(name, began, now=now(), error=error)

    async def _end(self, name: str, began: datetime, *, now: datetime, error: StoreError | None) -> None:
        await self._database.write(
            lambda transaction: _end(
                transaction, name, now=now, took=now - began, error=None if error is None else str(error)
            )
        )

    async def jobs(self) -> tuple[Job, ...]:
        """In order of name."""
        rows = await self._database.ask(
            "SELECT name, started_at, succeeded_at, failed_at, error, took_ms FROM job ORDER BY name"
        )
        return tuple(
            Job(
                name=row[0],
                started_at=moment(row[1]),
                succeeded_at=maybe_moment(row[2]),
                failed_at=maybe_moment(row[3]),
                error=row[4],
                took_s=None if row[5] is None else row[5] / 1000,
            )
            for row in rows
        )


def _begin(transaction: Transaction, name: str, *, now: datetime) -> None:
    transaction.run(
        "INSERT INTO job (name, started_at) VALUES (:name, :now)"
        " ON CONFLICT (name) DO UPDATE SET started_at = excluded.started_at",
        name=name,
        now=now,
    )


def _end(transaction: Transaction, name: str, *, now: datetime, took: timedelta, error: str | None) -> None:
    took_ms = round(took.total_seconds() * 1000)
    if error is None:
        transaction.run(
            "UPDATE job SET succeeded_at = :now, error = NULL, took_ms = :took WHERE name = :name",
            now=now,
            took=took_ms,
            name=name,
        )
    else:
        transaction.run(
            "UPDATE job SET failed_at = :now, error = :error, took_ms = :took WHERE name = :name",
            now=now,
            error=error[:_LONGEST_ERROR].replace("\0", ""),
            took=took_ms,
            name=name,
        )
