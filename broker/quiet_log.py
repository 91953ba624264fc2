"""Log lines that a peer can cause, so that no peer can fill the disk with them."""

import logging
import time
from collections.abc import Callable

from msgspec import Struct

EVERY = 60.0
"""Seconds between two lines that say the same."""

LONGEST = 80
"""Characters of anything that a peer chose."""


class _Said(Struct):
    at: float
    since: int = 0


class QuietLog:
    """Warnings, each event and reason at most once a minute with the number of those left out.

    Events and reasons must come from the code, never from a peer: they are kept.
    """

    def __init__(self, logger: logging.Logger, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._seconds = seconds
        self._said: dict[tuple[str, str], _Said] = {}

    def say(self, event: str, reason: str, **fields: str | None) -> None:
        now = self._seconds()
        said = self._said.get((event, reason))
        if said is not None and now - said.at < EVERY:
            said.since += 1
            return
        more = said.since if said is not None else 0
        self._said[event, reason] = _Said(now)
        cut = {name: _cut(text) for name, text in fields.items() if text is not None}
        self._logger.warning(event, {"reason": reason, **cut, "more": more or None})


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
