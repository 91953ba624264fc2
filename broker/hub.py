"""What all connections share: who is connected, who subscribed to what, what is retained, and the tick that ends them.

Nothing here waits: every verb is done when it returns, so no two of them can meet half-way.
"""

import asyncio
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from broker.connection import Connection
from broker.counts import Counts, Drop, End, Levels
from broker.deadlines import Deadlines
from broker.delivery import Intake, TokenEnd
from broker.incoming import Incoming
from broker.line import Line
from broker.message import Message
from broker.packets import Connect, Will
from broker.quiet_log import QuietLog
from broker.retained import Retained, RetainedFull
from broker.revoked import Revocations
from broker.router import Router
from broker.session import SHARE, Session
from broker.settings import BrokerSettings
from broker.tokens import Claims, KeyRing, TokenType
from broker.topics import BRIDGE_INBOUND, parse
from rules.revoked import Revoked

_WITH_WILL = frozenset({End.LOST, End.KEEP_ALIVE, End.VIOLATION, End.NOT_ALLOWED, End.SLOW})
"""Ends that the client did not announce and that are not our doing. A token's end is told in another way, taking over
one's own session is no loss, and our own shutdown accuses nobody."""

_TOKEN_ENDS = {End.EXPIRED: TokenEnd.EXPIRED, End.REVOKED: TokenEnd.REVOKED}

SHARES_A_TURN = 5 * SHARE
"""What is done for all sessions that have a lot of work before the loop sees to sockets again; about a millisecond."""

SHUT_OUT_A_TURN = 20
"""Sessions that are ended before the loop sees to sockets again, when many are shut out at once."""


