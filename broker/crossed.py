"""Says which limits were crossed, where that is only counted when it happens: each at most once a minute."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Final

from broker.counts import Counts, Drop
from broker.line import Hold
from broker.quiet_log import EVERY

_DROPS: Final = (Drop.QUEUE_FULL, Drop.KEPT_FULL, Drop.RETAINED_FULL)
_HOLDS: Final = tuple(hold.name.lower() for hold in (Hold.UNSETTLED, Hold.UNREAD, Hold.DOOR, Hold.RATE, Hold.LATE))
_FILTERS: Final = ("too-many", "too-long")


class CrossedLimits:
    """`look` at every tick. What is said is how often a limit was crossed since it was said last."""

    def __init__(
        self, counts: Counts, logger: logging.Logger, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._counts = counts
        self._logger = logger
        self._seconds = seconds
        self._said: dict[str, tuple[int, float]] = {}  # the number that was told, and when

    def look(self) -> None:
        now = self._seconds()
        for reason, number in self._crossed():
            told, at = self._said.get(reason, (0, -EVERY))
            if number > told and now - at >= EVERY:
                self._said[reason] = (number, now)
                self._logger.warning("limit crossed", {"reason": reason, "times": number - told})

    def _crossed(self) -> Iterator[tuple[str, int]]:
        counts = self._counts
        yield from ((f"dropped-{reason}", counts.drops[reason]) for reason in _DROPS)
        yield from ((f"held-{reason}", counts.holds[reason]) for reason in _HOLDS)
        yield from ((f"filter-{reason}", counts.refused_filters[reason]) for reason in _FILTERS)
