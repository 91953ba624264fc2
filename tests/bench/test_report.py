"""The arithmetic of the bench's table, and what it says about its own generator and the machine."""

import pytest

from bench.report import Figure, disturbance, figures, generator_verdict, table
from bench.rounds import Plan
from tests.bench.made import made_round

PLAN = Plan(rounds=3, seconds=10, tablets=2000)


def test_a_figure_is_the_median_of_its_rounds() -> None:
    assert Figure("x", 0, (30.0, 10.0, 20.0)).median == 20


def test_the_ratio_is_the_median_of_the_ratios_within_each_round() -> None:
    # The medians' own ratio would be 20 / 40.
    assert Figure("x", 0, (10.0, 20.0, 30.0), (10.0, 80.0, 40.0)).ratio == 0.75


def test_a_figure_that_mosquitto_lacks_has_no_ratio() -> None:
    assert Figure("x", 0, (1.0,)).ratio is None
    assert Figure("x", 0, (1.0,), (0.0,)).ratio is None


def test_rounds_that_do_not_pair_have_no_ratio_to_show() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        _ = Figure("x", 0, (1.0, 2.0), (1.0,)).ratio


def test_a_line_shows_median_range_and_ratio() -> None:
    figure = Figure("stored/s", 0, (25_000.0, 24_000.0, 26_000.0), (80_000.0, 80_000.0, 104_000.0))

    assert figure.cells() == ("stored/s", "25,000", "24,000 to 26,000", "80,000", "0.30")


def test_the_first_line_compares_what_was_stored_with_what_mosquitto_took() -> None:
    rounds = [made_round(ours=25_000, mosquitto=100_000), made_round(ours=30_000, mosquitto=100_000)]

    stored = figures(rounds, PLAN)[0]

    assert stored.innwatch == (25_000.0, 30_000.0)
    assert stored.ratio == pytest.approx(0.275)


def test_latencies_are_in_milliseconds_for_each_kind_of_console() -> None:
    lines = {line.name: line.median for line in figures([made_round(ours=1, mosquitto=1)], PLAN)}

    assert lines["acknowledgment at 500/s, p50 ms"] == 0.1205
    assert lines["breach → console by websocket, 500/s, every 10th a Report, p99 ms"] == 0.8
    assert lines["breach → console by event stream, 500 Reports/s, p50 ms"] == 1.5


def test_the_table_is_aligned_markdown() -> None:
    lines = table([Figure("a", 0, (1.0,)), Figure("a longer one", 0, (22.0,), (11.0,))]).splitlines()

    assert len({len(line) for line in lines}) == 1
    assert lines[1].startswith("| ------------ | -------: |")
    assert lines[3].startswith("| a longer one |       22 |")


def test_a_generator_with_a_core_to_spare_is_cleared() -> None:
    verdict = generator_verdict([made_round(ours=25_000, mosquitto=80_000, generator_share=0.9)])

    assert verdict.had_room
    assert verdict.text.startswith("The generator is not the bottleneck.")
    assert "100,000/s" in verdict.text
    assert "1.2 × Mosquitto, 4.0 × Innwatch" in verdict.text


def test_a_generator_that_used_its_whole_core_is_suspected() -> None:
    calm, saturated = (made_round(ours=1000, mosquitto=1000, generator_share=share) for share in (0.5, 0.97))

    verdict = generator_verdict([calm, saturated])

    assert not verdict.had_room
    assert verdict.text.startswith("SUSPECT")


def test_a_generator_on_a_busy_machine_is_not_cleared() -> None:
    verdict = generator_verdict([made_round(ours=1000, mosquitto=1000, foreign_share=0.4)])

    assert verdict.had_room
    assert "not the bottleneck" not in verdict.text


def test_a_busy_machine_is_named_as_such() -> None:
    assert disturbance([made_round(ours=1, mosquitto=1, foreign_share=0.4)]).startswith("NOISY")
    assert not disturbance([made_round(ours=1, mosquitto=1, foreign_share=0.05)]).startswith("NOISY")


@pytest.mark.parametrize(("tablets", "seconds", "mixed", "storm"), [(2000, 10, 500, 1500), (200, 10, 50, 150)])
def test_no_tablet_reports_twice(tablets: int, seconds: float, mixed: int, storm: int) -> None:
    plan = Plan(rounds=1, seconds=seconds, tablets=tablets)

    assert (plan.mixed_reports, plan.storm_reports) == (mixed, storm)
