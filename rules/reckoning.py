"""Deadlines of devices that a proposal changed, reckoned anew: those that passed live were of the old thresholds.

As the bridge's watch does it: a deadline that only moved away keeps its entry, and is reckoned again when that comes.
"""

import heapq
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rules.deadlines import deadline
from rules.register import Known

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Reckoning:
    """`nearest`: before that nothing is due. `watching_since`: since when somebody listens, at this row."""

    def __init__(self, *, watching_since: datetime) -> None:
        self.nearest = _NEVER
        self.watching_since = watching_since
        self._due: list[tuple[datetime, int, Known]] = []
        self._turn = itertools.count()  # two entries never compare their devices

    def look_at(self, device: Known) -> None:
        """Its deadline may have come nearer."""
        if device.reckoned:
            self._put(device, deadline(device.state, assignment=device.assignment, watching_since=self.watching_since))

    def due_by(self, at: datetime) -> Iterator[tuple[Known, datetime]]:
        """Each deadline that is there by `at`, the earliest first; judge it before asking for the next."""
        while self._due and self._due[0][0] <= at:
            due, _, device = heapq.heappop(self._due)
            if device.due != due:
                continue  # an entry that a nearer one has replaced
            device.due = None
            now = deadline(device.state, assignment=device.assignment, watching_since=self.watching_since)
            if now is not None and now <= due:
                yield device, due
                self.look_at(device)
            else:
                self._put(device, now)
        self.nearest = self._due[0][0] if self._due else _NEVER

    def _put(self, device: Known, due: datetime | None) -> None:
        if due is not None and (device.due is None or due < device.due):
            device.due = due
            heapq.heappush(self._due, (due, next(self._turn), device))
            self.nearest = min(self.nearest, due)
