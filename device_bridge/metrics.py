"""What the bridge counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class BridgeMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.stored = Counter("innwatch_messages_stored", "Inputs of the rules that were committed", registry=registry)
        self.duplicates = Counter(
            "innwatch_messages_duplicate", "Messages whose id was stored already", registry=registry
        )
        self.late = Counter("innwatch_messages_late", "Messages that were history when they came", registry=registry)
        self.rejected = Counter("innwatch_messages_rejected", "Messages refused", ["reason"], registry=registry)
        self.renewed = Counter(
            "innwatch_tokens_renewed", "New tokens for tablets that asked over MQTT", registry=registry
        )
        self.set_aside = Counter(
            "innwatch_inputs_set_aside", "Inputs that the database refused by themselves", registry=registry
        )
        self.leading_nowhere = Counter(
            "innwatch_deadlines_leading_nowhere",
            "Times that a tablet was judged as of now, for its deadline stays due",
            registry=registry,
        )
        self.batch = Histogram(
            "innwatch_batch_inputs",
            "Inputs committed in one transaction",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
            registry=registry,
        )
        self.waiting = Gauge("innwatch_inputs_waiting", "Inputs that wait to be judged", registry=registry)
        self.inbox = Counter(
            "innwatch_inbox_stored", "Messages that came over HTTP and were stored or refused", registry=registry
        )
        self.inbox_wait = Gauge(
            "innwatch_inbox_wait_seconds",
            "How long the oldest message over HTTP waits for the bridge",
            registry=registry,
        )
        self.deeds = Counter(
            "innwatch_deeds",
            "What people did about alerts over MQTT, by what became of it",
            ["verdict"],
            registry=registry,
        )
        self.commands = Counter("innwatch_commands_published", "Commands published to tablets", registry=registry)
        self.published = Counter("innwatch_events_published", "Events published to MQTT", registry=registry)
        self.devices = Gauge("innwatch_devices", "Tablets in memory", registry=registry)


class UplinkMetrics:
    """What is counted where the broker is another process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.connected = Gauge("innwatch_broker_connected", "1 while tablets can be heard", registry=registry)
        self.connections = Counter("innwatch_broker_connections", "Times that hearing began", registry=registry)
        self.strays = Counter(
            "innwatch_broker_strays", "Messages on topics that mean nothing, dropped", registry=registry
        )
        self.receipts_lost = Counter(
            "innwatch_receipts_lost", "Receipts that could not be published, and are had again", registry=registry
        )
        self.unacknowledged = Gauge(
            "innwatch_broker_unacknowledged", "Messages taken from the broker and not stored yet", registry=registry
        )
        self.announcements = Gauge(
            "innwatch_announcements_waiting", "Published and not acknowledged by the broker", registry=registry
        )
