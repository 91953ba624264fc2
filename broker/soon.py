"""What is done at the loop's next turn: connections write what was sent to them, and sessions with a lot of work do a
share of it each.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from broker.line import Line
from broker.outgoing import SHARE
from broker.session import Session

SHARES_A_TURN: Final = 5 * SHARE
"""What is done for all sessions that have a lot of work before the loop sees to sockets again; about a millisecond."""


class Soon:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.lines: list[Line] = []
        self.sessions: OrderedDict[Session, None] = OrderedDict()  # in the order of their turns
        self._works = False

    def flush(self, line: Line) -> None:
        """Have a connection write at the loop's next turn, once, whatever is sent to it until then."""
        if not self.lines:
            self._loop.call_soon(self._flush)
        self.lines.append(line)

    def work(self, session: Session) -> None:
        """Have a session do a further share of its work when those before it had theirs."""
        self.sessions[session] = None
        if not self._works:
            self._works = True
            self._loop.call_soon(self._work)

    def forget(self, session: Session) -> None:
        self.sessions.pop(session, None)

    def _flush(self) -> None:
        lines, self.lines = self.lines, []
        for line in lines:
            line.flush()

    def _work(self) -> None:
        left = SHARES_A_TURN
        while self.sessions and left > 0:
            session, _ = self.sessions.popitem(last=False)
            left -= max(1, session.work())
        self._works = bool(self.sessions)
        if self._works:
            self._loop.call_soon(self._work)
