"""One client's side of the broker: what it may do, what it subscribed to, and what is on its way to it.

Messages to a client leave in order. QoS 1 ones are kept until the client acknowledges them, at most a window of them in
flight; the rest waits in a bounded queue. Retained messages that a subscription asked for are sent after what is live,
and each as it is when its turn comes, so a slow client is never handed an outdated one after a newer one.

What may be a lot of work for one client (looking for what is retained, sending what has piled up) is done in shares of
bounded cost, so that everybody else gets theirs in between.
"""

from collections import deque
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from broker.access import Refusal, may_publish, may_subscribe
from broker.codec import read_topic
from broker.counts import Counts, Drop, End
from broker.message import Message
from broker.owed import Owed
from broker.packets import Fault, Publish, Violation, Will
from broker.retained import Retained
from broker.settings import BrokerSettings
from broker.tokens import Claims
from broker.topics import BRIDGE_INBOUND, Topic, parse

REMEMBERED_ROUTES = 64

SHARE = 500
"""What is done for one client before others get their share, in steps of a search; about a fifth of a millisecond."""

SENDING = 8
"""Steps that sending a message is worth."""


class Wire(Protocol):
    """What a session needs of its connection."""

    writable: bool

    def send(self, packet: bytes) -> None: ...
    def again(self) -> None: ...  # call the session's `work` soon, when others had their share
    def end(self, cause: End) -> None: ...


class Route(Struct, frozen=True):
    """Where a client's PUBLISH to one topic goes: to the bridge, or to whoever subscribed."""

    topic: Topic
    name: str
    inbound: bool


