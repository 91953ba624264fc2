"""How late the event loop is: everything in this process waits as long as the slowest thing that runs on it."""

import asyncio
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from broker.counts import Histogram

EVERY = 0.25
"""Seconds between two measurements."""

_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class LoopLag(Collector):
    """By how much wake-ups of the running loop come too late."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lags = Histogram(_BOUNDS)
        registry.register(self)

    async def run(self, *, every: float = EVERY) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + every
            await asyncio.sleep(every)
            self._lags.took(max(0.0, loop.time() - due))

    def collect(self) -> Iterator[Metric]:
        yield self._lags.metric("event_loop_lag_seconds", "How late the event loop woke up")
