"""How much is done for peers before the loop looks at its sockets again, and who comes next.

One peer that has sent a lot gets a share and then waits for the others. When many have, the shares are smaller and all
of them together are bounded: who has a single packet to send is served between two such rounds.
"""

import asyncio
from collections import OrderedDict
from typing import Final, Protocol

SHARE: Final = 500
"""What is done for one peer at a time: a read has room for 100,000 of the smallest packets."""

LEAST: Final = 20
"""What is done for each, when many wait: enough for pausing and resuming to be little beside it."""

ROUND: Final = 4_000
"""What is done for all of them between two looks at the sockets: some 30 ms."""


FIRST: Final = ROUND // 2
"""What is done at a time for a service, which takes what all others bring: with no more than the others' share, their
messages would come in many times as fast as it is let to acknowledge them.
"""


class Waiting(Protocol):
    def take_turn(self) -> None:
        """Go on: it may take a `share` again."""


class Turns:
    """One for all lines of a broker. A line does no more than `share` at once; what it did, it says in `took`.

    With a share of 0 it waits. Only who was told to go on, and does so when others have taken everything, does `LEAST`.
    """

    __slots__ = ("_left", "_line", "_loop", "_round_ends", "share")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left = ROUND
        self._line: OrderedDict[Waiting, None] = OrderedDict()
        self._round_ends = False
        self.share = SHARE

    def took(self, cost: int) -> None:
        """Count what was done for a line."""
        self._left -= cost
        if self._left < SHARE:
            self.share = self._allotted()
        self._end_round_soon()

    def wait(self, line: Waiting, *, first: bool = False) -> None:
        """Have a line wait for its next turn, behind those that wait already, or as the `first` of them."""
        self._line[line] = None
        if first:
            self._line.move_to_end(line, last=False)
        self._end_round_soon()

    def forget(self, line: Waiting) -> None:
        self._line.pop(line, None)

    def _allotted(self) -> int:
        if self._left <= 0:
            return 0
        return min(SHARE, max(LEAST, self._left // (1 + len(self._line))))

    def _next_round(self) -> None:
        self._round_ends = False
        self._left = ROUND
        promised = 0  # to those who go on later, and must not be told to all at once
        for _ in range(len(self._line)):
            self.share = self._allotted()
            if not self.share or promised >= ROUND:
                break
            line, _ = self._line.popitem(last=False)
            before = self._left
            line.take_turn()
            if self._left == before:
                promised += self.share
        self.share = self._allotted()
        if self._line:  # Those who were told may have had nothing to do, or gone.
            self._end_round_soon()

    def _end_round_soon(self) -> None:
        if not self._round_ends:
            self._round_ends = True
            self._loop.call_soon(self._next_round)
