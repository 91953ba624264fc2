"""When connections must be looked at: in ticks for silence, by the clock for tokens.

A connection stands in one place of each, found and left at once, so ten thousand idle ones cost a tick nothing. Ticks
are counted, not seconds: while this process stands still there are none, and our own pause ends nobody.
"""

import heapq
from datetime import datetime
from typing import Protocol

FURTHEST = 1000
"""Ticks that are planned ahead: who asks for 18 hours is looked at more often, and what has gone leaves no trace."""


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
        self._due: dict[int, set[Watched]] = {}
        self._expiring: dict[datetime, set[Watched]] = {}
        self._expiries: list[datetime] = []  # a heap of the keys above

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
        self._expiring.get(at, set()).discard(one)

    def pass_tick(self, now: datetime) -> None:
        """Count a tick and look at whatever is due."""
        self.tick += 1
        for one in self._due.pop(self.tick, ()):
            one.look()
        while self._expiries and self._expiries[0] <= now:
            for one in self._expiring.pop(heapq.heappop(self._expiries)):
                one.expire()
