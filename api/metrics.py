"""What the API counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class ApiMetrics:
    """`route` is a template (`/api/alerts/{alert_id}`) or `none`: never a path that somebody made up."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "innwatch_http_requests",
            "Requests answered; an event stream counts when it opens.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "innwatch_http_first_byte_seconds",
            "From the request to the head of its answer.",
            ["route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
            registry=registry,
        )
        self.log_ins = Counter(
            "innwatch_log_ins", "Tries to log in, by what became of them.", ["outcome"], registry=registry
        )
        self.tokens_refused = Counter(
            "innwatch_http_tokens_refused", "Bearer tokens refused, by why.", ["reason"], registry=registry
        )
        self.streams = Gauge("innwatch_event_streams", "Event streams that are open.", registry=registry)
        self.streams_ended = Counter(
            "innwatch_event_streams_ended", "Event streams that ended, by why.", ["why"], registry=registry
        )
        self.events_streamed = Counter(
            "innwatch_events_streamed", "Events written to event streams.", registry=registry
        )
