"""One client's side of the broker: what it may do, what it subscribed to, and what is on its way to it.

A session that the client did not ask to be clean outlives the connection, and this process: its changes are recorded
on the shelf. What the client is told of them is told when they are on disk.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from broker.access import Refusal, may_publish, may_subscribe
from broker.bounds import Bounds, Stock
from broker.codec import read_topic
from broker.counts import Counts
from broker.outgoing import Outflow, Wire
from broker.packets import Fault, Publish, Violation, Will
from broker.retained import Retained
from broker.settings import BrokerSettings
from broker.shelf import Shelf
from broker.tokens import Claims
from broker.topics import BRIDGE_INBOUND, Topic, parse

REMEMBERED_ROUTES = 64


class Route(Struct, frozen=True, gc=False):
    """Where a client's PUBLISH to one topic goes: to the bridge, or to whoever subscribed."""

    topic: Topic
    name: str
    inbound: bool


class Session(Outflow):
    """A client that has passed the access check; `claims` are those of its last token."""

    __slots__ = ("_settings", "claims", "left_at", "received", "routes", "subscriptions", "will")

    def __init__(
        self,
        *,
        client_id: str,
        claims: Claims,
        settings: BrokerSettings,
        bounds: Bounds,
        counts: Counts,
        retained: Retained,
        shelf: Shelf | None,
        stock: Stock,
    ) -> None:
        super().__init__(client_id=client_id, bounds=bounds, counts=counts, retained=retained, shelf=shelf, stock=stock)
        self.claims = claims
        self.will: Will | None = None
        self.subscriptions: dict[str, int] = {}
        self.received: set[int] | None = None  # packet ids of QoS 2 messages from the client without their PUBREL
        self.left_at: datetime | None = None  # when its connection ended
        self.routes: dict[bytes, Route] = {}  # by the topic's bytes: checked once, and right without RETAIN
        self._settings = settings

    @property
    def outlives(self) -> bool:
        """Whether it outlives its connection."""
        return self.shelf is not None

    def attach(self, wire: Wire, claims: Claims, will: Will | None) -> None:
        """Begin a connection. Nothing is sent before `work` is called."""
        self.wire = wire
        self.claims = claims
        self.will = will
        self.left_at = None
        self.routes.clear()

    def leave(self, at: datetime) -> None:
        """End the connection, and wait for the client."""
        self.pause()
        self.will = None
        self.left_at = at
        self.routes.clear()

    def route(self, publish: Publish) -> Route | Refusal:
        """Return where a PUBLISH goes, or why it may not; raises Violation for a topic that is no topic."""
        route = self.routes.get(publish.topic)
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
        if len(self.routes) >= REMEMBERED_ROUTES:
            self.routes.clear()
        self.routes[publish.topic] = route
        return route

    def refuses(self, topic_filter: str) -> str | None:
        """Return why a filter gets 0x80, or None when it is granted."""
        if self._settings.is_too_long(topic_filter):
            return "too-long"
        if topic_filter not in self.subscriptions and len(self.subscriptions) >= self._settings.subscriptions:
            return "too-many"
        return may_subscribe(self.claims, topic_filter)

    # QoS 2 from the client: a packet id that was taken is not taken again until its PUBREL

    def has_received(self, packet_id: int) -> bool:
        return self.received is not None and packet_id in self.received

    def receive(self, packet_id: int) -> None:
        """Remember that the message with this packet id was taken. There are 65,535 of them, which is the bound."""
        if self.received is None:
            self.received = set()
        if packet_id not in self.received:
            self.received.add(packet_id)
            if self.shelf is not None:
                self.shelf.received(self.client_id, packet_id)

    def complete(self, packet_id: int) -> bool:
        """Take a PUBREL: the packet id may be used again. False: it was not in use."""
        if self.received is None or packet_id not in self.received:
            return False
        self.received.remove(packet_id)
        if self.shelf is not None:
            self.shelf.completed(self.client_id, packet_id)
        return True

    def when_kept(self, call: Callable[[], None]) -> None:
        """Call when what was recorded of the session is on disk; at once when nothing of it ever is."""
        if self.shelf is None:
            call()
        else:
            self.shelf.when_kept(call)
