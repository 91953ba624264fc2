"""What the broker counts, and how Prometheus reads it.

The hot path adds to plain integers; a scrape turns them into metrics. A prometheus_client counter takes a lock at each
message, which would be a tenth of what the message costs in all.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import accumulate, islice
from typing import Final

from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from broker.certificate import Certificate
from broker.claims import Claims
from rules.canaries import CANARIES

NO_HOTEL: Final = "_"
"""The hotel of those that belong to none, admins and services, and of those that belong to a hidden one."""

OTHER_HOTELS: Final = "other"

HOTELS_SHOWN: Final = 200
"""Hotels with metrics of their own; the rest is shown as one, so that their number never is Prometheus' burden."""

ACKNOWLEDGED_WITHIN: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
)  # fmt: skip
"""Seconds from a PUBLISH to its acknowledgment, the bounds of the histogram's buckets."""


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
    REVOKED = "revoked"  # its token was, or its hotel suspended
    TOO_MANY = "too-many"
    SHUTDOWN = "shutdown"


class Drop(StrEnum):
    """Why a message went no further."""

    NOT_ALLOWED = "not-allowed"
    QUEUE_FULL = "queue-full"  # to a client that is slow, or away
    KEPT_FULL = "kept-full"  # to a client that is away, when for all of them as much is kept as may be
    RETAINED_FULL = "retained-full"  # delivered, not retained
    AWAY = "away"  # QoS 0 to a client whose session is kept
    CLIENT_GONE = "client-gone"  # waiting for a client whose connection ended


