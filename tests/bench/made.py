"""Results made up for the tests of the bench's arithmetic."""

from msgspec.structs import replace

from bench.generator import Run, read_run
from bench.house import Ran

RESULT = (
    '{"tablets":10,"login_s":0.5,"window_s":2.0,"sent":400,"acknowledged":400,"in_window":200,"behind":0,"payload_bytes":164,'
    '"own_cpu_s":0.5,"server_cpu_s":1.0,"machine_cpu_s":1.5,"reports":3,'
    '"pss_kib":90000,"rss_kib":100000,"most_rss_kib":110000,"most_rss_halfway_kib":105000,"heard":0,"heard_in_window":0,'
    '"ack_us":{"n":200,"p50":120.5,"p99":900.0,"max":1000.0},'
    '"readers":[{"url":"ws://127.0.0.1:20001/mqtt","seen":3,"latency_us":{"n":3,"p50":500.0,"p99":800.0,"max":800.0}}],'
    '"after":[{"ack_us":{"n":500,"p50":900.0,"p99":2000.0,"max":3000.0}},{"ack_us":null}]}'
)


def made_run(**changes: object) -> Run:
    return replace(read_run(RESULT), **changes)


def full_speed(*, ours: float, mosquitto: float, generator_share: float = 0.5, foreign_share: float = 0.0) -> list[Ran]:
    """What the three servers did at full speed: each acknowledged so many messages a second for two seconds."""

    def run(rate: float) -> Run:
        own = generator_share * 2
        machine = own + 1.0 + foreign_share * 2
        return made_run(in_window=int(rate * 2), own_cpu_s=own, server_cpu_s=1.0, machine_cpu_s=machine)

    return [
        Ran("sink", "saturated", run(100_000)),
        Ran("mosquitto", "saturated", run(mosquitto)),
        Ran("innwatch", "saturated", run(ours)),
    ]
