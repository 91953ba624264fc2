"""A minute of three times as much as can be stored, then calm: nothing acknowledged is lost, memory stays bounded.

What the clock asks for while a tablet has IN_FLIGHT messages waiting is not sent: a tablet has no room for more either.
"Acknowledged as before" is the first second of the calm in which both quantiles are what issue 3 asks of a calm server.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from bench.experiments.latency import ms
from bench.figures import RATE, Findings, Key, Measured
from bench.generator import Latency, Load
from bench.house import House

TIMES = 3
IN_FLIGHT = 16
CALM_P50_MS, CALM_P99_MS = 5.0, 12.0


def measure(house: House) -> Findings:
    plan = house.plan
    with house.innwatch() as server:
        tablets, url = server.add_tablets(plan.some), server.broker.mqtt_url
        possible = Load(url=url, tablets=tablets, count=plan.some, seconds=plan.seconds, warm_up=plan.warm_up)
        most = house.stored("before the overload", possible, on=server).per_second
        load = replace(
            possible,
            seconds=plan.overload_s,
            rate=int(most * TIMES),
            in_flight=IN_FLIGHT,
            may_fall_behind=True,
            rate_after=RATE,
            seconds_after=plan.calm_s,
        )
        run = house.stored("overload", load, on=server)
    return {
        Key.OVERLOAD_STORED: Measured(run.per_second),
        Key.OVERLOAD_ACK_P99: Measured(ms(run.ack.p99)),
        Key.OVERLOAD_MEMORY: Measured(run.most_rss_kib * 1024 / 1e6),
        Key.OVERLOAD_GROWTH: Measured((run.most_rss_kib / run.most_rss_halfway_kib - 1) * 100),
        Key.OVERLOAD_RECOVERY: Measured(recovery([second.ack_us for second in run.after])),
    }


def recovery(seconds: Sequence[Latency | None]) -> int:
    """In which second after the overload acknowledgments were as quick as ever; one more than all if in none."""
    for number, ack in enumerate(seconds, start=1):
        if ack is not None and ms(ack.p50) <= CALM_P50_MS and ms(ack.p99) <= CALM_P99_MS:
            return number
    return len(seconds) + 1