class Histogram:
    """How long something took, in buckets. Adding to it costs a third of a microsecond."""

    __slots__ = ("_bounds", "_numbers", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._numbers = [0] * (len(bounds) + 1)
        self._total = 0.0

    def took(self, seconds: float) -> None:
        self._numbers[bisect_left(self._bounds, seconds)] += 1
        self._total += seconds

    @property
    def number(self) -> int:
        """How often it was added to."""
        return sum(self._numbers)

    def metric(self, name: str, text: str) -> Metric:
        bounds = [*(str(bound) for bound in self._bounds), "+Inf"]
        buckets = list(zip(bounds, map(float, accumulate(self._numbers)), strict=True))
        return HistogramMetricFamily(f"innwatch_{name}", text, buckets=buckets, sum_value=self._total)


class Levels(Struct, frozen=True, kw_only=True):
    """What there is at one moment, found when somebody asks."""

    sessions_connected: int = 0
    sessions_kept: int = 0  # of clients that are away
    queued_messages: int = 0  # to all clients, in flight included
    queued_bytes: int = 0
    longest_queue: int = 0  # messages to one client
    retained_messages: int = 0
    retained_bytes: int = 0
    shelf_bytes: int = 0  # recorded, and not on disk yet


class Counts:
    """Totals since the start; only `connections` and `subscriptions` go down again."""

    def __init__(self) -> None:
        self.connections: Counter[tuple[str, str]] = Counter()  # by type of token and hotel
        self.acknowledgments = Histogram(ACKNOWLEDGED_WITHIN)  # from PUBLISH to PUBACK or PUBREC
        self.subscriptions = 0
        self.shelved = 0  # messages and retained ones that were recorded to be written to disk
        self.sessions_expired = 0
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
        self.refused_handshakes: Counter[str] = Counter()  # of TLS or websocket, before there was any MQTT

    def arrived(self, claims: Claims) -> None:
        """Count a client that was let in."""
        self.connects += 1
        self.connections[claims.type, _hotel(claims)] += 1

    def gone(self, claims: Claims) -> None:
        self.connections[claims.type, _hotel(claims)] -= 1


class BrokerMetrics(Collector):
    """The counts as metrics, read when they are asked for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.counts = Counts()
        self.levels: Callable[[], Levels] = Levels
        """Returns what there is now; the broker puts its own here."""
        self.certificate: Certificate | None = None
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        counts = self.counts
        yield from self._gauges()
        yield _total("mqtt_messages_received", "PUBLISH packets from clients", counts.messages_in)
        yield _total("mqtt_messages_sent", "PUBLISH packets to clients", counts.messages_out)
        yield _total("mqtt_messages_handed_over", "Messages and wills given to the bridge", counts.handed_over)
        yield _total("mqtt_messages_acknowledged", "PUBACK and PUBREC packets to clients", counts.acknowledged)
        yield _total("mqtt_bytes_received", "Bytes of MQTT from clients", counts.bytes_in)
        yield _total("mqtt_bytes_sent", "Bytes of MQTT to clients", counts.bytes_out)
        yield _total("mqtt_connects", "Connections that were let in", counts.connects)
        yield _total("mqtt_sessions_expired", "Sessions whose client was away for too long", counts.sessions_expired)
        yield _by("mqtt_connects_refused", "CONNECT packets refused", "reason", counts.refused_connects)
        yield _by("mqtt_publishes_refused", "PUBLISH packets refused", "reason", counts.refused_publishes)
        yield _by("mqtt_filters_refused", "Filters refused with 0x80", "reason", counts.refused_filters)
        yield _by("mqtt_violations", "Connections closed for breaking the protocol", "fault", counts.violations)
        yield _by("mqtt_handshakes_refused", "TLS or websocket handshakes refused", "reason", counts.refused_handshakes)
        yield _by("mqtt_disconnects", "Connections ended", "cause", counts.ends)
        yield _by("mqtt_messages_dropped", "Messages that went no further", "reason", counts.drops)
        yield _by("mqtt_holds", "Times that reading from a client was paused", "reason", counts.holds)
        yield counts.acknowledgments.metric(
            "mqtt_acknowledgment_seconds", "From a PUBLISH with QoS 1 or 2 to its acknowledgment"
        )

    def _gauges(self) -> Iterator[Metric]:
        live = GaugeMetricFamily("innwatch_mqtt_connections", "Clients that are connected", labels=["type", "hotel"])
        for labels, number in _shown(self.counts.connections).items():
            live.add_metric(labels, number)
        yield live
        yield from self._of_certificate()
        now = self.levels()
        sessions = GaugeMetricFamily("innwatch_mqtt_sessions", "Sessions, by whether their client is", labels=["state"])
        sessions.add_metric(["connected"], now.sessions_connected)
        sessions.add_metric(["kept"], now.sessions_kept)
        yield sessions
        yield _gauge("mqtt_subscriptions", "Subscriptions of all sessions", self.counts.subscriptions)
        yield _gauge(
            "mqtt_queued_messages", "Messages on their way to clients, in flight or waiting", now.queued_messages
        )
        yield _gauge("mqtt_queued_bytes", "Bytes of messages on their way to clients", now.queued_bytes)
        yield _gauge("mqtt_longest_queue_messages", "Messages in the longest queue of one client", now.longest_queue)
        yield _gauge("mqtt_retained_messages", "Retained messages", now.retained_messages)
        yield _gauge("mqtt_retained_bytes", "Bytes of retained messages", now.retained_bytes)
        yield _gauge("mqtt_shelf_backlog_bytes", "Bytes of durable state that are not on disk yet", now.shelf_bytes)

    def _of_certificate(self) -> Iterator[Metric]:
        shown = self.certificate
        if shown is not None:
            left = GaugeMetricFamily("innwatch_mqtt_certificate_days_left", "Days until the TLS certificate ends")
            left.add_metric([], shown.days_left)
            yield left
            outcomes = {"taken": shown.renewed, "refused": shown.refused}
            yield _by("mqtt_certificate_renewals", "New TLS certificates that were found", "outcome", outcomes)


def _shown(connections: Mapping[tuple[str, str], int]) -> Mapping[tuple[str, str], int]:
    """Return connections by type and hotel, those of the hotels that came after the first 200 as one hotel's."""
    hotels = dict.fromkeys(hotel for _, hotel in connections)
    if len(hotels) <= HOTELS_SHOWN:
        return connections
    own = set(islice(hotels, HOTELS_SHOWN))
    shown: Counter[tuple[str, str]] = Counter()
    for (kind, hotel), number in connections.items():
        shown[kind, hotel if hotel in own else OTHER_HOTELS] += number
    return shown


def _hotel(claims: Claims) -> str:
    """The hotel as it is shown; the hidden ones are not."""
    return NO_HOTEL if claims.hotel_id is None or claims.hotel_id in CANARIES else claims.hotel_id


def _gauge(name: str, text: str, value: int) -> Metric:
    return GaugeMetricFamily(f"innwatch_{name}", text, value)


def _total(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(f"innwatch_{name}", text, value)


def _by(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"innwatch_{name}", text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
