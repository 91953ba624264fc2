"""What experiments conclude from their runs: losses are found, and how long an overload echoes."""

import pytest

from bench.experiments.overload import recovery
from bench.failure import BenchFailed
from bench.generator import Latency
from bench.house import check_rows

CALM = Latency(n=500, p50=900.0, p99=11_900.0, max=20_000.0)
SLOW = Latency(n=500, p50=900.0, p99=12_100.0, max=20_000.0)


def test_it_is_over_in_the_first_second_that_is_as_quick_as_a_calm_one() -> None:
    assert recovery([CALM]) == 1
    assert recovery([SLOW, None, CALM, SLOW]) == 3


def test_an_overload_that_echoes_to_the_end_took_longer_than_was_looked() -> None:
    assert recovery([SLOW, SLOW]) == 3


@pytest.mark.parametrize("rows", [99, 101])
def test_acknowledged_and_stored_must_be_the_same_number(rows: int) -> None:
    check_rows("paced", acknowledged=100, rows=100)

    with pytest.raises(BenchFailed, match=f"paced: 100 messages were acknowledged and {rows} stored"):
        check_rows("paced", acknowledged=100, rows=rows)
