"""The conversation with one client: each packet that it may send, and every way in which the connection ends.

What goes wrong in a connection closes it and touches no other.
"""

import time
from functools import partial
from typing import TYPE_CHECKING

from broker.access import Refusal
from broker.auth import Refused, admit
from broker.codec import (
    CONNACK_V5_UNSUPPORTED,
    PINGRESP,
    connack,
    pubcomp,
    read_connect,
    read_nothing,
    read_packet_id,
    read_publish,
    read_subscribe,
    read_unsubscribe,
    suback,
    unsuback,
)
from broker.counts import Drop, End
from broker.doorman import UNKNOWN, network
from broker.incoming import Incoming, Inflow
from broker.line import Hold, Phase
from broker.message import Message
from broker.packets import (
    Connect,
    ConnectAnswer,
    Fault,
    PacketType,
    Publish,
    Subscribe,
    Unsubscribe,
    UnsupportedProtocol,
    Violation,
)
from broker.session import Route, Session
from broker.tokens import Claims

if TYPE_CHECKING:
    from broker.hub import Hub


PUBACK = 0x40
PUBLISH_QOS_1 = 0x32
"""The first byte of one without DUP and RETAIN (3.1.1 §3.3.1)."""

LONGEST_OF_TWO_DIGITS = 16_387
"""Bytes, and more, of a packet whose length takes two digits at the most (§2.2.3)."""

_ABRUPT = frozenset({End.SLOW, End.KEEP_ALIVE, End.TOO_MANY})
"""Ends after which nobody reads what is still to be sent."""

_LIMITS = frozenset({End.SLOW, End.TOO_MANY, End.CONNECT_DEADLINE})
"""Ends for crossing a limit, of which an operator wants to hear."""


