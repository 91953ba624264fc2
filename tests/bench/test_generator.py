"""What the bench believes of its generator: a whole and consistent result, and nothing less."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.failure import BenchFailed
from bench.generator import Audience, Latency, Load, Reader, Watcher, complete, read_run
from tests.bench.made import RESULT, made_run

LOAD = Load(url="mqtt://127.0.0.1:20000", tablets=Path("tablets.csv"), count=10, seconds=2, warm_up=2)


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
        RESULT.replace('"rss_kib":100000,', ""),
        RESULT.replace('"login_s":0.5', '"login_s":0'),
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


def test_an_overload_may_ask_for_more_than_can_be_sent() -> None:
    run = made_run(behind=100)

    assert complete(run, replace(LOAD, may_fall_behind=True)) is run


def test_idle_tablets_are_to_be_acknowledged_nothing() -> None:
    run = made_run(sent=0, acknowledged=0, in_window=0)

    assert complete(run, replace(LOAD, idle=True)) is run


def test_each_console_of_an_audience_must_have_heard_of_every_report() -> None:
    load = replace(LOAD, reports=3, audience=Audience(5, "ws://x", Path("c.csv"), "a/+"))

    complete(made_run(heard=15), load)
    with pytest.raises(BenchFailed, match="heard 14 of 15 Reports"):
        complete(made_run(heard=14), load)


def test_a_window_without_acknowledgments_has_no_latency() -> None:
    with pytest.raises(BenchFailed, match="nothing that was sent"):
        _ = made_run(ack_us=None).ack


def test_logins_are_counted_over_all_tablets() -> None:
    assert made_run(tablets=1000, login_s=0.5).logins_per_second == 2000


def test_a_load_becomes_the_generators_command_line() -> None:
    load = Load(
        url="mqtt://127.0.0.1:20000",
        tablets=Path("t.csv"),
        count=8,
        seconds=3,
        warm_up=2,
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
        "--url mqtt://127.0.0.1:20000 --tablets t.csv --count 8 --seconds 3 --warm-up 2 --keep-alive 30 --in-flight 1 "
        "--rate 500 --reports 4 --first 2 --every 10 --console ws://127.0.0.1:20001/mqtt c.csv hotels/h/alerts/+ "
        "--stream http://127.0.0.1:20002/api/events c.csv"
    )


def test_what_only_some_loads_ask_for_stands_in_the_command_line_of_those() -> None:
    idle = Load(
        url="mqtt://127.0.0.1:20000",
        tablets=Path("t.csv"),
        count=8,
        seconds=3,
        warm_up=2,
        idle=True,
        subscribe=True,
        keep_alive=60,
        audience=Audience(500, "ws://127.0.0.1:20001/mqtt", Path("c.csv"), "hotels/h/alerts/+"),
    )
    overload = replace(LOAD, rate=90_000, in_flight=16, rate_after=500, seconds_after=15)

    assert " ".join(idle.arguments()).endswith(
        "--keep-alive 60 --in-flight 1 --idle --subscribe "
        "--audience 500 ws://127.0.0.1:20001/mqtt c.csv hotels/h/alerts/+"
    )
    assert " ".join(overload.arguments()).endswith("--in-flight 16 --rate 90000 --after 500 15")
