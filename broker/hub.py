"""What all connections share: sessions, who subscribed to what, what is retained, and the tick that ends them.

Nothing here waits: every verb is done when it returns, so no two of them can meet half-way. What has to be on disk
before somebody is told is recorded on the shelf, which says when it is.

With a bridge in this process (`intake`) what the bridge consumes is handed over. Without one it is queued for the
bridge's own session, which is there before the bridge ever came and never expires.
"""

import asyncio
import math
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from broker.access import may_subscribe
from broker.auth import Refused
from broker.connection import Connection
from broker.counts import Counts, Drop, End, Levels
from broker.deadlines import Deadlines
from broker.delivery import BRIDGE_CLIENT_ID, Intake, TokenEnd
from broker.gate import Gate
from broker.incoming import Incoming
from broker.line import Hold, Line
from broker.message import Message
from broker.outgoing import SHARE, Bounds
from broker.packets import Connect, ConnectAnswer, Will
from broker.quiet_log import QuietLog
from broker.retained import Retained, RetainedFull
from broker.revoked import Revocations
from broker.router import Router
from broker.session import Session
from broker.settings import BrokerSettings
from broker.shelf import Contents, Shelf, ShelvedRetained, ShelvedSession
from broker.tokens import Claims, KeyRing, TokenType
from broker.topics import BRIDGE_FILTERS, BRIDGE_INBOUND, Kind, device_topic, parse
from rules.ids import DeviceId, HotelId
from rules.revoked import Revoked

_WITH_WILL = frozenset({End.LOST, End.KEEP_ALIVE, End.VIOLATION, End.NOT_ALLOWED, End.SLOW})
"""Ends that the client did not announce and that are not our doing. A token's end is told in another way, taking over
one's own session is no loss, and our own shutdown accuses nobody."""

_TOKEN_ENDS = {End.EXPIRED: TokenEnd.EXPIRED, End.REVOKED: TokenEnd.REVOKED}

SHARES_A_TURN = 5 * SHARE
"""What is done for all sessions that have a lot of work before the loop sees to sockets again; about a millisecond."""


SHUT_OUT_A_TURN = 20
"""Sessions that are ended before the loop sees to sockets again, when many are shut out at once."""

_BRIDGE = Claims(
    type=TokenType.SERVICE,
    sub=BRIDGE_CLIENT_ID.rpartition("/")[0],
    aud=("mqtt",),
    iat=datetime(1970, 1, 1, tzinfo=UTC),
    exp=datetime(9999, 12, 31, tzinfo=UTC),
    jti="_",
    gen=0,
)
"""Whose session the bridge's is until it comes with a token."""


