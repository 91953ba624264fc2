"""Waiting for what a process needs and that may not be there yet: started in any order, each gets to work by itself.

What it waits for stands on its health page, and in the log whenever that changes. Pauses grow, up to a bound, and are
never the same in two processes: whoever comes back is not run over by all who waited.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

FIRST, LONGEST = 0.1, 2.0
"""Seconds between two attempts, of which at least half is waited."""

STARTING: Final = "starting"

_log = logging.getLogger(__name__)


class NotYet(Exception):
    """Something that is needed is not there. The text is for a page that anybody may read, `detail` for the log."""

    def __init__(self, what: str, *, detail: str = "") -> None:
        super().__init__(what)
        self.detail = detail


class Waiting:
    """What a process waits for before it can do its work; None when it has everything."""

    def __init__(self) -> None:
        self.lacks: str | None = STARTING

    def problems(self) -> list[str]:
        """The same for the health page."""
        return [] if self.lacks is None else [self.lacks]

    async def until(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until it does not raise NotYet any more."""
        pause = FIRST
        while True:
            try:
                return await attempt()
            except NotYet as missing:
                self._note(missing)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311, chance, not secrets
            pause = min(2 * pause, LONGEST)

    def over(self) -> None:
        """Say that everything is there."""
        self.lacks = None

    def _note(self, missing: NotYet) -> None:
        if self.lacks != str(missing):
            self.lacks = str(missing)
            _log.warning("waiting", {"missing": missing, "error": missing.detail or None})
