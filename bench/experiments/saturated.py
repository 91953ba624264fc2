"""As fast as it goes: every tablet sends as soon as it is acknowledged, one message in flight each.

Mosquitto's is its raw fan-in: no login, nothing stored, nobody subscribed. The sink shows what the generator can do.
"""

from pathlib import Path

from bench.figures import Findings, Key, Measured
from bench.generator import Load
from bench.house import House

WHAT = "saturated"


def measure(house: House) -> Findings:
    plan = house.plan

    def load(url: str, tablets: Path, count: int) -> Load:
        return Load(url=url, tablets=tablets, count=count, seconds=plan.seconds, warm_up=plan.warm_up)

    strangers = house.strangers(plan.some)
    with house.sink() as sink:
        house.run(WHAT, load(sink.mqtt_url, strangers, plan.some), server="sink", pid=sink.pid)
    with house.mosquitto() as mosquitto:
        theirs = house.run(WHAT, load(mosquitto.mqtt_url, strangers, plan.some), server="mosquitto", pid=mosquitto.pid)
    with house.innwatch() as server:
        tablets, url = server.add_tablets(plan.some), server.broker.mqtt_url
        # The few come first: tablets that were never heard are not missed meanwhile.
        few = house.stored("saturated by few", load(url, tablets, plan.few), on=server)
        ours = house.stored(WHAT, load(url, tablets, plan.some), on=server)
    return {
        Key.STORED: Measured(ours.per_second, theirs.per_second),
        Key.CPU_FEW: Measured(few.cpu_per_10_000),
        Key.CPU_SATURATED: Measured(ours.cpu_per_10_000, theirs.cpu_per_10_000),
    }
