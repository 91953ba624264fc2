"""The conversation with one client that was let in: each packet that it may send."""

import time
from functools import partial

from broker.access import Refusal
from broker.codec import (
    PINGRESP,
    pubcomp,
    read_nothing,
    read_packet_id,
    read_publish,
    read_subscribe,
    read_unsubscribe,
    suback,
    unsuback,
)
from broker.counts import Drop, End
from broker.incoming import Incoming
from broker.line import Hold
from broker.message import Message
from broker.packets import Fault, PacketType, Publish, Subscribe, Unsubscribe, Violation
from broker.session import Route, Session
from broker.visit import Visit

PUBACK = 0x40
PUBLISH_QOS_1 = 0x32
"""The first byte of one without DUP and RETAIN (3.1.1 §3.3.1)."""

LONGEST_OF_TWO_DIGITS = 16_387
"""Bytes, and more, of a packet whose length takes two digits at the most (§2.2.3)."""


class Connection(Visit):
    """An MQTT client. Its first packet is the CONNECT, for which `Visit` has the answer."""

    __slots__ = ()

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
            hub.shelf.whole()
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
