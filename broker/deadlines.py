"""When connections must be looked at: in ticks for silence, by the clock for tokens.

A connection stands in one place of each, found and left at once, so ten thousand idle ones cost a tick nothing. Ticks
are counted, not seconds: while this process stands still there are none, and our own pause ends nobody.
"""

import heapq
from collections import deque
from datetime import datetime
from typing import Protocol

FURTHEST = 1000
"""Ticks that are planned ahead: who asks for 18 hours is looked at more often, and what has gone leaves no trace."""

REMEMBERED = 600
"""Ticks whose time is known."""

SPARE = 64
"""Times of tokens that have gone which may stand about, beside as many as there are of those that have not."""


class Watched(Protocol):
    due: int

    def look(self) -> None:
        """Do what its time has come for; it is watched no more unless it asks again."""

    def expire(self) -> None:
        """End: the token that it was opened with has."""


class Deadlines:
    """What stands out at which tick and at which time."""

    def __init__(self) -> None:
        self.tick = 0
        self._times: deque[datetime] = deque(maxlen=REMEMBERED)  # of the last ticks, this one's last
        self._due: dict[int, set[Watched]] = {}
        self._expiring: dict[datetime, set[Watched]] = {}
        self._expiries: list[datetime] = []  # a heap of the keys above, and of some that have gone

    def time_of(self, tick: int) -> datetime | None:
        """When a tick was; None for the first of all, and for one too long ago."""
        back = self.tick - tick
        return self._times[-1 - back] if 0 <= back < len(self._times) else None

    def watch(self, one: Watched, *, ticks: int) -> None:
        """Look at it in so many ticks or before, instead of when it was to be looked at so far."""
        self.forget(one)
        one.due = self.tick + min(max(1, ticks), FURTHEST)
        self._due.setdefault(one.due, set()).add(one)

    def forget(self, one: Watched) -> None:
        """Do not look at it any more."""
        self._due.get(one.due, set()).discard(one)

    def expires(self, one: Watched, at: datetime) -> None:
        """Expire it at a time, unless it `leaves` before that."""
        standing = self._expiring.get(at)
        if standing is None:
            standing = self._expiring[at] = set()
            heapq.heappush(self._expiries, at)
        standing.add(one)

    def leaves(self, one: Watched, at: datetime) -> None:
        standing = self._expiring.get(at)
        if standing is None:
            return
        standing.discard(one)
        if not standing:
            del self._expiring[at]
            if len(self._expiries) > 2 * len(self._expiring) + SPARE:
                self._expiries = list(self._expiring)
                heapq.heapify(self._expiries)

    def pass_tick(self, now: datetime) -> None:
        """Count a tick and look at whatever is due. What one of them raises is raised; the others have their turn."""
        self.tick += 1
        self._times.append(now)
        due = self._due.get(self.tick, set())
        try:
            while due:
                due.pop().look()
        finally:
            self._due.pop(self.tick, None)
            for one in due:  # Left over by a fault.
                self.watch(one, ticks=1)
        while self._expiries and self._expiries[0] <= now:
            standing = self._expiring.get(self._expiries[0])
            if standing:
                standing.pop().expire()
            else:
                self._expiring.pop(heapq.heappop(self._expiries), None)
