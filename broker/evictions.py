"""Ending those who are in by a token that is void by now: a few at a time, so that everybody else is served too."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from broker.counts import End
from broker.revoked import Revocations
from broker.session import Session
from broker.sessions import Sessions
from broker.tokens import KeyRing
from rules.revoked import Revoked

A_TURN: Final = 20
"""Sessions that are ended before the loop sees to sockets again, when many are shut out at once."""


class Evictions:
    """Nobody who is evicted has a will published, and of who is revoked nothing is kept."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        revocations: Revocations,
        keys: KeyRing,
        clock: Callable[[], datetime],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._sessions = sessions
        self._revocations = revocations
        self._keys = keys
        self._clock = clock
        self._loop = loop
        self._waiting: deque[Session] = deque()

    def revoke(self, deeds: Iterable[Revoked]) -> None:
        """Let nobody in any more by a token that these deeds void, and end whoever is in by one."""
        self._revocations.learn(deeds)
        revokes = self._revocations.revokes
        self._soon_out(session for session in self._sessions.values() if revokes(session.claims))

    def keys_changed(self) -> None:
        """End whoever is in by a token whose key was taken out of the ring."""
        known = self._keys.known(self._clock())
        self._soon_out(
            session
            for session in self._sessions.values()
            if session.wire is not None and session.claims.kid not in known
        )

    def _soon_out(self, sessions: Iterable[Session]) -> None:
        if not self._waiting:
            self._loop.call_soon(self._shut_out)
        self._waiting.extend(sessions)

    def _shut_out(self) -> None:
        for _ in range(min(A_TURN, len(self._waiting))):
            session = self._waiting.popleft()
            is_revoked = self._revocations.revokes(session.claims)
            if not is_revoked and self._keys.knows(session.claims.kid, self._clock()):
                continue  # It came back meanwhile, with a better token.
            if session.wire is not None:
                session.wire.end(End.REVOKED)
            elif is_revoked and self._sessions.get(session.client_id) is session:
                self._sessions.forget(session)
        if self._waiting:
            self._loop.call_soon(self._shut_out)
