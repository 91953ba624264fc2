"""Results made up for the tests of the bench's arithmetic."""

from msgspec.structs import replace

from bench.generator import Latency, Reader, Run, read_run
from bench.rounds import Others, Ours, Round

RESULT = (
    '{"tablets":10,"window_s":2.0,"sent":400,"acknowledged":400,"in_window":200,"behind":0,"payload_bytes":164,'
    '"own_cpu_s":0.5,"server_cpu_s":1.0,"machine_cpu_s":1.5,"reports":3,'
    '"ack_us":{"n":200,"p50":120.5,"p99":900.0,"max":1000.0},'
    '"readers":[{"url":"ws://127.0.0.1:20001/mqtt","seen":3,"latency_us":{"n":3,"p50":500.0,"p99":800.0,"max":800.0}}]}'
)


def made_run(**changes: object) -> Run:
    return replace(read_run(RESULT), **changes)


def made_round(*, ours: float, mosquitto: float, generator_share: float = 0.5, foreign_share: float = 0.0) -> Round:
    """A round in which each side acknowledged so many messages a second for two seconds."""

    def full(rate: float) -> Run:
        own = generator_share * 2
        machine = own + 1.0 + foreign_share * 2
        return made_run(in_window=int(rate * 2), own_cpu_s=own, server_cpu_s=1.0, machine_cpu_s=machine)

    console = made_run().readers[0]
    stream = Reader(url="http://127.0.0.1:20002/", seen=3, latency_us=Latency(n=3, p50=1500.0, p99=2500.0, max=2500.0))
    watched = made_run(readers=(console, stream))
    return Round(
        others=Others(sink=full(100_000), mosquitto=full(mosquitto), relay=made_run()),
        ours=Ours(full=full(ours), paced=made_run(), mixed=watched, storm=watched),
    )
