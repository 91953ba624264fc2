"""What the isolation audit tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class IsolationMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.tries = Counter(
            "innwatch_isolation_tries",
            "Tries of one hidden hotel to reach another",
            ["door", "outcome"],
            registry=registry,
        )
        self.broken = Gauge(
            "innwatch_isolation_broken", "Ways in which the last round got from one hotel to another", registry=registry
        )
        self.checked_at = Gauge(
            "innwatch_isolation_checked_timestamp_seconds",
            "When a round could last try all the doors there are; before the first, when it began",
            registry=registry,
        )
