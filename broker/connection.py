"""The conversation with one client: each packet that it may send, and every way in which the connection ends.

What goes wrong in a connection closes it and touches no other.
"""

from typing import TYPE_CHECKING

from broker.access import Refusal
from broker.auth import Refused, admit
from broker.codec import (
    CONNACK_V5_UNSUPPORTED,
    FAILURE,
    PINGRESP,
    connack,
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
from broker.incoming import Incoming, Unsettled
from broker.line import Hold, Line, Phase
from broker.message import Message
from broker.packets import (
    Connect,
    ConnectCode,
    Fault,
    PacketType,
    Publish,
    Subscribe,
    Unsubscribe,
    UnsupportedProtocol,
    Violation,
)
from broker.session import Session
from broker.tokens import Claims

if TYPE_CHECKING:
    from broker.hub import Hub


_ABRUPT = frozenset({End.SLOW, End.KEEP_ALIVE, End.TOO_MANY})
"""Ends after which nobody reads what is still to be sent."""


class Connection(Line):
    """An MQTT client: opening until its CONNECT is let in, then open with a session, then closing."""

    __slots__ = ("_patience", "_unsettled", "due", "session")

    def __init__(self, hub: "Hub") -> None:
        super().__init__(hub)
        self._unsettled = Unsettled(self._settled)
        self._patience = hub.ticks(hub.settings.connect_deadline)  # ticks without a packet; 0: any number
        self.due = 0  # the tick at which to look at it next
        self.session: Session | None = None

    def entered(self) -> None:
        if not self._hub.enter(self):
            self.end(End.TOO_MANY)
            return
        self._hub.deadlines.watch(self, ticks=self._patience + 1)

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

    def handle(self, first: int, body: bytes) -> None:
        session = self.session
        if session is None:
            if first >> 4 != PacketType.CONNECT:
                raise Violation(Fault.NOT_CONNECTED)
            self._connect(body)
            return
        self.heard = self._hub.deadlines.tick
        match first >> 4:
            case PacketType.PUBLISH:
                self._publish(read_publish(first, body), session)
            case PacketType.PUBACK:
                session.acknowledged(read_packet_id(body))
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
            case PacketType.CONNECT:
                raise Violation(Fault.CONNECTED_TWICE)
            case _:
                raise Violation(Fault.QOS_2)  # PUBREC, PUBREL and PUBCOMP answer packets that we never send

    def _connect(self, body: bytes) -> None:
        try:
            connect = read_connect(body)
        except UnsupportedProtocol as unsupported:
            self.send(CONNACK_V5_UNSUPPORTED if unsupported.level == 5 else connack(ConnectCode.PROTOCOL))
            self._refused(f"protocol-level-{min(unsupported.level, 6)}", client=None)
            return
        verdict = admit(connect, keys=self._hub.keys, revocations=self._hub.revocations, now=self._hub.clock())
        if isinstance(verdict, Refused):
            self.send(connack(verdict.code))
            self._refused(verdict.reason, client=connect.client_id)
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
        self.session = hub.open(self, connect, claims)
        self.send(connack(ConnectCode.ACCEPTED))

    def _refused(self, reason: str, *, client: str | None) -> None:
        self._hub.counts.refused_connects[reason] += 1
        self._report("connection refused", reason, client=client)
        self.end(End.REFUSED)

    def _publish(self, publish: Publish, session: Session) -> None:
        self._hub.counts.messages_in += 1
        if publish.qos == 2:
            raise Violation(Fault.QOS_2)
        route = session.route(publish)
        if isinstance(route, Refusal):
            self._not_allowed(publish, route)
            return
        incoming = Incoming(
            route.topic,
            publish.payload,
            publish.retain,
            publish.qos,
            publish.packet_id,
            self._unsettled,
        )
        self._unsettled.add(incoming)
        if route.inbound:
            self._hand_over(incoming, route.name)
        else:
            message = Message(route.name, publish.payload, publish.qos)
            self.spend(self._hub.route(message, retain=publish.retain, publisher=session.claims))
            incoming.settle()
        allowed = self._hub.settings
        if self._unsettled.messages >= allowed.unsettled or self._unsettled.size >= allowed.unsettled_bytes:
            self.hold(Hold.UNSETTLED)

    def _hand_over(self, incoming: Incoming, name: str) -> None:
        if not self._hub.hand_over(incoming, name):
            self.hold(Hold.INTAKE)
            self._hub.intake.on_room(self._room)

    def _not_allowed(self, publish: Publish, refusal: Refusal) -> None:
        self._hub.counts.refused_publishes[refusal] += 1
        self._report("publish refused", refusal)
        if publish.qos:
            self.end(End.NOT_ALLOWED)
        else:
            self._hub.counts.drops[Drop.NOT_ALLOWED] += 1

    def _subscribe(self, subscribe: Subscribe, session: Session) -> None:
        self.spend(len(subscribe.filters))
        refused: dict[str, bool] = {}  # A filter that stands in the packet twice is judged once, and sent for once.
        granted: dict[str, int] = {}
        codes = bytearray()
        for topic_filter, wanted in subscribe.filters:
            if topic_filter not in refused:
                refused[topic_filter] = self._refuses(session, topic_filter)
            if refused[topic_filter]:
                codes.append(FAILURE)
                continue
            qos = min(wanted, 1)
            codes.append(qos)
            if granted.get(topic_filter) != qos:
                granted[topic_filter] = qos
                self._hub.subscribe(session, topic_filter, qos)
        self.send(suback(subscribe.packet_id, bytes(codes)))
        session.owe(granted)

    def _refuses(self, session: Session, topic_filter: str) -> bool:
        refusal = session.refuses(topic_filter)
        if refusal is not None:
            self._hub.counts.refused_filters[refusal] += 1
        return refusal is not None

    def _unsubscribe(self, unsubscribe: Unsubscribe, session: Session) -> None:
        self.spend(len(unsubscribe.filters))
        for topic_filter in unsubscribe.filters:
            self._hub.unsubscribe(session, topic_filter)
            session.owe_no_more(topic_filter)
        self.send(unsuback(unsubscribe.packet_id))

    def _room(self) -> None:
        self.release(Hold.INTAKE)

    def _settled(self, packets: bytes, acknowledged: int) -> None:
        if acknowledged:
            self._hub.counts.acknowledged += acknowledged
            self.send(packets)
        allowed = self._hub.settings
        if (
            self._holds & Hold.UNSETTLED
            and self._unsettled.messages <= allowed.unsettled // 2
            and self._unsettled.size <= allowed.unsettled_bytes // 2
        ):
            self.release(Hold.UNSETTLED)

    def look(self) -> None:
        """End if nothing was heard for too long; called when that may be so."""
        if self.phase is Phase.CLOSING:
            self.abort()  # It had its time to take the last bytes.
            return
        left = self.heard + self._patience + 1 - self._hub.deadlines.tick
        if left > 0:
            self._hub.deadlines.watch(self, ticks=left)
        elif self.phase is Phase.OPENING:
            self.end(End.CONNECT_DEADLINE)
        elif self._holds & (Hold.INTAKE | Hold.UNSETTLED):
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
        self._unsettled.close()
        self._hub.deadlines.watch(self, ticks=self._hub.ticks(self._hub.settings.linger) + 1)
        if self.session is not None:
            self._hub.deadlines.leaves(self, self.session.claims.exp)
            self._hub.close(self.session, cause)
            self.session = None
        if cause in _ABRUPT:
            self.abort()
        elif cause is not End.LOST:
            self.close_stream()

    def _report(self, event: str, reason: str, *, client: str | None = None) -> None:
        if client is None and self.session is not None:
            client = self.session.client_id
        self._hub.log.say(event, reason, client=client, address=self.address)
