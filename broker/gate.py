"""Connections that wait until somebody has room again for what they send."""

import asyncio

from broker.line import Hold, Line

AT_ONCE = 50
"""Lines that are let through before the loop sees to others: each may have a lot that has arrived meanwhile."""


class Gate:
    """While it is `shut`, what a line would bring is put back into it and it is held; then they go on in that order.

    They go on a few at a time, and no further when it is shut again: what makes room for one message is not taken for
    room for everybody's.
    """

    __slots__ = ("_loop", "_reason", "_soon", "_waiting", "shut")

    def __init__(self, reason: Hold, loop: asyncio.AbstractEventLoop) -> None:
        self._reason = reason
        self._loop = loop
        self._waiting: dict[Line, None] = {}
        self._soon = False
        self.shut = False

    def hold(self, line: Line) -> None:
        line.hold(self._reason)
        self._waiting[line] = None

    def forget(self, line: Line) -> None:
        """Let it wait no more: it is gone."""
        self._waiting.pop(line, None)

    def open(self) -> None:
        self.shut = False
        if not self._soon:
            self._let_through()

    def _let_through(self) -> None:
        self._soon = False
        for _ in range(AT_ONCE):
            if self.shut or not self._waiting:
                return
            line = next(iter(self._waiting))
            del self._waiting[line]
            line.release(self._reason)
        if self._waiting:
            self._soon = True
            self._loop.call_soon(self._let_through)
