"""Asking the database until it answers: while it does not, nothing is settled, and nothing is lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from store import StoreUnavailable

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_RETRY_FIRST, _RETRY_LONGEST = 0.05, 2.0
_BLIND_AFTER = timedelta(seconds=10)


async def until_answered(attempt: Callable[[], Awaitable[_T]], *, unanswered: Callable[[StoreUnavailable], None]) -> _T:
    """What comes of the first attempt that the database answers; each that it does not is told to `unanswered`."""
    pause = _RETRY_FIRST
    while True:
        try:
            return await attempt()
        except StoreUnavailable as error:
            unanswered(error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _RETRY_LONGEST)


class Persistence:
    """The intake's, which alone logs that the database is away. `away_since`: since when it has been; None: it is not.

    `blind` is told of it, again and again, when that lasts: our own outage must accuse no tablet.
    """

    def __init__(self, *, now: Callable[[], datetime], blind: Callable[[datetime], None]) -> None:
        self.away_since: datetime | None = None
        self._now = now
        self._blind = blind

    async def ask(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """What comes of the first attempt that the database answers."""
        done = await until_answered(attempt, unanswered=self.is_away)
        self._is_back()
        return done

    def is_away(self, error: StoreUnavailable) -> None:
        """Say that an attempt was not answered."""
        now = self._now()
        if self.away_since is None:
            self.away_since = now
            _log.error("the database does not answer, trying again", {"error": error})
        elif now - self.away_since > _BLIND_AFTER:
            # Before the next attempt, which would otherwise judge deadlines that passed while we heard nobody.
            self._blind(now)

    def _is_back(self) -> None:
        since, self.away_since = self.away_since, None
        if since is not None:
            away_s = round((self._now() - since).total_seconds(), 1)
            _log.warning("the database answers again", {"after_s": away_s})
