"""Deadlines of devices that a proposal changed, reckoned anew: those that passed live were of the old thresholds.

As the bridge's watch does it: a deadline that only moved away keeps its entry, and is reckoned again when that comes.
Then it is nearly always the silence's, which some heartbeats have put off, and no other is asked for: each of them was
further away when the device was last looked at, and has come no nearer since.
"""

import heapq
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rules import silence
from rules.deadlines import deadline, of_others, sooner
from rules.register import Watched

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Reckoning:
    """`nearest`: before that nothing is due. `watching_since`: since when somebody listens, at this row."""

    def __init__(self, *, watching_since: datetime) -> None:
        self.nearest = _NEVER
        self.watching_since = watching_since
        self._due: list[tuple[datetime, int, Watched]] = []
        self._turn = itertools.count()  # two entries never compare their devices

    def look_at(self, device: Watched) -> None:
        """Its deadline may have come nearer."""
        if device.reckoned:
            state, assignment, since = device.state, device.assignment, self.watching_since
            device.besides = of_others(state, assignment=assignment, watching_since=since)
            self._put(device, sooner(self._of_silence(device), device.besides))

    def due_by(self, at: datetime) -> Iterator[tuple[Watched, datetime]]:
        """Each deadline that is there by `at`, the earliest first; judge it before asking for the next."""
        while self._due and self._due[0][0] <= at:
            due, _, device = heapq.heappop(self._due)
            if device.due != due:
                continue  # an entry that a nearer one has replaced
            device.due = None
            if device.besides is None or device.besides > due:
                silent = self._of_silence(device)
                if silent is None or silent > due:
                    self._put(device, sooner(silent, device.besides))
                    continue
            now = deadline(device.state, assignment=device.assignment, watching_since=self.watching_since)
            if now is not None and now <= due:
                yield device, due
            self.look_at(device)
        self.nearest = self._due[0][0] if self._due else _NEVER

    def _of_silence(self, device: Watched) -> datetime | None:
        return silence.deadline(device.state, assignment=device.assignment, watching_since=self.watching_since)

    def _put(self, device: Watched, due: datetime | None) -> None:
        if due is not None and (device.due is None or due < device.due):
            device.due = due
            heapq.heappush(self._due, (due, next(self._turn), device))
            self.nearest = min(self.nearest, due)
