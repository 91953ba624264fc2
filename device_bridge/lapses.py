"""Answers to alerts that come to their end by themselves: acknowledgments that lapse, snoozes that are over.

When each does is a column, so that no end is forgotten, whatever happened to whom in between; it is dated at its
moment, not at its discovery.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime

from store import Store, StoreUnavailable

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_PAGE = 100


class Lapses:
    def __init__(self, *, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(StoreUnavailable):  # the intake reports it
                await self.end_what_is_over()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def end_what_is_over(self) -> None:
        """Raises StoreUnavailable."""
        for overdue in await self._store.overdue_answers(self._now(), limit=_PAGE):
            if await self._store.end_answers(overdue.hotel_id, overdue.alert_id, now=self._now()):
                _log.info(
                    "nobody answers for an alert any more", {"hotel": overdue.hotel_id, "alert": overdue.alert_id}
                )
