"""How it grows with the tablets: memory, logins, the price of a heartbeat, and of ten thousand that say nothing.

Memory is resident memory (RSS). What a tablet takes is the slope between two counts, each on a process of its own whose
database knows exactly the tablets that are connected; each is subscribed to its receipts and was heard at least once.
"""

from pathlib import Path

from bench.figures import BUSY, BUSY_IN_FLIGHT, Findings, Key, Measured
from bench.generator import Load, Run
from bench.house import House
from bench.machine import resident_kib
from bench.servers import Innwatch

KEEP_ALIVE = 60
IDLE_S = 3.0
"""Times a window of the plan: little happens in it."""


def measure(house: House) -> Findings:
    plan = house.plan
    logins = _strange_logins(house)
    with house.innwatch() as server:
        alone = resident_kib(server.broker.pid)
        some = _busy(house, server, tablets=server.add_tablets(plan.some), count=plan.some)
    with house.innwatch() as server:
        tablets = server.add_tablets(plan.many)
        # Idle ones first, unheard: after their heartbeats their silence would be an alert within the minute.
        idle = _idle(house, server, tablets=tablets)
        many = _busy(house, server, tablets=tablets, count=plan.many)
        few = _busy(house, server, tablets=tablets, count=plan.few)
    slope = (many.rss_kib - some.rss_kib) / (plan.many - plan.some)
    return {
        Key.MEMORY_ALONE: Measured(_mb(alone)),
        Key.MEMORY_SOME: Measured(_mb(some.rss_kib)),
        Key.MEMORY_MANY: Measured(_mb(many.rss_kib)),
        Key.MEMORY_TABLET: Measured(slope * 1.024),
        Key.LOGINS: Measured(idle.logins_per_second, logins.logins_per_second),
        Key.HEARTBEAT_GROWTH: Measured(many.cpu_per_10_000 / few.cpu_per_10_000),
        Key.IDLE: Measured(idle.server_share * 100),
    }


def _strange_logins(house: House) -> Run:
    count = house.plan.many
    with house.mosquitto() as broker:
        load = Load(
            url=broker.mqtt_url,
            tablets=house.strangers(count),
            count=count,
            seconds=1,
            warm_up=0,
            idle=True,
            subscribe=True,
            keep_alive=KEEP_ALIVE,
        )
        return house.run("logins", load, server="mosquitto", pid=broker.pid)


def _idle(house: House, server: Innwatch, *, tablets: Path) -> Run:
    plan = house.plan
    load = Load(
        url=server.broker.mqtt_url,
        tablets=tablets,
        count=plan.many,
        seconds=plan.seconds * IDLE_S,
        warm_up=1,
        idle=True,
        subscribe=True,
        keep_alive=KEEP_ALIVE,
    )
    return house.stored("idle", load, on=server)


def _busy(house: House, server: Innwatch, *, tablets: Path, count: int) -> Run:
    """BUSY heartbeats a second, from tablets of which each was heard before the window begins."""
    load = Load(
        url=server.broker.mqtt_url,
        tablets=tablets,
        count=count,
        seconds=house.plan.seconds,
        warm_up=count / BUSY + 2,
        rate=BUSY,
        in_flight=BUSY_IN_FLIGHT,
        subscribe=True,
    )
    return house.stored(f"{BUSY}/s by {count}", load, on=server)


def _mb(kib: float) -> float:
    return kib * 1024 / 1e6