class Hub:
    """The state of a broker that runs."""

    def __init__(
        self,
        *,
        settings: BrokerSettings,
        keys: KeyRing,
        intake: Intake | None,
        clock: Callable[[], datetime],
        counts: Counts,
        shelf: Shelf,
        log: QuietLog,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.settings = settings
        self.keys = keys
        self.intake = intake
        self.shelf = shelf
        self.clock = clock
        self.counts = counts
        self.log = log
        self.deadlines = Deadlines()
        self.router: Router[Session] = Router()
        self.retained = Retained(messages=settings.retained_messages, size=settings.retained_bytes)
        self.sessions: dict[str, Session] = {}  # by client id, connected or kept for when the client comes back
        self.bridge: Session | None = None  # where what the bridge consumes is queued; None: it is in this process
        self.intake_gate = Gate(Hold.INTAKE, loop)
        self.shelf_gate = Gate(Hold.SHELF, loop)
        self._identities: dict[str, dict[str, Session]] = {}  # the sessions of those who may have several
        self._left: dict[str, Session] = {}  # those whose client is away, in the order in which they went
        self._late_wills: dict[str, tuple[Will, Claims]] = {}  # for the bridge when it has room, one of each identity
        self._bounds = Bounds(settings.in_flight, settings.queue_messages, settings.queue_bytes)
        self._connections: set[Connection] = set()
        self._emptied = asyncio.Event()
        self._services_listen = 0  # subscriptions of services, the only ones that can match what the bridge consumes
        self.loop = loop
        self._to_flush: list[Line] = []
        self._at_work: OrderedDict[Session, None] = OrderedDict()  # in the order of their turns
        self._works_soon = False
        self.revocations = Revocations()
        self._to_shut_out: deque[Session] = deque()
        self._restore(shelf.take_contents())
        if intake is None:
            self._await_bridge()

    # Connections

    def enter(self, connection: Connection) -> bool:
        """Take in an accepted connection; False when there are as many as may be."""
        self._connections.add(connection)
        return len(self._connections) <= self.settings.connections

    def leave(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self.deadlines.forget(connection)
        self.intake_gate.forget(connection)
        self.shelf_gate.forget(connection)
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
        connected = sum(session.wire is not None for session in self.sessions.values())
        return Levels(
            sessions_connected=connected,
            sessions_kept=len(self.sessions) - connected,
            queued_messages=sum(messages for messages, _ in queues),
            queued_bytes=sum(size for _, size in queues),
            longest_queue=max((messages for messages, _ in queues), default=0),
            retained_messages=self.retained.messages,
            retained_bytes=self.retained.bytes,
            shelf_bytes=self.shelf.unwritten,
        )

    def ticks(self, duration: timedelta) -> int:
        """Return how many ticks pass in a duration, at least."""
        return math.ceil(duration / self.settings.sweep)

    def patience(self, keep_alive: int) -> int:
        """Return the ticks that a client may be silent for: 1.5 times its keep-alive, 0 for ever (3.1.1 §3.1.2.10)."""
        return self.ticks(timedelta(seconds=1.5 * keep_alive))

    def sweep(self) -> None:
        """Pass a tick: end what has run out of time."""
        now = self.clock()
        self.deadlines.pass_tick(now)
        self._expire_sessions(now)

    def revoke(self, deeds: Iterable[Revoked]) -> None:
        """Let nobody in any more by a token that these deeds void, and end whoever is in by one: without a will.

        Nothing is kept for them either. A whole hotel leaves a few at a time, so that everybody else is served in
        between.
        """
        self.revocations.learn(deeds)
        revokes = self.revocations.revokes
        if not self._to_shut_out:
            self.loop.call_soon(self._shut_out)
        self._to_shut_out.extend(session for session in self.sessions.values() if revokes(session.claims))

    def _shut_out(self) -> None:
        for _ in range(min(SHUT_OUT_A_TURN, len(self._to_shut_out))):
            session = self._to_shut_out.popleft()
            if not self.revocations.revokes(session.claims):
                continue  # It came back meanwhile, with a better token.
            if session.wire is not None:
                session.wire.end(End.REVOKED)
            elif self.sessions.get(session.client_id) is session:
                self.forget(session)
        if self._to_shut_out:
            self.loop.call_soon(self._shut_out)

    def end_all(self) -> None:
        """End every connection because the broker stops: no will is published."""
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

    def refuses(self, connect: Connect, claims: Claims) -> Refused | None:
        """Return why a client that may come in cannot, now or in this way; nothing is touched."""
        if connect.client_id == BRIDGE_CLIENT_ID and self.bridge is not None and connect.clean_session:
            # What its session holds was acknowledged, and must not be forgotten because a client is set up wrongly.
            return Refused(ConnectAnswer.CLIENT_ID, "clean-bridge")
        others = self._identities.get(claims.sub, {})
        is_one_more = connect.client_id not in others and len(others) >= self.settings.sessions_per_identity
        if is_one_more and all(session.wire is not None for session in others.values()):
            return Refused(ConnectAnswer.UNAVAILABLE, "too-many-sessions")
        return None

    def open(self, connection: Connection, connect: Connect, claims: Claims) -> tuple[Session, bool]:
        """Begin a client's connection; who had its client id is out, without a will.

        Return its session, and whether that is one which it left: then what waits in it is to be sent.
        """
        client_id = connect.client_id or f"{claims.sub}/-{secrets.token_hex(8)}"
        session = self.sessions.get(client_id)
        if session is not None and session.wire is not None:
            session.wire.end(End.TAKEN_OVER)
            session = self.sessions.get(client_id)
        if session is not None and connect.clean_session:
            self.forget(session)
            session = None
        is_present = session is not None
        if session is None:
            self._make_room(claims)
            session = self._add_session(client_id, claims, shelf=None if connect.clean_session else self.shelf)
        else:
            self._left.pop(client_id, None)
            self._take_away(session, claims)
        session.attach(connection, claims, connect.will)
        if session.outlives:
            self.shelf.keep_session(client_id, claims, session.subscriptions, None)
        self.counts.arrived(claims)
        return session, is_present

    def _add_session(self, client_id: str, claims: Claims, *, shelf: Shelf | None) -> Session:
        session = Session(
            client_id=client_id,
            claims=claims,
            settings=self.settings,
            bounds=self._bounds,
            counts=self.counts,
            retained=self.retained,
            shelf=shelf,
        )
        self.sessions[client_id] = session
        if client_id != claims.sub:  # A device's is, so it has one session anyway.
            self._identities.setdefault(claims.sub, {})[client_id] = session
        return session

    def _make_room(self, claims: Claims) -> None:
        """Forget the session of this identity whose client is away longest, if there are as many as may be."""
        others = self._identities.get(claims.sub, {})
        if len(others) >= self.settings.sessions_per_identity:
            away = [(session.left_at, session.client_id) for session in others.values() if session.left_at is not None]
            self.forget(self.sessions[min(away)[1]])

    def _take_away(self, session: Session, claims: Claims) -> None:
        """End the subscriptions of a session that its new token does not grant."""
        for topic_filter in [one for one in session.subscriptions if may_subscribe(claims, one) is not None]:
            self.unsubscribe(session, topic_filter)

    def close(self, session: Session, cause: End) -> None:
        """End a session's connection. The session ends with it, or is kept; its will goes where wills go."""
        claims, will = session.claims, session.will
        self._at_work.pop(session, None)
        self.counts.gone(claims)
        if session.outlives and cause is not End.REVOKED:
            now = self.clock()
            session.leave(now)
            self.shelf.left(session.client_id, now)
            if session is not self.bridge:
                self._left[session.client_id] = session
        else:
            self.forget(session)
        token_end = _TOKEN_ENDS.get(cause)
        if token_end is not None and claims.hotel_id is not None and claims.device_id is not None:
            self._tell_ended(claims.hotel_id, claims.device_id, token_end)
        elif cause in _WITH_WILL and will is not None:
            self._publish_will(will, claims)

    def forget(self, session: Session) -> None:
        """End a session that is not connected, or not any more, and everything that waits in it."""
        del self.sessions[session.client_id]
        self._left.pop(session.client_id, None)
        others = self._identities.get(session.claims.sub)
        if others is not None:
            others.pop(session.client_id, None)
            if not others:
                del self._identities[session.claims.sub]
        for topic_filter in list(session.subscriptions):
            self._unroute(session, topic_filter)
        if session.outlives:
            self.shelf.forget_session(session.client_id)
        session.close()

    def _expire_sessions(self, now: datetime) -> None:
        """Forget those whose clients are away for too long."""
        while self._left:
            session = next(iter(self._left.values()))
            if session.left_at is None or session.left_at + self.settings.session_life > now:
                return
            self.counts.sessions_expired += 1
            self.forget(session)

    def subscribe(self, session: Session, topic_filter: str, qos: int) -> None:
        """Subscribe a session to a filter that it was granted, or change the QoS."""
        self._route_to(session, topic_filter, qos)
        if session.outlives:
            self.shelf.subscribed(session.client_id, topic_filter, qos)

    def _route_to(self, session: Session, topic_filter: str, qos: int) -> None:
        if topic_filter not in session.subscriptions:
            self.counts.subscriptions += 1
            self._services_listen += session.claims.type is TokenType.SERVICE
        session.subscriptions[topic_filter] = qos
        self.router.add(topic_filter, session, qos)

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        if topic_filter in session.subscriptions:
            self._unroute(session, topic_filter)
            if session.outlives:
                self.shelf.unsubscribed(session.client_id, topic_filter)

    def _unroute(self, session: Session, topic_filter: str) -> None:
        del session.subscriptions[topic_filter]
        self.counts.subscriptions -= 1
        self._services_listen -= session.claims.type is TokenType.SERVICE
        self.router.remove(topic_filter, session)

    # What was there when the broker started

    def _restore(self, contents: Contents) -> None:
        now = self.clock()
        for shelved in sorted(contents.sessions, key=lambda one: one.left_at or now):
            self._restore_session(shelved, now)
        for message in contents.retained:
            self._restore_retained(message)

    def _restore_session(self, shelved: ShelvedSession, now: datetime) -> None:
        session = self._add_session(shelved.client_id, shelved.claims, shelf=self.shelf)
        session.restore(shelved.messages)
        session.received = shelved.received or None
        session.left_at = shelved.left_at
        if session.left_at is None:  # It was connected when this process ended.
            session.left_at = now
            self.shelf.left(session.client_id, now)
        self._left[session.client_id] = session
        for topic_filter, qos in shelved.subscriptions.items():
            self._route_to(session, topic_filter, qos)

    def _restore_retained(self, shelved: ShelvedRetained) -> None:
        topic = parse(shelved.topic)
        if topic is None or (self.intake is not None and topic.kind is not Kind.EXT):
            # A bridge in this process knows what is to be retained, and publishes it at its start.
            self.shelf.emptied(shelved.topic)
            return
        try:
            self.retained.put(Message(shelved.topic, shelved.payload, shelved.qos), owner=shelved.owner)
        except RetainedFull:
            self.counts.drops[Drop.RETAINED_FULL] += 1
            self.shelf.emptied(shelved.topic)

    def _await_bridge(self) -> None:
        """Have the bridge's session, so that what it is to consume waits for it."""
        settings = self.settings
        bounds = Bounds(
            settings.bridge_in_flight, settings.bridge_queue_messages, settings.bridge_queue_bytes, refuse=False
        )
        self.bridge = self.sessions.get(BRIDGE_CLIENT_ID)
        if self.bridge is None:
            self.bridge = self._add_session(BRIDGE_CLIENT_ID, _BRIDGE, shelf=self.shelf)
            self.bridge.left_at = self.clock()
            self.shelf.keep_session(BRIDGE_CLIENT_ID, _BRIDGE, {}, self.bridge.left_at)
        self._left.pop(BRIDGE_CLIENT_ID, None)
        self.bridge.bounds = bounds
        for topic_filter in BRIDGE_FILTERS:
            if topic_filter not in self.bridge.subscriptions:
                self.subscribe(self.bridge, topic_filter, 1)

    # Messages

    def has_no_room(self, line: Line, *, inbound: bool) -> bool:
        """Put the packet that is being handled back, and hold the line, if it would add to what is too much already.

        `inbound`: it is for the bridge. Else it is something that may have to be kept.
        """
        if inbound and self.intake_gate.shut:
            gate = self.intake_gate
        elif self.shelf.full and not (inbound and self.intake is not None):
            gate = self.shelf_gate
            if not gate.shut:
                gate.shut = True
                self.shelf.on_room(gate.open)
        else:
            return False
        line.put_back()
        gate.hold(line)
        return True

    def hand_over(self, incoming: Incoming, name: str) -> None:
        """Give a message to the bridge in this process, and a copy to services that subscribed."""
        if self.intake is None:
            return
        self.counts.handed_over += 1
        if not self.intake.offer(incoming) and not self.intake_gate.shut:
            self.intake_gate.shut = True
            self.intake.on_room(self._bridge_has_room)
        if self._services_listen:
            self.route(Message(name, incoming.payload, incoming.qos), retain=False, publisher=None)

    def _bridge_has_room(self) -> None:
        gate = self.intake_gate
        gate.shut = False
        while self._late_wills and not gate.shut:
            will, claims = self._late_wills.pop(next(iter(self._late_wills)))
            self._publish_will(will, claims)
        if not gate.shut:
            gate.open()

    def route(self, message: Message, *, retain: bool, publisher: Claims | None) -> int:
        """Send a message to whoever subscribed, and retain it if asked to; return how many receivers it had.

        `publisher` is None for the bridge in this process, which like a service may retain as much as it wants, and
        for what the broker itself says.
        """
        if retain:
            self._retain(message, publisher)
        subscribers = self.router.match(message.topic)
        if not subscribers:
            return 0
        receivers = list(subscribers.items())
        for session, granted in receivers:
            session.deliver(message, min(granted, message.qos))
        if self.bridge is not None and self.bridge.is_full and not self.intake_gate.shut:
            self.intake_gate.shut = True
            self.bridge.on_room = self._bridge_has_room
        return len(receivers)

    def _retain(self, message: Message, publisher: Claims | None) -> None:
        bounded = publisher is not None and publisher.type is not TokenType.SERVICE
        owner = publisher.sub if publisher is not None and bounded else None
        try:
            self.retained.put(message, owner=owner)
        except RetainedFull:
            self.counts.drops[Drop.RETAINED_FULL] += 1
            return
        if publisher is None:
            return  # It publishes it again at its next start.
        self.counts.shelved += 1
        if message.payload:
            self.shelf.retained(ShelvedRetained(message.topic, message.payload, message.qos, owner))
        else:
            self.shelf.emptied(message.topic)

    def _publish_will(self, will: Will, claims: Claims) -> None:
        topic = parse(will.topic)
        if topic is None or topic.kind not in BRIDGE_INBOUND:
            # Later: it may end a slow subscriber, whose will may end another, and so on down the stack.
            message = Message(will.topic, will.payload, will.qos)
            self.loop.call_soon(partial(self.route, message, retain=will.retain, publisher=claims))
        elif self.intake_gate.shut:
            # Nobody's reading can be held for it. It is not lost, but the next one of the same client takes its place:
            # to come and to break off again and again is no way to fill the memory.
            self._late_wills[claims.sub] = (will, claims)
        elif self.intake is not None:
            # Without RETAIN: the bridge would refuse it, and nobody could send it again without.
            self.hand_over(Incoming(topic, will.payload, retain=False, qos=will.qos), will.topic)
        else:
            self.route(Message(will.topic, will.payload, will.qos), retain=False, publisher=claims)

    def _tell_ended(self, hotel_id: HotelId, device_id: DeviceId, cause: TokenEnd) -> None:
        """Tell the bridge that a device's connection was closed because its token ended."""
        if self.intake is not None:
            self.intake.ended(hotel_id, device_id, cause)
            return
        now = self.clock()
        said = {"id": f"{cause}-{int(now.timestamp() * 1000)}", "ts": now, "cause": cause}
        topic = device_topic(hotel_id, device_id, Kind.ENDED)
        self.route(Message(topic, msgspec.json.encode(said), 1), retain=False, publisher=None)
