"""What comes in over one connection: into the queue, and acknowledged when it is settled, in the order of arrival.

The order is MQTT's (3.1.1, 4.6). What is no topic of ours, as a broker with looser rules may have it, is acknowledged
with the rest and goes no further.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection

from broker.delivery import Intake
from broker.topics import BRIDGE_INBOUND, Kind, Topic, parse
from device_bridge.mqtt_wire import Wire

_REMEMBERED_TOPICS = 20_000


class FarDelivery:
    """A `broker.delivery.Delivery`. When its connection has ended, settling it does nothing."""

    __slots__ = ("_arrivals", "is_settled", "packet_id", "payload", "qos", "retain", "topic")

    def __init__(
        self, arrivals: "Arrivals", topic: Topic, payload: bytes, *, qos: int, retain: bool, packet_id: int
    ) -> None:
        self._arrivals = arrivals
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.packet_id = packet_id
        self.is_settled = False

    def settle(self) -> None:
        self.is_settled = True
        if self.qos:
            self._arrivals.pay_soon()


class Topics:
    """What names of the kinds that are consumed mean, remembered: the same few thousand come again and again."""

    def __init__(self, consumed: Collection[Kind] = BRIDGE_INBOUND) -> None:
        self._consumed = consumed
        self._known: dict[str, Topic | None] = {}

    def of(self, name: str) -> Topic | None:
        """The topic, if it is one that the bridge consumes."""
        try:
            return self._known[name]
        except KeyError:
            parsed = parse(name)
            topic = parsed if parsed is not None and parsed.kind in self._consumed else None
            if len(self._known) >= _REMEMBERED_TOPICS:
                self._known.clear()
            self._known[name] = topic
            return topic


class Arrivals:
    """The `Receiver` of one connection; made before it, since messages may come with the CONNACK."""

    def __init__(
        self, queue: Intake, topics: Topics, *, published: Callable[[int], None], stray: Callable[[], None]
    ) -> None:
        self._queue = queue
        self._topics = topics
        self._published = published
        self._stray = stray
        self._wire: Wire | None = None
        self._owed: deque[FarDelivery | int] = deque()  # an int is the packet id of a stray
        self._is_held = False
        self._has_ended = False
        self._pays_soon = False

    @property
    def unacknowledged(self) -> int:
        return len(self._owed)

    def attach(self, wire: Wire) -> None:
        """This is the connection: acknowledge through it, hold it when the queue is full."""
        self._wire = wire
        if self._is_held:
            wire.hold()
        self.pay_soon()

    def end(self) -> None:
        """The connection has ended: the broker sends again what was not acknowledged."""
        self._wire = None
        self._has_ended = True
        self._owed.clear()

    def arrived(self, name: str, payload: bytes, *, qos: int, retain: bool, packet_id: int) -> None:
        topic = self._topics.of(name)
        if topic is None:
            self._stray()
            if qos:
                self._owed.append(packet_id)
                self.pay_soon()
            return
        delivery = FarDelivery(self, topic, payload, qos=qos, retain=retain, packet_id=packet_id)
        if qos:
            self._owed.append(delivery)
        if not self._queue.offer(delivery) and not self._is_held:
            self._hold()

    def published(self, packet_id: int) -> None:
        self._published(packet_id)

    def _hold(self) -> None:
        self._is_held = True
        if self._wire is not None:
            self._wire.hold()
        self._queue.on_room(self._go_on)

    def _go_on(self) -> None:
        self._is_held = False
        if self._wire is not None:
            self._wire.go_on()

    def pay_soon(self) -> None:
        """Acknowledge at the loop's next turn, all at once: a commit settles hundreds."""
        if not self._pays_soon and not self._has_ended:
            self._pays_soon = True
            asyncio.get_running_loop().call_soon(self._pay)

    def _pay(self) -> None:
        self._pays_soon = False
        if self._wire is None or not self._wire.is_open:
            return
        paid: list[int] = []
        while self._owed:
            first = self._owed[0]
            if isinstance(first, FarDelivery):
                if not first.is_settled:
                    break
                paid.append(first.packet_id)
            else:
                paid.append(first)
            self._owed.popleft()
        if paid:
            self._wire.acknowledge(paid)