class Connection(Inflow):
    """An MQTT client: opening until its CONNECT is let in, then open with a session, then closing."""

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

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(End.LOST)
        self._hub.leave(self)
        self._transport = None

    def drained(self) -> None:
        if self.session is not None:
            self.session.work()

    def again(self) -> None:
        if self.session is not None:
            self._hub.work_soon(self.session)

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

    def data_received(self, data: bytes) -> None:
        """Take what arrived.

        What tablets send all day is one whole PUBLISH at QoS 1, to the bridge, on a topic that was checked before: this
        is handed over from here. Everything else goes the usual way, through `handle`.
        """
        session, size = self.session, len(data)
        if (
            session is None
            or self._holds
            or not 8 < size < LONGEST_OF_TWO_DIGITS
            or data[0] != PUBLISH_QOS_1
            or not self._framer.is_empty
            or self.allowed < 2
        ):
            if size == 4 and data[0] == PUBACK and data[1] == 2 and session is not None and self._framer.is_empty:
                self._acknowledged_alone(data, session)
            else:
                super().data_received(data)
            return
        length, at = data[1], 2
        if length > 127:
            length, at = length & 127 | data[2] << 7, 3
        end = at + 2 + (data[at] << 8 | data[at + 1])
        route = session.routes.get(data[at + 2 : end])
        hub = self._hub
        if (
            route is None
            or not route.inbound
            or at + length != size
            or length > self._framer.largest
            or end + 2 > size
            or data[end : end + 2] == b"\0\0"
            or hub.intake is None
            or hub.intake_gate.shut
        ):
            super().data_received(data)
            return
        counts = hub.counts
        counts.bytes_in += size
        counts.messages_in += 1
        self.heard = hub.deadlines.tick
        self.allowed -= 1
        packet_id = data[end] << 8 | data[end + 1]
        payload = data[end + 2 :]
        incoming = Incoming(route.topic, payload, False, 1, packet_id, self, time.monotonic())
        self._unsettled += 1
        self._unsettled_bytes += size - end - 2
        self._waiting.append(incoming)
        if not hub.hand_over(incoming, route.name):
            hub.intake_gate.hold(self)
        allowed = hub.settings
        if self._unsettled >= allowed.unsettled or self._unsettled_bytes >= allowed.unsettled_bytes:
            self.hold(Hold.UNSETTLED)

    def _acknowledged_alone(self, data: bytes, session: Session) -> None:
        """Take a PUBACK that came by itself: the other half of what a console has to say."""
        if self._holds:
            super().data_received(data)
            return
        hub = self._hub
        hub.counts.bytes_in += 4
        self.heard = hub.deadlines.tick
        try:
            session.acknowledged(read_packet_id(data[2:]))
        except Violation as violation:
            self.violated(violation.fault)

    def handle(self, first: int, body: bytes) -> None:
        session = self.session
        if session is None:
            if first >> 4 != PacketType.CONNECT:
                raise Violation(Fault.NOT_CONNECTED)
            self._connect(body)
            return
        self.heard = self._hub.deadlines.tick
        if 0x40 <= first < 0x80:
            if not self._answers(first >> 4, read_packet_id(body), session):
                self._count()
            return
        self._count()
        match first >> 4:
            case PacketType.PUBLISH:
                self._publish(read_publish(first, body), session)
            case PacketType.PINGREQ:
                read_nothing(body)
                self.send(PINGRESP)
            case PacketType.SUBSCRIBE:
                self._subscribe(read_subscribe(body), session)
            case PacketType.UNSUBSCRIBE:
                self._unsubscribe(read_unsubscribe(body), session)
            case PacketType.DISCONNECT:
                read_nothing(body)
                self.end(End.DISCONNECT)
            case _:
                raise Violation(Fault.CONNECTED_TWICE)

    def _count(self) -> None:
        """Count a packet among those that the client may send."""
        self.allowed -= 1
        if self.allowed < 1:
            self._hub.brake.check(self)

    def _answers(self, kind: int, packet_id: int, session: Session) -> bool:
        """Take an acknowledgment. True: it was due, so how many there are is our doing."""
        if kind == PacketType.PUBACK:
            return session.acknowledged(packet_id)
        if kind == PacketType.PUBREC:
            return session.taken(packet_id)
        if kind == PacketType.PUBCOMP:
            return session.completed(packet_id)
        return self._complete(packet_id, session)

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

    # What it publishes

    def _publish(self, publish: Publish, session: Session) -> None:
        route = session.route(publish)
        if isinstance(route, Refusal):
            self._not_allowed(publish, route)
            return
        if self._hub.has_no_room(self, inbound=route.inbound):
            return
        self._hub.counts.messages_in += 1
        if publish.qos == 2 and self.is_waiting(publish.packet_id):
            return  # It comes a second time, and will be acknowledged once.
        incoming = Incoming(
            route.topic,
            publish.payload,
            publish.retain,
            publish.qos,
            publish.packet_id,
            self,
            time.monotonic(),
        )
        self.take(incoming)
        if publish.qos == 2 and session.has_received(publish.packet_id):
            incoming.settle()  # In its turn, and when that it was received is on disk: it may not be yet.
        elif route.inbound and self._hub.intake is not None:
            if not self._hub.hand_over(incoming, route.name):
                self._hub.intake_gate.hold(self)
        else:
            self._route(incoming, route, session)
        if self.has_too_much():
            self.hold(Hold.UNSETTLED)

    def _route(self, incoming: Incoming, route: Route, session: Session) -> None:
        """Send a message to whoever subscribed; it is settled when all that was to be kept of it is on disk."""
        hub = self._hub
        before = hub.counts.shelved
        retain = incoming.retain and not route.inbound
        message = Message(route.name, incoming.payload, incoming.qos)
        self.spend(hub.route(message, retain=retain, publisher=session.claims))
        if incoming.qos == 2:
            session.receive(incoming.packet_id)  # With its copies, so that none of them is made a second time.
        if hub.counts.shelved != before:
            hub.shelf.when_kept(incoming.settle)
        else:
            incoming.settle()

    def _complete(self, packet_id: int, session: Session) -> bool:
        """Take a PUBREL; False: there is no message that it would release."""
        if session.outlives and self._hub.has_no_room(self, inbound=False):
            return True
        was_received = session.complete(packet_id)
        session.when_kept(partial(self.send, pubcomp(packet_id)))
        return was_received

    def _not_allowed(self, publish: Publish, refusal: Refusal) -> None:
        self._hub.counts.messages_in += 1
        self._hub.counts.refused_publishes[refusal] += 1
        self._report("publish refused", refusal)
        if publish.qos:
            self.end(End.NOT_ALLOWED)
        else:
            self._hub.counts.drops[Drop.NOT_ALLOWED] += 1

    # What it subscribes to

    def _subscribe(self, subscribe: Subscribe, session: Session) -> None:
        if session.outlives and self._hub.has_no_room(self, inbound=False):
            return
        self.spend(len(subscribe.filters))
        refused: dict[str, bool] = {}  # A filter that stands in the packet twice is judged once, and sent for once.
        granted: dict[str, int] = {}
        answers: list[int | None] = []
        for topic_filter, qos in subscribe.filters:
            if topic_filter not in refused:
                refused[topic_filter] = self._refuses(session, topic_filter)
            if refused[topic_filter]:
                answers.append(None)
                continue
            answers.append(qos)
            if granted.get(topic_filter) != qos:
                granted[topic_filter] = qos
                self._hub.sessions.subscribe(session, topic_filter, qos)
        session.when_kept(partial(self._subscribed, session, suback(subscribe.packet_id, answers), granted))

    def _subscribed(self, session: Session, answer: bytes, granted: dict[str, int]) -> None:
        if self.session is session:
            self.send(answer)
            session.owe({one: qos for one, qos in granted.items() if one in session.subscriptions})

    def _refuses(self, session: Session, topic_filter: str) -> bool:
        refusal = session.refuses(topic_filter)
        if refusal is not None:
            self._hub.counts.refused_filters[refusal] += 1
        return refusal is not None

    def _unsubscribe(self, unsubscribe: Unsubscribe, session: Session) -> None:
        if session.outlives and self._hub.has_no_room(self, inbound=False):
            return
        self.spend(len(unsubscribe.filters))
        for topic_filter in unsubscribe.filters:
            self._hub.sessions.unsubscribe(session, topic_filter)
            session.owe_no_more(topic_filter)
        session.when_kept(partial(self.send, unsuback(unsubscribe.packet_id)))

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
