"""What is done at intervals: when it was begun, succeeded and failed last. A job that nobody ran has no row."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from store.database import Database
from store.errors import DataRefused, LeaseLost, StoreError, StoreUnavailable
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

        One that crashes has failed too, and raises what it raised. One that is cancelled, or that cannot go on here,
        has neither failed nor succeeded. Raises StoreUnavailable, LeaseLost.
        """
        began = now()
        await self._database.write(lambda transaction: _begin(transaction, name, now=began))
        try:
            yield
        except (StoreUnavailable, LeaseLost):
            raise
        except DataRefused as refusal:
            _log.error("a job failed", {"job": name, "error": refusal})
            await self._end(name, began, now=now(), error=str(refusal))
        except Exception as crash:
            with contextlib.suppress(StoreError):  # What it crashed of is what matters.
                await self._end(name, began, now=now(), error=f"{type(crash).__name__}: {crash}")
            raise
        else:
            await self._end(name, began, now=now(), error=None)

    async def _end(self, name: str, began: datetime, *, now: datetime, error: str | None) -> None:
        await self._database.write(lambda transaction: _end(transaction, name, now=now, took=now - began, error=error))

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