class Session:
    """A connected client. `client_id` and `claims` have passed the access check."""

    __slots__ = (
        "_bytes", "_counts", "_last_id", "_owed", "_queue", "_retained", "_routes", "_settings", "claims", "client_id",
        "in_flight", "subscriptions", "will", "wire",
    )  # fmt: skip

    def __init__(
        self,
        *,
        client_id: str,
        claims: Claims,
        will: Will | None,
        wire: Wire,
        settings: BrokerSettings,
        counts: Counts,
        retained: Retained,
    ) -> None:
        self.client_id = client_id
        self.claims = claims
        self.will = will
        self.wire = wire
        self.subscriptions: dict[str, int] = {}
        self.in_flight: dict[int, Message] = {}
        self._settings = settings
        self._counts = counts
        self._retained = retained
        self._routes: dict[bytes, Route] = {}
        self._queue: deque[tuple[Message, int]] | None = None  # made when first needed: most clients never need one
        self._owed: Owed | None = None  # likewise
        self._bytes = 0  # in flight and queued
        self._last_id = 0

    @property
    def depth(self) -> tuple[int, int]:
        """The messages on their way to the client, in flight or waiting, and their bytes."""
        return len(self.in_flight) + len(self._queue or ()), self._bytes

    def route(self, publish: Publish) -> Route | Refusal:
        """Return where a PUBLISH goes, or why it may not; raises Violation for a topic that is no topic."""
        route = self._routes.get(publish.topic)
        if route is not None and not publish.retain:
            return route
        if len(publish.topic) > self._settings.longest_topic:
            raise Violation(Fault.TOPIC_TOO_LONG)
        name = read_topic(publish.topic)
        topic = parse(name)
        if topic is None:
            return Refusal.NO_SUCH_TOPIC
        # What the bridge consumes is never retained here. The bridge refuses it with a receipt: closing the connection
        # unacknowledged would make a tablet that is set up wrongly send it again for ever.
        inbound = topic.kind in BRIDGE_INBOUND
        refusal = may_publish(self.claims, name, retain=publish.retain and not inbound)
        if refusal is not None:
            return refusal
        if name.count("/") >= self._settings.deepest_topic:
            raise Violation(Fault.TOPIC_TOO_LONG)
        route = Route(topic, name, inbound)
        if len(self._routes) >= REMEMBERED_ROUTES:
            self._routes.clear()
        self._routes[publish.topic] = route
        return route

    def refuses(self, topic_filter: str) -> str | None:
        """Return why a filter gets 0x80, or None when it is granted."""
        if len(topic_filter) > self._settings.longest_topic or topic_filter.count("/") >= self._settings.deepest_topic:
            return "too-long"
        if topic_filter not in self.subscriptions and len(self.subscriptions) >= self._settings.subscriptions:
            return "too-many"
        return may_subscribe(self.claims, topic_filter)

    def deliver(self, message: Message, qos: int) -> None:
        """Send a live message, now or in its turn. A client that is too slow for it loses it, or its connection."""
        if self._queue or not self.wire.writable or (qos and len(self.in_flight) >= self._settings.in_flight):
            if not self._wait(message, qos):
                return
        else:
            self._send(message, qos=qos, retain=False)
        if self._owed is not None:
            self._owed.superseded(message.topic)

    def owe(self, granted: Mapping[str, int]) -> None:
        """Send the retained messages that a SUBSCRIBE asks for, each once: a share of them now, the rest later."""
        if not granted:
            return
        if self._owed is None:
            self._owed = Owed(self._retained)
        self._owed.ask(granted)
        self.work()

    def owe_no_more(self, topic_filter: str) -> None:
        """Look no further for what a filter asked for."""
        if self._owed is not None:
            self._owed.forget(topic_filter)

    def acknowledged(self, packet_id: int) -> None:
        """Take a PUBACK. One for a packet id that is not in flight means nothing."""
        message = self.in_flight.pop(packet_id, None)
        if message is not None:
            self._bytes -= message.size
            if self._queue or self._owed is not None:
                self._pump(SHARE)

    def work(self) -> int:
        """Do a share of what is to be done for the client and return what it cost; asks to be called again for more."""
        cost = 0
        if self._owed is not None and self._owed.searching:
            cost = self._owed.search(SHARE)
        return cost + self._pump(SHARE - cost)

    def _pump(self, share: int) -> int:
        """Send what waits, as far as the window, the socket and the share allow, and return what it cost."""
        cost = 0
        while self.wire.writable and cost < share and (self._send_queued() or self._send_owed()):
            cost += SENDING
        if self._owed is not None and not self._owed:
            self._owed = None
        if (cost >= share and self.wire.writable) or (self._owed is not None and self._owed.searching):
            self.wire.again()
        return cost

    def _send_queued(self) -> bool:
        if not self._queue:
            return False
        message, qos = self._queue[0]
        if qos and self._window_is_full():
            return False
        self._queue.popleft()
        self._bytes -= message.size
        self._send(message, qos=qos, retain=False)
        return True

    def _send_owed(self) -> bool:
        first = self._owed.first() if self._owed is not None and not self._queue else None
        if self._owed is None or first is None:
            return False
        topic, qos = first
        if qos and self._window_is_full():
            return False
        self._owed.sent(topic)
        retained = self._retained.get(topic)
        if retained is not None:
            self._send(retained, qos=min(qos, retained.qos), retain=True)
        return True

    def _window_is_full(self) -> bool:
        return len(self.in_flight) >= self._settings.in_flight

    def close(self) -> None:
        """Forget what waits: the connection has ended, and no session outlives its connection yet."""
        waiting = len(self.in_flight) + (len(self._queue) if self._queue else 0)
        if waiting:
            self._counts.drops[Drop.CLIENT_GONE] += waiting
        self.in_flight.clear()
        self._queue = None
        self._owed = None

    def _send(self, message: Message, *, qos: int, retain: bool) -> None:
        packet_id = 0
        if qos:
            packet_id = self._next_id()
            self.in_flight[packet_id] = message
            self._bytes += message.size
        self._counts.messages_out += 1
        self.wire.send(message.packet(qos=qos, retain=retain, packet_id=packet_id))

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % 65_535 + 1
            if self._last_id not in self.in_flight:
                return self._last_id

    def _wait(self, message: Message, qos: int) -> bool:
        """Queue a message; False when it is lost."""
        if not self._has_room(message):
            if qos == 0:
                self._counts.drops[Drop.QUEUE_FULL] += 1
                return False
            self._drop_unreliable()
            if not self._has_room(message):
                self.wire.end(End.SLOW)
                return False
        if self._queue is None:
            self._queue = deque()
        self._queue.append((message, qos))
        self._bytes += message.size
        return True

    def _has_room(self, message: Message) -> bool:
        queued = len(self._queue) if self._queue else 0
        return (
            queued + len(self.in_flight) < self._settings.queue_messages
            and self._bytes + message.size <= self._settings.queue_bytes
        )

    def _drop_unreliable(self) -> None:
        """Make room for a QoS 1 message at the cost of the QoS 0 ones before it."""
        if not self._queue:
            return
        kept = deque(entry for entry in self._queue if entry[1])
        self._counts.drops[Drop.QUEUE_FULL] += len(self._queue) - len(kept)
        self._bytes -= sum(message.size for message, qos in self._queue if qos == 0)
        self._queue = kept
