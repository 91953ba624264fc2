"""Who is at the door: how many come from where, how fast, and who fails to say who they are.

Nothing here locks out a client with a good token, since a hotel has one address for its tablets and for a guest who
plays with their passwords. Where there are as many connections as may be, a newcomer takes the place of one that was
not let in yet: of the address that has most of those, the one that has waited longest. Those that come too fast wait
their turn, unread, and each address gets its turns; and a refusal of which an address has had many is told late.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Final, Protocol

from broker.pace import FailedLogins, Pace
from broker.settings import BrokerSettings

UNKNOWN: Final = "unknown"
"""The network of a connection whose address the system does not tell."""

TURN: Final = 0.02
"""Seconds from one group of newcomers to the next. A group is small enough for others to be served in between."""


def network(peer: object) -> str:
    """Return what limits go by: an IPv4 address, or the /64 of an IPv6 one, since whoever has one has all of them.

    `peer` is what a socket says: a tuple that begins with the address.
    """
    if not isinstance(peer, tuple) or not peer:
        return UNKNOWN
    text = str(peer[0])
    if ":" not in text:
        return text
    try:
        address = IPv6Address(text.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"


class Guest(Protocol):
    """A connection that has not been let in yet."""

    def come_in(self) -> None:
        """Its turn has come: what it says is read from now on."""

    def give_way(self) -> None:
        """Its place is needed for another: it must go."""


class Doorman:
    """One for all listeners. `seconds` never goes back; `later` calls after so many of them."""

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        seconds: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._settings = settings
        self._later = later
        self._total = 0
        self._from: Counter[str] = Counter()
        self._strangers = _Crowd()
        self._line = _Crowd()
        self._pace = Pace(settings.connect_rate, reserve=2 * TURN, seconds=seconds)
        self._failures = FailedLogins(settings.failed_logins, seconds=seconds)
        self._kept_waiting = 0

    def arrives(self, guest: Guest, where: str) -> bool:
        """Take in a new connection; False: there are as many as may be, in all or from there, and none gives way.

        In either case it must say when it `leaves`.
        """
        self._total += 1
        self._from[where] += 1
        of_one = self._settings.connections_per_address
        is_crowded = bool(of_one) and self._from[where] > of_one
        if is_crowded or self._total > self._settings.connections:
            gives_way = self._strangers.first_from(where) if is_crowded else self._strangers.first_of_most()
            if gives_way is None:
                return False
            gives_way.give_way()
        self._strangers.add(guest, where)
        return True

    def lets_pass(self, guest: Guest, where: str) -> bool:
        """Whether what it says may be read at once; otherwise it stands in line until it is told to `come_in`."""
        if not self._line and self._pace.take(1):
            return True
        if not self._line:
            self._later(TURN, self._next_turn)
        self._line.add(guest, where)
        return False

    def _next_turn(self) -> None:
        for _ in range(self._pace.take(len(self._line))):
            guest = self._line.first()
            if guest is not None:
                guest.come_in()
        if self._line:
            self._later(TURN, self._next_turn)

    def knows(self, guest: Guest, where: str) -> None:
        """Learn that a connection was let in: it gives way to nobody any more."""
        self._strangers.remove(guest, where)

    def leaves(self, guest: Guest, where: str) -> None:
        """Learn that a connection has ended."""
        self._strangers.remove(guest, where)
        self._line.remove(guest, where)
        self._total -= 1
        self._from[where] -= 1
        if not self._from[where]:
            del self._from[where]

    # Refusals

    def failed(self, where: str) -> bool:
        """Count a failed login; True when there were so many from there that this one is to be told late."""
        return self._failures.count(where)

    def keeps_waiting(self) -> bool:
        """Give a place among those who are told late; False: there is none left. `told` gives it back."""
        if self._kept_waiting >= self._settings.late_refusals:
            return False
        self._kept_waiting += 1
        return True

    def told(self) -> None:
        self._kept_waiting -= 1


class _Crowd:
    """Guests by where they came from, in the order in which they came."""

    def __init__(self) -> None:
        self._from: OrderedDict[str, OrderedDict[Guest, None]] = OrderedDict()
        self._number = 0
        self._having: dict[int, OrderedDict[str, None]] = {}  # networks by how many guests each has
        self._most = 0  # guests that one network has

    def __len__(self) -> int:
        return self._number

    def add(self, guest: Guest, where: str) -> None:
        guests = self._from.setdefault(where, OrderedDict())
        guests[guest] = None
        self._number += 1
        self._now_has(where, len(guests), before=len(guests) - 1)

    def remove(self, guest: Guest, where: str) -> None:
        """Remove one; that it is not there means nothing."""
        guests = self._from.get(where)
        if guests is None or guest not in guests:
            return
        del guests[guest]
        self._number -= 1
        self._now_has(where, len(guests), before=len(guests) + 1)
        if not guests:
            del self._from[where]

    def _now_has(self, where: str, number: int, *, before: int) -> None:
        if before:
            alike = self._having[before]
            del alike[where]
            if not alike:
                del self._having[before]
        if number:
            self._having.setdefault(number, OrderedDict())[where] = None
        if number > self._most or self._most not in self._having:
            self._most = number

    def first_from(self, where: str) -> Guest | None:
        """Remove the first that came from there."""
        guests = self._from.get(where)
        if guests is None:
            return None
        guest = next(iter(guests))
        self.remove(guest, where)
        return guest

    def first(self) -> Guest | None:
        """Remove the first of the next network, so that each of them has its turn."""
        if not self._from:
            return None
        where = next(iter(self._from))
        self._from.move_to_end(where)
        return self.first_from(where)

    def first_of_most(self) -> Guest | None:
        """Remove the first of the network that has the most: who sends many pushes out nobody but its own."""
        return self.first_from(next(iter(self._having[self._most]))) if self._most else None
