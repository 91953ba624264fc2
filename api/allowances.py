"""How often somebody may do something, in bounded memory.

Each key has one number, the moment at which its allowance is whole again (a leaky bucket, kept as GCRA does).
"""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta

from msgspec import Struct


class Allowance(Struct, frozen=True):
    """`burst` tries at once, then one every `every`."""

    burst: int
    every: timedelta


class Allowances:
    """One allowance for each key. Of more than `remembered` keys the longest unused are forgotten."""

    def __init__(self, allowance: Allowance, *, remembered: int) -> None:
        self._allowance = allowance
        self._remembered = remembered
        self._whole_at: OrderedDict[Hashable, datetime] = OrderedDict()

    def wait(self, key: Hashable, now: datetime) -> timedelta:
        """Return how long until one more try is allowed; zero or less means now."""
        return self._whole_at.get(key, now) - now - (self._allowance.burst - 1) * self._allowance.every

    def count(self, key: Hashable, now: datetime) -> None:
        self._whole_at[key] = max(self._whole_at.get(key, now), now) + self._allowance.every
        self._whole_at.move_to_end(key)
        if len(self._whole_at) > self._remembered:
            self._whole_at.popitem(last=False)

    def give_back(self, key: Hashable) -> None:
        if key in self._whole_at:
            self._whole_at[key] -= self._allowance.every

    def forget(self, key: Hashable) -> None:
        self._whole_at.pop(key, None)
