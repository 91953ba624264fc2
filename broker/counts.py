"""What the broker counts, and how Prometheus reads it.

The hot path adds to plain integers; a scrape turns them into metrics. A prometheus_client counter takes a lock at each
message, which would be a tenth of what the message costs in all.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class End(StrEnum):
    """Why a connection ended."""

    DISCONNECT = "disconnect"
    LOST = "lost"
    KEEP_ALIVE = "keep-alive"
    CONNECT_DEADLINE = "connect-deadline"
    REFUSED = "refused"
    VIOLATION = "violation"
    NOT_ALLOWED = "not-allowed"  # published to a topic that is not its own
    SLOW = "slow"  # did not read what was sent to it
    TAKEN_OVER = "taken-over"
    EXPIRED = "expired"
    TOO_MANY = "too-many"
    SHUTDOWN = "shutdown"


class Drop(StrEnum):
    """Why a message went no further."""

    NOT_ALLOWED = "not-allowed"
    QUEUE_FULL = "queue-full"  # QoS 0 to a slow client
    RETAINED_FULL = "retained-full"  # delivered, not retained
    CLIENT_GONE = "client-gone"  # waiting for a client whose connection ended


class Counts:
    """Totals since the start; only `connections`, `subscriptions` and `unsettled` go down again."""

    def __init__(self) -> None:
        self.connections: Counter[str] = Counter()  # by type of token
        self.subscriptions = 0
        self.messages_in = 0
        self.messages_out = 0
        self.handed_over = 0
        self.acknowledged = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.connects = 0
        self.refused_connects: Counter[str] = Counter()
        self.refused_publishes: Counter[str] = Counter()
        self.refused_filters: Counter[str] = Counter()
        self.violations: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()
        self.holds: Counter[str] = Counter()


class BrokerMetrics(Collector):
    """The counts as metrics, read when they are asked for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.counts = Counts()
        self.retained: Callable[[], tuple[int, int]] = lambda: (0, 0)
        """Returns the number of retained messages and their bytes; the broker puts its own here."""
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        counts = self.counts
        yield from self._gauges()
        yield _total("mqtt_messages_received", "PUBLISH packets from clients", counts.messages_in)
        yield _total("mqtt_messages_sent", "PUBLISH packets to clients", counts.messages_out)
        yield _total("mqtt_messages_handed_over", "Messages and wills given to the bridge", counts.handed_over)
        yield _total("mqtt_messages_acknowledged", "PUBACK packets to clients", counts.acknowledged)
        yield _total("mqtt_bytes_received", "Bytes of MQTT from clients", counts.bytes_in)
        yield _total("mqtt_bytes_sent", "Bytes of MQTT to clients", counts.bytes_out)
        yield _total("mqtt_connects", "Connections that were let in", counts.connects)
        yield _by("mqtt_connects_refused", "CONNECT packets refused", "reason", counts.refused_connects)
        yield _by("mqtt_publishes_refused", "PUBLISH packets refused", "reason", counts.refused_publishes)
        yield _by("mqtt_filters_refused", "Filters refused with 0x80", "reason", counts.refused_filters)
        yield _by("mqtt_violations", "Connections closed for breaking the protocol", "fault", counts.violations)
        yield _by("mqtt_disconnects", "Connections ended", "cause", counts.ends)
        yield _by("mqtt_messages_dropped", "Messages that went no further", "reason", counts.drops)
        yield _by("mqtt_holds", "Times that reading from a client was paused", "reason", counts.holds)

    def _gauges(self) -> Iterator[Metric]:
        live = GaugeMetricFamily("innwatch_mqtt_connections", "Clients that are connected", labels=["type"])
        for kind, number in self.counts.connections.items():
            live.add_metric([kind], number)
        yield live
        messages, size = self.retained()
        yield GaugeMetricFamily(
            "innwatch_mqtt_subscriptions", "Subscriptions of connected clients", self.counts.subscriptions
        )
        yield GaugeMetricFamily("innwatch_mqtt_retained_messages", "Retained messages", messages)
        yield GaugeMetricFamily("innwatch_mqtt_retained_bytes", "Bytes of retained messages", size)


def _total(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(f"innwatch_{name}", text, value)


def _by(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"innwatch_{name}", text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
