"""Whether the database answers, for the health of a process that only asks it when somebody comes."""

import asyncio
from typing import Final

from store import Store, StoreUnavailable

EVERY: Final = 2.0
"""Seconds between two looks, and that one may take."""


class Pulse:
    """Feels the pulse of an open store while `run` runs."""

    def __init__(self, store: Store, *, every: float = EVERY) -> None:
        self._store = store
        self._every = every
        self._answers = True

    def problems(self) -> list[str]:
        """What is wrong, in words for the health page; empty when nothing is."""
        return [] if self._answers else ["the database does not answer"]

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._every):
                    await self._store.newest_events()
            except (StoreUnavailable, TimeoutError):
                self._answers = False
            else:
                self._answers = True
            await asyncio.sleep(self._every)
