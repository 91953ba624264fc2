"""One server: what the processes store on PostgreSQL through a broker apart, and how long a breach takes to a console.

`offered`: OFFERED heartbeats a second, a little more than is asked for, so that the bridge is what limits. `mixed`: 500
a second, every tenth a Report. Our broker acknowledges what it has on disk, so the backlog at the end of `offered` is
waited for and every row counted.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from bench.experiments.latency import heard, mixed_load, ms
from bench.figures import Findings, Key, Measured
from bench.generator import Latency, Load, Watcher
from bench.house import House
from bench.one_server import OneServer, Window, last
from bench.servers import HOTEL

OFFERED = 9_000
IN_FLIGHT = 16
PARTS = ("broker", "bridge", "api", "worker", "postgresql", "redis")


def measure(house: House) -> Findings:
    """With our broker, and with Mosquitto in its place."""
    stored, run = _measure(house, house.one_server)
    far, foreign = _measure(house, house.one_server_on_mosquitto)
    return {
        Key.SERVER_STORED: Measured(stored.per_second),
        Key.SERVER_CPU: Measured(stored.cpu_per_10_000(*PARTS)),
        Key.SERVER_CPU_BRIDGE: Measured(stored.cpu_per_10_000("bridge")),
        Key.SERVER_CPU_BROKER: Measured(stored.cpu_per_10_000("broker")),
        Key.SERVER_CPU_DATABASE: Measured(stored.cpu_per_10_000("postgresql")),
        Key.SERVER_P50: Measured(ms(run.p50)),
        Key.SERVER_P99: Measured(ms(run.p99)),
        Key.FOREIGN_STORED: Measured(far.per_second),
        Key.FOREIGN_CPU: Measured(far.cpu_per_10_000(*PARTS)),
        Key.FOREIGN_CPU_BRIDGE: Measured(far.cpu_per_10_000("bridge")),
        Key.FOREIGN_P50: Measured(ms(foreign.p50)),
        Key.FOREIGN_P99: Measured(ms(foreign.p99)),
    }


def _measure(house: House, open_server: Callable[[], AbstractContextManager[OneServer]]) -> tuple[Window, Latency]:
    plan = house.plan
    with open_server() as server:
        tablets, login, url = server.add_tablets(plan.some), server.add_console(), server.broker.mqtt_url
        offered = Load(
            url=url,
            tablets=tablets,
            count=plan.some,
            seconds=plan.seconds,
            warm_up=plan.warm_up,
            rate=OFFERED,
            in_flight=IN_FLIGHT,
            may_fall_behind=True,
        )
        watcher = Watcher(url=server.broker.ws_url, login=login, filter=f"hotels/{HOTEL}/alerts/+")
        mixed = mixed_load(house, url, tablets=tablets, watchers=(watcher,))
        window = last(house.sampled("server offered", offered, on=server).samples, plan.seconds)
        run = house.sampled("server mixed", mixed, on=server).run
        return window, heard(run, 0)
