"""The lag of the event loop is seen when something holds it up."""

import asyncio
import time

from prometheus_client import CollectorRegistry

from config.lag import LoopLag
from tests.support import eventually


async def test_what_holds_the_loop_up_is_measured() -> None:
    registry = CollectorRegistry()
    lag = LoopLag(registry)

    def value(what: str, **labels: str) -> float:
        return registry.get_sample_value(f"innwatch_event_loop_lag_seconds_{what}", labels) or 0.0

    async with asyncio.TaskGroup() as tasks:
        measuring = tasks.create_task(lag.run(every=0.01))
        await eventually(lambda: value("count") > 2)
        in_time = value("count") - value("bucket", le="0.1")
        time.sleep(0.15)  # holds it up, as a slow call would
        await eventually(lambda: value("count") - value("bucket", le="0.1") == in_time + 1)
        measuring.cancel()
    assert value("sum") > 0.1
