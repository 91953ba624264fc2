"""What the bridge counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class BridgeMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.stored = Counter("innwatch_messages_stored", "Inputs of the rules that were committed", registry=registry)
        self.duplicates = Counter(
            "innwatch_messages_duplicate", "Messages whose id was stored already", registry=registry
        )
        self.rejected = Counter("innwatch_messages_rejected", "Messages refused", ["reason"], registry=registry)
        self.set_aside = Counter(
            "innwatch_inputs_set_aside", "Inputs that the database refused by themselves", registry=registry
        )
        self.batch = Histogram(
            "innwatch_batch_inputs",
            "Inputs committed in one transaction",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
            registry=registry,
        )
        self.waiting = Gauge("innwatch_inputs_waiting", "Inputs that wait to be judged", registry=registry)
        self.published = Counter("innwatch_events_published", "Events published to MQTT", registry=registry)
        self.devices = Gauge("innwatch_devices", "Tablets in memory", registry=registry)
