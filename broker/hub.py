"""What all connections share: sessions, who subscribed to what, what is retained, and the tick that ends them.

Nothing here waits: every verb is done when it returns, so no two of them can meet half-way. What has to be on disk
before somebody is told is recorded on the shelf, which says when it is.

With a bridge in this process (`intake`) what the bridge consumes is handed over. Without one it is queued for the
bridge's own session, which is there before the bridge ever came and never expires.
"""

import asyncio
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import msgspec

from broker.brake import Brake
from broker.counts import Counts, Drop, End, Levels
from broker.deadlines import Deadlines
from broker.delivery import BRIDGE_CLIENT_ID, Intake, TokenEnd
from broker.doorman import Doorman
from broker.evictions import Evictions
from broker.gate import Gate
from broker.incoming import Incoming
from broker.leftover import Leftover
from broker.line import Hold, Line
from broker.message import Message
from broker.packets import Connect, Will
from broker.quiet_log import QuietLog
from broker.retained import Retained, RetainedFull
from broker.revoked import Revocations
from broker.router import Router
from broker.session import Session
from broker.sessions import Sessions
from broker.settings import BrokerSettings
from broker.shelf import Contents, Shelf, ShelvedRetained
from broker.soon import Soon
from broker.tokens import Claims, KeyRing, TokenType
from broker.topics import BRIDGE_INBOUND, Kind, device_topic, parse
from broker.turns import Turns
from broker.visit import Visit
from rules.ids import DeviceId, HotelId

_WITH_WILL = frozenset({End.LOST, End.KEEP_ALIVE, End.VIOLATION, End.NOT_ALLOWED, End.SLOW})
"""Ends that the client did not announce and that are not our doing. A token's end is told in another way, taking over
one's own session is no loss, and our own shutdown accuses nobody."""

