"""How often somebody may try to log in, in bounded memory: at an account from one network, at an account at all, and
from one network at all.

The first bound is the strict one. The second is loose, and does not hold for networks from which the account's own
person has logged in: or whoever guesses wrong often enough, from wherever, would lock that person out.

Each key has one number, the moment at which its allowance is whole again (a leaky bucket, kept as GCRA does). A try
counts before its password is verified, so that trying in parallel wins nothing; a log-in that succeeds is given back.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta

from msgspec import Struct


class Allowance(Struct, frozen=True):
    """`burst` tries at once, then one every `every`."""

    burst: int
    every: timedelta


PER_PERSON = Allowance(10, timedelta(seconds=15))
"""For one account, from one network."""

PER_ACCOUNT = Allowance(100, timedelta(seconds=5))
PER_NETWORK = Allowance(50, timedelta(seconds=2))


class Attempts:
    """Counts tries to log in. Of more than `remembered` accounts or networks the longest unused are forgotten."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        per_person: Allowance = PER_PERSON,
        per_account: Allowance = PER_ACCOUNT,
        per_network: Allowance = PER_NETWORK,
        remembered: int = 10_000,
    ) -> None:
        self._clock = clock
        self._persons = _Ledger(per_person, remembered)
        self._accounts = _Ledger(per_account, remembered)
        self._networks = _Ledger(per_network, remembered)
        self._remembered = remembered
        self._at_home: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, *, account: str, address: str) -> timedelta | None:
        """Count a try and return None, or return how long to wait, in which case nothing is counted."""
        now = self._clock()
        bounds = self._bounds(account, _network(address))
        wait = max(ledger.wait(key, now) for ledger, key in bounds)
        if wait > timedelta():
            return wait
        for ledger, key in bounds:
            ledger.count(key, now)
        return None

    def succeeded(self, *, account: str, address: str) -> None:
        """Give the try back: who knows the password was not guessing, and may be told from those who are."""
        network = _network(address)
        for ledger, key in self._bounds(account, network):
            ledger.give_back(key)
        self._persons.forget((account, network))
        self._at_home[account, network] = None
        self._at_home.move_to_end((account, network))
        if len(self._at_home) > self._remembered:
            self._at_home.popitem(last=False)

    def _bounds(self, account: str, network: str) -> list[tuple["_Ledger", Hashable]]:
        bounds: list[tuple[_Ledger, Hashable]] = [(self._persons, (account, network)), (self._networks, network)]
        if (account, network) not in self._at_home:
            bounds.append((self._accounts, account))
        return bounds


class _Ledger:
    def __init__(self, allowance: Allowance, remembered: int) -> None:
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


def _network(address: str) -> str:
    """Return what one person holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return address