class Hub:
    """The state of a broker that runs."""

    def __init__(
        self,
        *,
        settings: BrokerSettings,
        keys: KeyRing,
        intake: Intake,
        clock: Callable[[], datetime],
        counts: Counts,
        log: QuietLog,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.settings = settings
        self.keys = keys
        self.intake = intake
        self.clock = clock
        self.counts = counts
        self.log = log
        self.deadlines = Deadlines()
        self.router: Router[Session] = Router()
        self.retained = Retained(messages=settings.retained_messages, size=settings.retained_bytes)
        self.sessions: dict[str, Session] = {}  # by client id
        self._connections: set[Connection] = set()
        self._emptied = asyncio.Event()
        self._services_listen = 0  # subscriptions of services, the only ones that can match what the bridge consumes
        self.loop = loop
        self._to_flush: list[Line] = []
        self._at_work: OrderedDict[Session, None] = OrderedDict()  # in the order of their turns
        self._works_soon = False
        self.revocations = Revocations()
        self._to_shut_out: deque[Session] = deque()

    # Connections

    def enter(self, connection: Connection) -> bool:
        """Take in an accepted connection; False when there are as many as may be."""
        self._connections.add(connection)
        return len(self._connections) <= self.settings.connections

    def leave(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self.deadlines.forget(connection)
        if not self._connections:
            self._emptied.set()

    async def empty(self) -> None:
        """Wait until there is no connection."""
        while self._connections:
            self._emptied.clear()
            await self._emptied.wait()

    def levels(self) -> Levels:
        """Return what there is now. A walk over all sessions: for a scrape, not for each message."""
        queues = [session.depth for session in self.sessions.values()]
        return Levels(
            sessions_connected=len(self.sessions),
            queued_messages=sum(messages for messages, _ in queues),
            queued_bytes=sum(size for _, size in queues),
            longest_queue=max((messages for messages, _ in queues), default=0),
            retained_messages=self.retained.messages,
            retained_bytes=self.retained.bytes,
        )

    def ticks(self, duration: timedelta) -> int:
        """Return how many ticks pass in a duration, at least."""
        return math.ceil(duration / self.settings.sweep)

    def patience(self, keep_alive: int) -> int:
        """Return the ticks that a client may be silent for: 1.5 times its keep-alive, 0 for ever (3.1.1 §3.1.2.10)."""
        return self.ticks(timedelta(seconds=1.5 * keep_alive))

    def sweep(self) -> None:
        """Pass a tick: end what has run out of time."""
        self.deadlines.pass_tick(self.clock())

    def revoke(self, deeds: Iterable[Revoked]) -> None:
        """Let nobody in any more by a token that these deeds void, and end whoever is in by one: without a will.

        A whole hotel leaves a few at a time, so that everybody else is served in between.
        """
        self.revocations.learn(deeds)
        revokes = self.revocations.revokes
        if not self._to_shut_out:
            self.loop.call_soon(self._shut_out)
        self._to_shut_out.extend(session for session in self.sessions.values() if revokes(session.claims))

    def _shut_out(self) -> None:
        for _ in range(min(SHUT_OUT_A_TURN, len(self._to_shut_out))):
            self._to_shut_out.popleft().wire.end(End.REVOKED)
        if self._to_shut_out:
            self.loop.call_soon(self._shut_out)

    def end_all(self) -> None:
        """End every connection because the broker stops: no will, and nothing is kept."""
        for connection in list(self._connections):
            connection.end(End.SHUTDOWN)

    def abort_all(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    def flush_soon(self, line: Line) -> None:
        """Have a connection write at the loop's next turn, once, whatever is sent to it until then."""
        if not self._to_flush:
            self.loop.call_soon(self._flush)
        self._to_flush.append(line)

    def _flush(self) -> None:
        lines, self._to_flush = self._to_flush, []
        for line in lines:
            line.flush()

    def work_soon(self, session: Session) -> None:
        """Have a session do a further share of its work when those before it had theirs."""
        self._at_work[session] = None
        if not self._works_soon:
            self._works_soon = True
            self.loop.call_soon(self._work)

    def _work(self) -> None:
        left = SHARES_A_TURN
        while self._at_work and left > 0:
            session, _ = self._at_work.popitem(last=False)
            left -= max(1, session.work())
        self._works_soon = bool(self._at_work)
        if self._works_soon:
            self.loop.call_soon(self._work)

    # Sessions

    def open(self, connection: Connection, connect: Connect, claims: Claims) -> Session:
        """Make the session of a client that was let in; who had its client id is out, without a will."""
        former = self.sessions.get(connect.client_id)
        if former is not None:
            former.wire.end(End.TAKEN_OVER)
        session = Session(
            client_id=connect.client_id,
            claims=claims,
            will=connect.will,
            wire=connection,
            settings=self.settings,
            counts=self.counts,
            retained=self.retained,
        )
        self.sessions[connect.client_id] = session
        self.counts.arrived(claims)
        return session

    def close(self, session: Session, cause: End) -> None:
        """End a session: nothing more goes to it, and its will goes where wills go."""
        del self.sessions[session.client_id]
        self._at_work.pop(session, None)
        self.counts.gone(session.claims)
        for topic_filter in list(session.subscriptions):
            self.unsubscribe(session, topic_filter)
        session.close()
        claims = session.claims
        if cause in _TOKEN_ENDS:
            if claims.hotel_id is not None and claims.device_id is not None:
                self.intake.ended(claims.hotel_id, claims.device_id, _TOKEN_ENDS[cause])
        elif cause in _WITH_WILL and session.will is not None:
            self._publish_will(session.will, claims)

    def _publish_will(self, will: Will, claims: Claims) -> None:
        topic = parse(will.topic)
        qos = min(will.qos, 1)
        if topic is not None and topic.kind in BRIDGE_INBOUND:
            # Whether there is room makes no difference: there is no reading to pause, and a will is never lost. That
            # is why RETAIN is left out too: the bridge would refuse it, and nobody could send it again without.
            self.hand_over(Incoming(topic, will.payload, retain=False, qos=qos), will.topic)
        else:
            # Later: it may end a slow subscriber, whose will may end another, and so on down the stack.
            message = Message(will.topic, will.payload, qos)
            self.loop.call_soon(partial(self.route, message, retain=will.retain, publisher=claims))

    def subscribe(self, session: Session, topic_filter: str, qos: int) -> None:
        """Subscribe a session to a filter that it was granted, or change the QoS."""
        if topic_filter not in session.subscriptions:
            self.counts.subscriptions += 1
            self._services_listen += session.claims.type is TokenType.SERVICE
        session.subscriptions[topic_filter] = qos
        self.router.add(topic_filter, session, qos)

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        if session.subscriptions.pop(topic_filter, None) is None:
            return
        self.counts.subscriptions -= 1
        self._services_listen -= session.claims.type is TokenType.SERVICE
        self.router.remove(topic_filter, session)

    # Messages

    def hand_over(self, incoming: Incoming, name: str) -> bool:
        """Give a message to the bridge, and a copy to services that subscribed; False when the bridge is full."""
        self.counts.handed_over += 1
        has_room = self.intake.offer(incoming)
        if self._services_listen:
            self.route(Message(name, incoming.payload, incoming.qos), retain=False, publisher=None)
        return has_room

    def route(self, message: Message, *, retain: bool, publisher: Claims | None) -> int:
        """Send a message to whoever subscribed, and retain it if asked to; return how many receivers it had.

        `publisher` is None for the bridge in this process, which like a service may retain as much as it wants.
        """
        if retain:
            self._retain(message, publisher)
        subscribers = self.router.match(message.topic)
        if not subscribers:
            return 0
        receivers = list(subscribers.items())
        for session, granted in receivers:
            session.deliver(message, min(granted, message.qos))
        return len(receivers)

    def _retain(self, message: Message, publisher: Claims | None) -> None:
        bounded = publisher is not None and publisher.type is not TokenType.SERVICE
        try:
            self.retained.put(message, owner=publisher.sub if publisher is not None and bounded else None)
        except RetainedFull:
            self.counts.drops[Drop.RETAINED_FULL] += 1
