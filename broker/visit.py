"""A connection from the door to its last byte: let in or refused, looked at when due, and every way in which it ends.

What is said in between is `broker/connection.py`. What goes wrong in a connection closes it and touches no other.
"""

from typing import TYPE_CHECKING

from broker.auth import Refused, admit
from broker.codec import CONNACK_V5_UNSUPPORTED, connack, read_connect
from broker.counts import End
from broker.doorman import UNKNOWN, network
from broker.incoming import Inflow
from broker.line import Hold, Phase
from broker.packets import Connect, ConnectAnswer, Fault, UnsupportedProtocol, Violation
from broker.tokens import Claims, TokenType

if TYPE_CHECKING:
    from broker.hub import Hub


_ABRUPT = frozenset({End.SLOW, End.KEEP_ALIVE, End.TOO_MANY})
"""Ends after which nobody reads what is still to be sent."""

_LIMITS = frozenset({End.SLOW, End.TOO_MANY, End.CONNECT_DEADLINE})
"""Ends for crossing a limit, of which an operator wants to hear."""


class Visit(Inflow):
    """A client from accept to goodbye: opening until its CONNECT is let in, then open with a session, then closing."""

    __slots__ = ("_late", "_patience", "allowed", "due", "filled", "where")

    def __init__(self, hub: "Hub") -> None:
        super().__init__(hub)
        self._patience = hub.ticks(hub.settings.connect_deadline)  # ticks without a packet; 0: any number
        self.due = 0  # the tick at which to look at it next
        self.where = UNKNOWN
        self.allowed = 0.0  # packets that it may send, and since which tick
        self.filled = 0
        self._late: bytes | None = None  # its refusal, while it waits for it

    def entered(self) -> None:
        hub = self._hub
        self.where = network(self.peer)
        if not hub.enter(self):
            self.end(End.TOO_MANY)
            return
        hub.deadlines.watch(self, ticks=self._patience + 1)
        if not hub.doorman.lets_pass(self, self.where):
            self.hold(Hold.DOOR)

    def come_in(self) -> None:
        self.release(Hold.DOOR)

    def give_way(self) -> None:
        self.end(End.TOO_MANY)

    def slow_down(self) -> None:
        self.hold(Hold.RATE)

    def go_on(self) -> None:
        self.release(Hold.RATE)

    # What the line says

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(End.LOST)
        self._hub.leave(self)
        self._transport = None

    def drained(self) -> None:
        if self.session is not None:
            self.session.work()

    def again(self) -> None:
        if self.session is not None:
            self._hub.soon.work(self.session)

    def violated(self, fault: Fault) -> None:
        """Close because the peer broke the protocol, of MQTT or of what carries it."""
        if self.phase is Phase.CLOSING:
            return  # What it says after that is nobody's business.
        self._hub.counts.violations[fault] += 1
        self._report("protocol violation", fault)
        self.end(End.VIOLATION)

    def turned_away(self, reason: str) -> None:
        """Close because there is no MQTT with it: what should carry it did not come about."""
        if self.phase is Phase.CLOSING:
            return
        self._hub.counts.refused_handshakes[reason] += 1
        self._report("handshake refused", reason)
        self.end(End.REFUSED)

    # Being let in

    def _connect(self, body: bytes) -> None:
        try:
            connect = read_connect(body)
        except UnsupportedProtocol as unsupported:
            answer = CONNACK_V5_UNSUPPORTED if unsupported.level == 5 else connack(ConnectAnswer.PROTOCOL)
            self._refuse(answer, f"protocol-level-{min(unsupported.level, 6)}", client=None)
            return
        hub = self._hub
        if connect.will is not None and hub.settings.is_too_long(connect.will.topic):
            raise Violation(Fault.TOPIC_TOO_LONG)
        verdict = admit(connect, keys=hub.keys, revocations=hub.revocations, now=hub.clock())
        if isinstance(verdict, Refused):
            is_late = hub.doorman.failed(self.where)
            self._refuse(connack(verdict.answer), verdict.reason, client=connect.client_id, is_late=is_late)
            return
        refused = hub.sessions.refuses(connect, verdict)
        if refused is not None:
            self._refuse(connack(refused.answer), refused.reason, client=connect.client_id)
        else:
            self._open(connect, verdict)

    def _open(self, connect: Connect, claims: Claims) -> None:
        hub = self._hub
        self.phase = Phase.OPEN
        self.heard = hub.deadlines.tick
        self._patience = hub.patience(connect.keep_alive)
        if self._patience:
            hub.deadlines.watch(self, ticks=self._patience + 1)
        else:
            hub.deadlines.forget(self)
        hub.deadlines.expires(self, claims.exp)
        self._framer.largest = hub.settings.largest_packet
        hub.doorman.knows(self, self.where)
        session, present = hub.open(self, connect, claims)
        hub.brake.begins(self, claims)
        if claims.type is TokenType.SERVICE:
            self.go_first()
        self.session = session
        self.send(connack(ConnectAnswer.ACCEPTED, present=present))
        if present:
            session.work()

    def _refuse(self, answer: bytes, reason: str, *, client: str | None, is_late: bool = False) -> None:
        self._hub.counts.refused_connects[reason] += 1
        self._report("connection refused", reason, client=client)
        if not is_late:
            self.send(answer)
        elif self._hub.doorman.keeps_waiting():
            self._late = answer
            self.hold(Hold.LATE)
            self._hub.deadlines.watch(self, ticks=self._hub.ticks(self._hub.settings.late_refusal) + 1)
            return
        self.end(End.REFUSED)

    def _refuse_late(self, answer: bytes) -> None:
        self.send(answer)
        self.end(End.REFUSED)

    # How it ends

    def look(self) -> None:
        """End if nothing was heard for too long; called when that may be so."""
        if self.phase is Phase.CLOSING:
            self.abort()  # It had its time to take the last bytes.
            return
        if self._late is not None:
            self._refuse_late(self._late)
            return
        left = self.heard + self._patience + 1 - self._hub.deadlines.tick
        if left > 0:
            self._hub.deadlines.watch(self, ticks=left)
        elif self.phase is Phase.OPENING:
            self.end(End.CONNECT_DEADLINE)
        elif self._holds & (Hold.INTAKE | Hold.UNSETTLED | Hold.SHELF | Hold.RATE):
            # We do not read, so it cannot be heard. (Not reading what we send is its own fault, and no excuse.)
            self._hub.deadlines.watch(self, ticks=self._patience + 1)
        else:
            self.end(End.KEEP_ALIVE)

    def expire(self) -> None:
        self.end(End.EXPIRED)

    def end(self, cause: End) -> None:
        """Close for a reason, once: the session ends now, the socket when its last bytes have left."""
        if self.phase is Phase.CLOSING:
            return
        self.phase = Phase.CLOSING
        self._hub.counts.ends[cause] += 1
        self._forget_unsettled()
        self._hub.deadlines.watch(self, ticks=self._hub.ticks(self._hub.settings.linger) + 1)
        if self._late is not None:
            self._late = None
            self._hub.doorman.told()
        if cause in _LIMITS:
            self._report("connection closed", cause)
        session, self.session = self.session, None
        if session is not None:
            self._hub.brake.ends(self, session.claims.sub)
            self._hub.deadlines.leaves(self, session.claims.exp)
            self._hub.close(session, cause)
        if cause in _ABRUPT:
            self.abort()
        elif cause is not End.LOST:
            self.close_stream()

    def _report(self, event: str, reason: str, *, client: str | None = None) -> None:
        if client is None and self.session is not None:
            client = self.session.client_id
        self._hub.log.say(event, reason, client=client, address=self.address)
