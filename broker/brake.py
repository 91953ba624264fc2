"""Clients that send more than they may: nothing of it is lost, it is read later.

What a client may send is its identity's, not the connection's: coming again, or under another client id, does not fill
it up.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from broker.pace import UNBOUNDED, Allowance
from broker.settings import BrokerSettings
from broker.tokens import Claims, TokenType

REMEMBERED: Final = 10_000
"""Clients that went with less than all of what they may send; with more of them the first to go begin anew."""

AT_ONCE: Final = 20
"""Clients that go on before the loop sees to others: each may have a lot that has arrived meanwhile."""


class Sender(Protocol):
    """A client's connection. It takes 1 off `allowed` for each packet, and asks `may_go_on` when it is below 1."""

    allowed: float
    filled: int  # the tick at which something was added to it last

    def slow_down(self) -> None:
        """Read no more, until told to `go_on`."""

    def go_on(self) -> None: ...


class Brake:
    """One for all clients of a broker; `tick` is called at each of its ticks. `soon` calls when others had a turn."""

    def __init__(self, settings: BrokerSettings, *, soon: Callable[[Callable[[], None]], object]) -> None:
        self._allowance = Allowance(settings)
        self._soon = soon
        self._tick = 0
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()  # by identity: what it had when it went, when
        self._held: dict[Sender, None] = {}
        self._going: OrderedDict[Sender, None] = OrderedDict()

    def begins(self, sender: Sender, claims: Claims) -> None:
        """Give a client what it may send. Services, which speak for everybody, have no bound."""
        sender.filled = self._tick
        if claims.type is TokenType.SERVICE:
            sender.allowed = UNBOUNDED
            return
        left, then = self._left.pop(claims.sub, (self._allowance.at_first, self._tick))
        sender.allowed = self._allowance.refilled(left, ticks=self._tick - then)

    def ends(self, sender: Sender, sub: str) -> None:
        """Remember what a client has left when its connection ends."""
        self._held.pop(sender, None)
        self._going.pop(sender, None)
        if sender.allowed < self._allowance.at_first:
            self._left[sub] = (sender.allowed, sender.filled)
            if len(self._left) > REMEMBERED:
                self._left.popitem(last=False)

    def check(self, sender: Sender) -> None:
        """Add what time has brought, and hold the client if that is not enough for a packet."""
        sender.allowed = self._allowance.refilled(sender.allowed, ticks=self._tick - sender.filled)
        sender.filled = self._tick
        if sender.allowed < 1:
            self._held[sender] = None
            sender.slow_down()

    def tick(self) -> None:
        self._tick += 1
        if self._held:
            is_idle = not self._going
            self._going.update(self._held)
            self._held.clear()
            if is_idle:
                self._go_on()

    def _go_on(self) -> None:
        for _ in range(AT_ONCE):
            if not self._going:
                return  # What one of them sent may have been the end of others.
            sender, _ = self._going.popitem(last=False)
            self.check(sender)
            if sender not in self._held:
                sender.go_on()
        if self._going:
            self._soon(self._go_on)
