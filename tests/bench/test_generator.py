"""What the bench believes of its generator: a whole and consistent result, and nothing less."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.failure import BenchFailed
from bench.generator import Latency, Load, Reader, Watcher, complete, read_run
from tests.bench.made import RESULT, made_run

LOAD = Load(url="mqtt://127.0.0.1:20000", tablets=Path("tablets.csv"), count=10, seconds=2)


def test_a_result_is_read_with_its_readers() -> None:
    run = read_run(RESULT)

    assert run.acknowledged == 400
    assert run.ack_us == Latency(n=200, p50=120.5, p99=900.0, max=1000.0)
    assert [reader.seen for reader in run.readers] == [3]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "load: the server is gone",
        "null",
        "[" * 100_000,
        RESULT[:-20],
        RESULT + RESULT,
        RESULT.replace('"sent":400', '"sent":"400"'),
        RESULT.replace('"sent":400', '"sent":-1'),
        RESULT.replace('"sent":400,', ""),
        RESULT.replace('"sent":400', '"sent":400,"lost":1'),
        RESULT.replace('"window_s":2.0', '"window_s":0'),
        RESULT.replace('"window_s":2.0', '"window_s":NaN'),
        RESULT.replace('"n":200', '"n":0'),
    ],
)
def test_anything_but_a_whole_result_is_refused(text: str) -> None:
    with pytest.raises(BenchFailed, match="printed no result"):
        read_run(text)


def test_rates_and_shares_are_of_the_measured_window() -> None:
    run = made_run(in_window=20_000, window_s=2.0, server_cpu_s=1.0, own_cpu_s=0.5, machine_cpu_s=1.7)

    assert run.per_second == 10_000
    assert run.cpu_per_10_000 == 0.5
    assert run.server_share == 0.5
    assert run.generator_share == 0.25
    assert run.foreign_share == pytest.approx(0.1)


def test_clock_ticks_never_make_the_share_of_others_negative() -> None:
    assert made_run(server_cpu_s=1.0, own_cpu_s=0.5, machine_cpu_s=1.4).foreign_share == 0


def test_a_run_that_did_all_that_was_asked_counts() -> None:
    run = made_run(sent=400, acknowledged=400)

    assert complete(run, LOAD) is run


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"acknowledged": 399}, "400 messages were sent and 399 acknowledged"),
        ({"in_window": 0}, "nothing was acknowledged"),
        ({"behind": 1}, "1 messages could not be sent on time"),
        ({"reports": 0}, "no Report was sent"),
        ({"readers": (Reader(url="ws://x", seen=2, latency_us=None),)}, "ws://x heard of 2 of 3 Reports"),
    ],
)
def test_a_run_that_fell_short_does_not_count(changes: dict[str, object], complaint: str) -> None:
    fell_short = replace(made_run(sent=400, acknowledged=400, reports=3), **changes)

    with pytest.raises(BenchFailed, match=complaint):
        complete(fell_short, replace(LOAD, reports=3))


def test_a_load_becomes_the_generators_command_line() -> None:
    load = Load(
        url="mqtt://127.0.0.1:20000",
        tablets=Path("t.csv"),
        count=8,
        seconds=3,
        rate=500,
        reports=4,
        first=2,
        every=10,
        watchers=(
            Watcher(url="ws://127.0.0.1:20001/mqtt", login=Path("c.csv"), filter="hotels/h/alerts/+"),
            Watcher(url="http://127.0.0.1:20002/api/events", login=Path("c.csv")),
        ),
    )

    assert " ".join(load.arguments()) == (
        "--url mqtt://127.0.0.1:20000 --tablets t.csv --count 8 --seconds 3 --warm-up 2 --rate 500 "
        "--reports 4 --first 2 --every 10 --console ws://127.0.0.1:20001/mqtt c.csv hotels/h/alerts/+ "
        "--stream http://127.0.0.1:20002/api/events c.csv"
    )
