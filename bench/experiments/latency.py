"""An ordinary load: how long an acknowledgment takes, and how long a breach takes to reach a console.

`paced`: RATE heartbeats a second. `mixed`: the same with every EVERY-th message a Report. `storm`: RATE Reports a
second. The last two with a console by websocket and an event stream. Mosquitto relays `mixed` to a console.
"""

from pathlib import Path

from bench.failure import BenchFailed
from bench.figures import EVERY, RATE, Findings, Key, Measured
from bench.generator import Latency, Load, Run, Watcher
from bench.house import House
from bench.servers import HOTEL


def measure(house: House) -> Findings:
    relay = _relay(house)
    plan = house.plan
    with house.innwatch() as server:
        tablets, login, url = server.add_tablets(plan.some), server.add_console(), server.broker.mqtt_url
        watchers = (
            Watcher(url=server.broker.ws_url, login=login, filter=f"hotels/{HOTEL}/alerts/+"),
            Watcher(url=server.events_url, login=login),
        )
        storming = Load(
            url=url,
            tablets=tablets,
            count=plan.some,
            seconds=plan.storm_reports / RATE,
            warm_up=plan.warm_up,
            rate=RATE,
            first=plan.mixed_reports,
            reports=plan.storm_reports,
            watchers=watchers,
        )
        # Every tablet is heard before the window: the first time is more work, once in its life.
        once_each = plan.some / RATE + 1
        pacing = Load(url=url, tablets=tablets, count=plan.some, seconds=plan.seconds, warm_up=once_each, rate=RATE)
        paced = house.stored("paced", pacing, on=server)
        mixed = house.stored("mixed", mixed_load(house, url, tablets=tablets, watchers=watchers), on=server)
        storm = house.stored("storm", storming, on=server)
    return {
        Key.CPU_PACED: Measured(paced.cpu_per_10_000, relay.cpu_per_10_000),
        Key.ACK_P50: Measured(ms(paced.ack.p50), ms(relay.ack.p50)),
        Key.ACK_P99: Measured(ms(paced.ack.p99), ms(relay.ack.p99)),
        Key.WEBSOCKET_P50: Measured(ms(heard(mixed, 0).p50), ms(heard(relay, 0).p50)),
        Key.WEBSOCKET_P99: Measured(ms(heard(mixed, 0).p99), ms(heard(relay, 0).p99)),
        Key.STREAM_P50: Measured(ms(heard(mixed, 1).p50)),
        Key.STREAM_P99: Measured(ms(heard(mixed, 1).p99)),
        Key.STREAM_MORE: Measured(ms(heard(mixed, 1).p50 - heard(mixed, 0).p50)),
        Key.STORM_WEBSOCKET_P50: Measured(ms(heard(storm, 0).p50)),
        Key.STORM_WEBSOCKET_P99: Measured(ms(heard(storm, 0).p99)),
        Key.STORM_STREAM_P50: Measured(ms(heard(storm, 1).p50)),
        Key.STORM_STREAM_P99: Measured(ms(heard(storm, 1).p99)),
    }


def ms(microseconds: float) -> float:
    return microseconds / 1000


def _relay(house: House) -> Run:
    with house.mosquitto() as broker:
        watcher = Watcher(url=broker.ws_url, login=house.stranger(), filter=f"hotels/{HOTEL}/devices/+/alert")
        load = mixed_load(house, broker.mqtt_url, tablets=house.strangers(house.plan.some), watchers=(watcher,))
        return house.run("relay", load, server="mosquitto", pid=broker.pid)


def mixed_load(house: House, url: str, *, tablets: Path, watchers: tuple[Watcher, ...]) -> Load:
    plan = house.plan
    return Load(
        url=url,
        tablets=tablets,
        count=plan.some,
        seconds=plan.seconds,
        warm_up=plan.warm_up,
        rate=RATE,
        reports=plan.mixed_reports,
        every=EVERY,
        watchers=watchers,
    )


def heard(run: Run, place: int) -> Latency:
    """What the reader at a place, in the order in which the load names them, found."""
    reader = run.readers[place]
    if reader.latency_us is None:
        raise BenchFailed(f"{reader.url} heard nothing")
    return reader.latency_us
