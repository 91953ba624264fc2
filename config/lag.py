"""How late the event loop is: everything in this process waits as long as the slowest thing that runs on it."""

import asyncio

from prometheus_client import CollectorRegistry, Histogram

EVERY = 0.25
"""Seconds between two measurements."""

_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class LoopLag:
    """By how much wake-ups of the running loop come too late. Of processes that are measured together, of all."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lags = Histogram(
            "innwatch_event_loop_lag_seconds", "How late the event loop woke up", buckets=_BOUNDS, registry=registry
        )

    async def run(self, *, every: float = EVERY) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + every
            await asyncio.sleep(every)
            self._lags.observe(max(0.0, loop.time() - due))
