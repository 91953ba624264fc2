"""How fast: new connections of a broker by the clock, packets of a client by ticks, failed logins by the minute."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from broker.settings import BrokerSettings

UNBOUNDED: Final = float("inf")

WINDOW: Final = 60.0
"""Seconds for which failed logins are counted together."""

NETWORKS: Final = 10_000
"""Networks whose failed logins are remembered. With more, all of them begin anew: it is a brake, not a record."""

RESERVE: Final = 5
"""Seconds' worth of packets that a client can send at once after a calm time, as a tablet that catches up does."""


class Pace:
    """So many a second, and no more at once than in `reserve` seconds: a token bucket. A rate of 0 has no limit."""

    def __init__(self, rate: int, *, reserve: float, seconds: Callable[[], float]) -> None:
        self._rate = rate
        self._seconds = seconds
        self._most = max(1.0, rate * reserve)
        self._left = self._most
        self._at = seconds()

    def take(self, wanted: int) -> int:
        """Return how many of those wanted may go now."""
        if not self._rate:
            return wanted
        if self._left < wanted:
            now = self._seconds()
            self._left = min(self._most, self._left + (now - self._at) * self._rate)
            self._at = now
        granted = min(wanted, int(self._left))
        self._left -= granted
        return granted


class Allowance:
    """What each client may send, in packets. It is counted down by whoever has it and refilled only when it is used up,
    so that a packet pays for a subtraction and reads no clock. A rate of 0 has no limit.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        rate = settings.message_rate
        self._a_tick = rate * (settings.sweep / timedelta(seconds=1))
        self.at_first = rate * float(RESERVE) if rate else UNBOUNDED

    def refilled(self, left: float, *, ticks: int) -> float:
        """Return what is left after so many ticks more. While that is below 1 the client has to wait."""
        return min(self.at_first, left + ticks * self._a_tick)


class FailedLogins:
    """Failed logins by network, a minute at a time."""

    def __init__(self, allowed: int, *, seconds: Callable[[], float]) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._failed: Counter[str] = Counter()
        self._until = seconds() + WINDOW

    def count(self, where: str) -> bool:
        """Count one; True when there are more of them than allowed. 0 allowed has no limit."""
        if not self._allowed:
            return False
        now = self._seconds()
        if now >= self._until or (len(self._failed) >= NETWORKS and where not in self._failed):
            self._failed.clear()
            self._until = now + WINDOW
        self._failed[where] += 1
        return self._failed[where] > self._allowed
