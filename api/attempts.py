"""How often somebody may try to log in, in bounded memory: at an account from one network, at an account at all, and
from one network at all.

The first bound is the strict one. The second is loose, and does not hold for networks from which the account's own
person has logged in: or whoever guesses wrong often enough, from wherever, would lock that person out.

A try counts before its password is verified, so that trying in parallel wins nothing; a log-in that succeeds is given
back.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta

from api.allowances import Allowance, Allowances

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
        self._persons = Allowances(per_person, remembered=remembered)
        self._accounts = Allowances(per_account, remembered=remembered)
        self._networks = Allowances(per_network, remembered=remembered)
        self._remembered = remembered
        self._at_home: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, *, account: str, address: str) -> timedelta | None:
        """Count a try and return None, or return how long to wait, in which case nothing is counted."""
        now = self._clock()
        bounds = self._bounds(account, network_of(address))
        wait = max(ledger.wait(key, now) for ledger, key in bounds)
        if wait > timedelta():
            return wait
        for ledger, key in bounds:
            ledger.count(key, now)
        return None

    def begin_at(self, address: str) -> timedelta | None:
        """As `begin`, for what names no account, such as a link for a new password."""
        now, network = self._clock(), network_of(address)
        wait = self._networks.wait(network, now)
        if wait > timedelta():
            return wait
        self._networks.count(network, now)
        return None

    def succeeded(self, *, account: str, address: str) -> None:
        """Give the try back: who knows the password was not guessing, and may be told from those who are."""
        network = network_of(address)
        for ledger, key in self._bounds(account, network):
            ledger.give_back(key)
        self._persons.forget((account, network))
        self._at_home[account, network] = None
        self._at_home.move_to_end((account, network))
        if len(self._at_home) > self._remembered:
            self._at_home.popitem(last=False)

    def _bounds(self, account: str, network: str) -> list[tuple[Allowances, Hashable]]:
        bounds: list[tuple[Allowances, Hashable]] = [(self._persons, (account, network)), (self._networks, network)]
        if (account, network) not in self._at_home:
            bounds.append((self._accounts, account))
        return bounds


def network_of(address: str) -> str:
    """Return what one person holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return address
