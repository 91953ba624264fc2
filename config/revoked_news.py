"""Telling a broker who is shut out: asked of the store every second, and sooner when the doorbell rings.

A broker that cannot be told any more goes on with what it knows, and its health says so: a hotel's alarms must not go
quiet because the database does.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from rules.revoked import Revoked
from store import Doorbell, StoreUnavailable

_log = logging.getLogger(__name__)

LOOK: Final = 1.0
"""Seconds after which it asks by itself: a deed of another process rings no bell here."""

BREATH: Final = 0.2
"""Seconds between two questions at least: the doorbell rings for other things too, at times with each commit."""

WORRY: Final = 30.0
"""Seconds without an answer after which the process is not well."""


class Knows(Protocol):
    """Whoever knows of revocations: a store, or what stands for one that may not be there."""

    async def revoked(self, after: int) -> tuple[int, tuple[Revoked, ...]]:
        """Raises StoreUnavailable."""


class RevokedNews:
    """What the store knows of revocations, handed on to `tell` in their order. `load` it before the broker listens."""

    def __init__(
        self,
        *,
        store: Knows,
        doorbell: Doorbell,
        tell: Callable[[Iterable[Revoked]], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._doorbell = doorbell
        self._tell = tell
        self._monotonic = monotonic
        self._newest = 0
        self._answered: float | None = None
        self._is_away = False

    async def load(self) -> None:
        """Tell of everybody who is shut out. Raises StoreUnavailable."""
        await self._ask()

    async def run(self) -> None:
        """Tell of whoever is shut out from now on, until cancelled."""
        with self._doorbell.listen() as bell:
            while True:
                await bell.wait(LOOK)
                try:
                    await self._ask()
                except StoreUnavailable as error:
                    self._missed(error)
                await asyncio.sleep(BREATH)

    def problems(self) -> list[str]:
        """What is wrong, in words for the health page; empty when nothing is."""
        if self._answered is None:
            return ["it is not known yet whose tokens are revoked"]
        silent = self._monotonic() - self._answered
        if silent < WORRY:
            return []
        return [f"the database has not said for {silent:.0f} s whose tokens are revoked: nobody new is shut out"]

    async def _ask(self) -> None:
        newest, deeds = await self._store.revoked(self._newest)
        if newest < self._newest:  # A backup was put in its place.
            newest, deeds = await self._store.revoked(0)
        if deeds:
            self._tell(deeds)
            _log.info("revocations taken up", {"number": len(deeds), "newest": newest})
        self._newest = newest
        self._answered = self._monotonic()
        if self._is_away:
            self._is_away = False
            _log.warning("the database says again whose tokens are revoked")

    def _missed(self, error: StoreUnavailable) -> None:
        if not self._is_away:
            self._is_away = True
            _log.warning("cannot ask whose tokens are revoked, trying again", {"error": error})
