"""Five hundred consoles by websocket: what an alert costs for each of them, and what they cost while nothing happens.

Both are differences between the same load with and without them, on the same process: idle ones in the order without,
with, with, without, so that a slow drift takes no side.
"""

from pathlib import Path

from msgspec.structs import replace

from bench.figures import Findings, Key, Measured
from bench.generator import Audience, Load, Run
from bench.house import House
from bench.servers import HOTEL, Innwatch

ALERTS = 20
"""Reports a second, each of another tablet: with 500 consoles 10,000 deliveries a second."""


def measure(house: House) -> Findings:
    plan = house.plan
    with house.mosquitto() as broker:
        audience = Audience(plan.consoles, broker.ws_url, house.stranger(), f"hotels/{HOTEL}/devices/+/alert")
        reports = _reports(house, broker.mqtt_url, tablets=house.strangers(plan.some))
        heard = house.run("alerts", replace(reports, audience=audience), server="mosquitto", pid=broker.pid)
        alone = house.run("alerts to nobody", _by_others(reports), server="mosquitto", pid=broker.pid)
        theirs = _cpu_us_each(heard, alone)
    with house.innwatch() as server:
        tablets, login = server.add_tablets(plan.some), server.add_console()
        audience = Audience(plan.consoles, server.broker.ws_url, login, f"hotels/{HOTEL}/alerts/+")
        idle = _idle_percent(house, server, tablets=tablets, audience=audience)
        reports = _reports(house, server.broker.mqtt_url, tablets=tablets)
        # With the consoles first: else they would be sent, when they come, what was retained before.
        heard = house.stored("alerts", replace(reports, audience=audience), on=server)
        alone = house.stored("alerts to nobody", _by_others(reports), on=server)
        ours = _cpu_us_each(heard, alone)
    return {Key.ALERT: Measured(ours, theirs), Key.IDLE_CONSOLES: Measured(idle)}


def _reports(house: House, url: str, *, tablets: Path) -> Load:
    plan = house.plan
    return Load(
        url=url,
        tablets=tablets,
        count=plan.some,
        seconds=plan.seconds,
        warm_up=plan.warm_up,
        rate=ALERTS,
        reports=int(plan.seconds * ALERTS),
    )


def _by_others(load: Load) -> Load:
    """The same load again, by tablets that have not reported yet."""
    return replace(load, first=load.reports)


def _cpu_us_each(heard: Run, alone: Run) -> float:
    """CPU microseconds of the server for each delivery of an alert, its acknowledgment included."""
    return max(0.0, heard.server_cpu_s - alone.server_cpu_s) / heard.heard_in_window * 1e6


def _idle_percent(house: House, server: Innwatch, *, tablets: Path, audience: Audience) -> float:
    """By how many percent a heartbeat's CPU grows. At full speed, where it varies least."""
    plan = house.plan
    alone = Load(
        url=server.broker.mqtt_url,
        tablets=tablets,
        count=plan.some,
        seconds=plan.seconds,
        warm_up=plan.warm_up,
    )

    def cpu(load: Load) -> float:
        return house.stored(
            "heartbeats" if load.audience is None else "heartbeats watched", load, on=server
        ).cpu_per_10_000

    watched = replace(alone, audience=audience)
    before, first, second, after = cpu(alone), cpu(watched), cpu(watched), cpu(alone)
    return ((first + second) / (before + after) - 1) * 100
