"""How often somebody may try to log in: a bound per account and one per address, both in bounded memory.

Each key has one number, the moment at which its allowance is whole again (a leaky bucket, kept as GCRA does). A try
counts before its password is verified, so that trying in parallel wins nothing; a log-in that succeeds is given back.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct


class Allowance(Struct, frozen=True):
    """`burst` tries at once, then one every `every`."""

    burst: int
    every: timedelta


PER_ACCOUNT = Allowance(10, timedelta(seconds=15))
PER_ADDRESS = Allowance(50, timedelta(seconds=2))


class Attempts:
    """Counts tries to log in. Of more than `remembered` accounts or addresses the longest unused are forgotten."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        per_account: Allowance = PER_ACCOUNT,
        per_address: Allowance = PER_ADDRESS,
        remembered: int = 10_000,
    ) -> None:
        self._clock = clock
        self._accounts = _Ledger(per_account, remembered)
        self._addresses = _Ledger(per_address, remembered)

    def begin(self, *, account: str, address: str) -> timedelta | None:
        """Count a try and return None, or return how long to wait, in which case nothing is counted."""
        now = self._clock()
        address = _network(address)
        wait = max(self._accounts.wait(account, now), self._addresses.wait(address, now))
        if wait > timedelta():
            return wait
        self._accounts.count(account, now)
        self._addresses.count(address, now)
        return None

    def succeeded(self, *, account: str, address: str) -> None:
        """Give the try back: who knows the password was not guessing."""
        self._accounts.forget(account)
        self._addresses.give_back(_network(address))


class _Ledger:
    def __init__(self, allowance: Allowance, remembered: int) -> None:
        self._allowance = allowance
        self._remembered = remembered
        self._whole_at: OrderedDict[str, datetime] = OrderedDict()

    def wait(self, key: str, now: datetime) -> timedelta:
        """Return how long until one more try is allowed; zero or less means now."""
        return self._whole_at.get(key, now) - now - (self._allowance.burst - 1) * self._allowance.every

    def count(self, key: str, now: datetime) -> None:
        self._whole_at[key] = max(self._whole_at.get(key, now), now) + self._allowance.every
        self._whole_at.move_to_end(key)
        if len(self._whole_at) > self._remembered:
            self._whole_at.popitem(last=False)

    def give_back(self, key: str) -> None:
        if key in self._whole_at:
            self._whole_at[key] -= self._allowance.every

    def forget(self, key: str) -> None:
        self._whole_at.pop(key, None)


def _network(address: str) -> str:
    """Return what one person holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return address