_TOKEN_ENDS = {End.EXPIRED: TokenEnd.EXPIRED, End.REVOKED: TokenEnd.REVOKED}


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
        self.doorman = Doorman(settings, seconds=loop.time, later=loop.call_later)
        self.turns = Turns(loop)
        self.brake = Brake(settings, soon=loop.call_soon)
        self.router: Router[Session] = Router()
        self.retained = Retained(messages=settings.retained_messages, size=settings.retained_bytes)
        self.sessions = Sessions(
            settings=settings, counts=counts, retained=self.retained, router=self.router, shelf=shelf
        )
        self.intake_gate = Gate(Hold.INTAKE, loop)
        self.shelf_gate = Gate(Hold.SHELF, loop)
        self._late_wills: dict[str, tuple[Will, Claims]] = {}  # for the bridge when it has room, one of each identity
        self._connections: set[Visit] = set()
        self._emptied = asyncio.Event()
        self._stopping = False
        self.loop = loop
        self.soon = Soon(loop)
        self.revocations = Revocations()
        self.evictions = Evictions(
            sessions=self.sessions, revocations=self.revocations, keys=keys, clock=clock, loop=loop
        )
        self._leftover: Leftover | None = None
        contents, now = shelf.take_contents(), clock()
        if intake is not None:
            self._hand_over_leftover(contents, intake)
        self.sessions.restore(contents.sessions, now)
        for message in contents.retained:
            self._restore_retained(message)
        if intake is None:
            self.sessions.await_bridge(now)

    # Connections

    def enter(self, connection: Visit) -> bool:
        """Take in an accepted connection; False when there are as many as may be, and none gives way, or we stop.

        The loop tells of a connection some turns after it accepted it: that may be after all others were ended.
        """
        self._connections.add(connection)
        return self.doorman.arrives(connection, connection.where) and not self._stopping

    def leave(self, connection: Visit) -> None:
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self.doorman.leaves(connection, connection.where)
        self.turns.forget(connection)
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
        connected = self.sessions.connected
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

    def alive_at(self, client_id: str) -> datetime | None:
        """When a connected client last sent a packet, whatever it was, to the tick before that.

        None: it is not connected, or has been silent for minutes.
        """
        session = self.sessions.get(client_id)
        wire = None if session is None else session.wire
        return None if wire is None else self.deadlines.time_of(wire.heard)

    def sweep(self) -> None:
        """Pass a tick: end what has run out of time."""
        now = self.clock()
        self.brake.tick()
        self.deadlines.pass_tick(now)
        self.sessions.expire(now)

    def begin(self) -> None:
        """Take in connections, for the first time or again."""
        self._stopping = False

    def end_all(self) -> None:
        """End every connection because the broker stops: no will is published."""
        self._stopping = True
        for connection in list(self._connections):
            connection.end(End.SHUTDOWN)

    def abort_all(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    # Sessions

    def open(self, connection: Visit, connect: Connect, claims: Claims) -> tuple[Session, bool]:
        """Begin a client's connection; who had its client id is out, without a will.

        Return its session, and whether that is one which it left: then what waits in it is to be sent.
        """
        former = self.sessions.get(connect.client_id)
        if former is not None and former.wire is not None:
            former.wire.end(End.TAKEN_OVER)
        session, is_present = self.sessions.open(connect, claims)
        session.attach(connection, claims, connect.will)
        if session.outlives:
            self.shelf.keep_session(session.client_id, claims, session.subscriptions, None)
        self.counts.arrived(claims)
        return session, is_present

    def close(self, session: Session, cause: End) -> None:
        """End a session's connection. The session ends with it, or is kept; its will goes where wills go."""
        claims, will = session.claims, session.will
        self.soon.forget(session)
        self.counts.gone(claims)
        if session.outlives and cause is not End.REVOKED:
            self.sessions.leave(session, self.clock())
        else:
            self.sessions.forget(session)
        token_end = _TOKEN_ENDS.get(cause)
        if token_end is not None and claims.hotel_id is not None and claims.device_id is not None:
            self._tell_ended(claims.hotel_id, claims.device_id, token_end)
        elif cause in _WITH_WILL and will is not None:
            self._publish_will(will, claims)

    def _hand_over_leftover(self, contents: Contents, intake: Intake) -> None:
        for at, session in enumerate(contents.sessions):
            if session.client_id == BRIDGE_CLIENT_ID:
                del contents.sessions[at]
                if not session.messages:
                    self.shelf.forget_session(BRIDGE_CLIENT_ID)
                    return
                self._leftover = Leftover(session.messages, intake=intake, shelf=self.shelf)
                self._bridge_has_room()
                return

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

    def hand_over(self, incoming: Incoming, name: str) -> bool:
        """Give a message to the bridge in this process, and a copy to services that subscribed; False: it is full."""
        self.counts.handed_over += 1
        if self.intake is not None and not self.intake.offer(incoming) and not self.intake_gate.shut:
            self.intake_gate.shut = True
            self.intake.on_room(self._bridge_has_room)
        if self.sessions.of_services:
            self.route(Message(name, incoming.payload, incoming.qos), retain=False, publisher=None)
        return not self.intake_gate.shut

    def _bridge_has_room(self) -> None:
        gate = self.intake_gate
        gate.shut = False
        if self._leftover and self.intake is not None and not self._leftover.hand_over():
            gate.shut = True
            self.intake.on_room(self._bridge_has_room)
            return
        while self._late_wills and not gate.shut:
            will, claims = self._late_wills.pop(next(iter(self._late_wills)))
            if not self.revocations.revokes(claims):
                self._publish_will(will, claims)
        if not gate.shut:
            gate.open()

    def route(self, message: Message, *, retain: bool, publisher: Claims | None) -> int:
        """Send a message to whoever subscribed, and retain it if asked to; return its cost, which is 1 a receiver.

        Finding them costs too, where somebody has made that hard by subscribing to every combination of wildcards.

        `publisher` is None for the bridge in this process, which like a service may retain as much as it wants, and
        for what the broker itself says.
        """
        if retain:
            self._retain(message, publisher)
        before = self.router.cost
        subscribers = self.router.match(message.topic)
        cost = self.router.cost - before
        if not subscribers:
            return cost
        receivers = list(subscribers.items())
        for session, granted in receivers:
            session.deliver(message, min(granted, message.qos))
        bridge = self.sessions.bridge
        if bridge is not None and bridge.is_full and not self.intake_gate.shut:
            self.intake_gate.shut = True
            bridge.on_room = self._bridge_has_room
        return cost + len(receivers)

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
