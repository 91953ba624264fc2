"""What the worker counts, in the registry that config made."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class WorkerMetrics:
    """`outcome` is delivered, retry, dead, lost (the lease ended and somebody else has it) or interrupted (a stop)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.deliveries = Counter(
            "innwatch_deliveries",
            "Attempts at delivering a notification",
            ["channel", "outcome"],
            registry=registry,
        )
        self.told_after = Histogram(
            "innwatch_told_after_seconds",
            "From the change of an alert to its delivered notification",
            ["channel"],
            buckets=(0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600),
            registry=registry,
        )
        self.due = Gauge(
            "innwatch_outbox_due",
            "Notifications that could be sent now and are not yet claimed (up to the size of one look)",
            registry=registry,
            multiprocess_mode="livemax",  # of several processes one looks, and the others say 0
        )
        self.oldest_due = Gauge(
            "innwatch_outbox_oldest_due_seconds",
            "For how long this worker has seen the oldest of them waiting",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.dropped = Counter(
            "innwatch_worker_dropped",
            "What lay in the queue in Redis, was no message of Innwatch, and was dropped",
            registry=registry,
        )
        self.without_redis = Gauge(
            "innwatch_worker_without_redis",
            "1 while Redis is away, and the worker that dispatches delivers by itself",
            registry=registry,
            multiprocess_mode="livemax",
        )
