"""The arithmetic of the bench's table, and what it says about targets, its own generator and the machine."""

import pytest

from bench.figures import Figure, Key, Measured, Plan, Target
from bench.report import Line, disturbance, generator_verdict, judgement, lines, table
from tests.bench.made import full_speed

PLAN = Plan(rounds=3, seconds=10)


def line(*innwatch: float, mosquitto: tuple[float, ...] = (), target: Target | None = None, name: str = "x") -> Line:
    return Line(Figure(Key.STORED, name, 0, target), name, innwatch, mosquitto)


def test_a_figure_is_the_median_of_its_rounds() -> None:
    assert line(30.0, 10.0, 20.0).median == 20


def test_the_ratio_is_the_median_of_the_ratios_within_each_round() -> None:
    # The medians' own ratio would be 20 / 40.
    assert line(10.0, 20.0, 30.0, mosquitto=(10.0, 80.0, 40.0)).ratio == 0.75


def test_a_figure_that_mosquitto_lacks_has_no_ratio() -> None:
    assert line(1.0).ratio is None
    assert line(1.0, mosquitto=(0.0,)).ratio is None


def test_rounds_that_do_not_pair_have_no_ratio_to_show() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        _ = line(1.0, 2.0, mosquitto=(1.0,)).ratio


def test_a_line_shows_median_range_ratio_and_targets() -> None:
    shown = line(
        25_000.0, 24_000.0, 26_000.0,
        mosquitto=(80_000.0, 80_000.0, 104_000.0), target=Target("≥", 0.28, 0.38, of_ratio=True), name="stored/s",
    ).cells()  # fmt: skip

    assert shown == ("stored/s", "25,000", "24,000 to 26,000", "80,000", "0.30", "≥ 0.28 × met", "≥ 0.38 × MISSED")


def test_a_target_without_a_goal_shows_none() -> None:
    assert line(4.0, target=Target("≤", 3)).cells()[-2:] == ("≤ 3 MISSED", "–")


def test_a_ratio_that_could_not_be_had_meets_nothing() -> None:
    assert line(1.0, target=Target("≥", 0.28, of_ratio=True)).misses_must


def test_only_what_was_found_has_a_line() -> None:
    rounds = [{Key.ACK_P50: Measured(1.0, 0.5)}, {Key.ACK_P50: Measured(3.0, 0.5), Key.OVERLOAD_MEMORY: Measured(150)}]

    found = {one.figure.key: one for one in lines(rounds, PLAN)}

    assert list(found) == [Key.ACK_P50, Key.OVERLOAD_MEMORY]
    assert (found[Key.ACK_P50].median, found[Key.ACK_P50].ratio) == (2.0, 4.0)
    assert found[Key.OVERLOAD_MEMORY].innwatch == (150,)


def test_missed_musts_are_named_and_goals_counted() -> None:
    within, goal = Target("≤", 10, 5), line(4.0, target=Target("≤", 10, 5))

    said = judgement([goal, line(7.0, target=within), line(11.0, target=within, name="slow"), line(99.0)])

    assert said == "2 of 3 musts are met, 1 of 3 goals. Missed musts: slow."


def test_the_table_is_aligned_markdown() -> None:
    rows = table([line(1.0, name="a"), line(22.0, mosquitto=(11.0,), name="a longer one")]).splitlines()

    assert len({len(row) for row in rows}) == 1
    assert rows[1].startswith("| ------------ | -------: |")
    assert rows[3].startswith("| a longer one |       22 |")


def test_a_generator_with_a_core_to_spare_is_cleared() -> None:
    verdict = generator_verdict(full_speed(ours=25_000, mosquitto=80_000, generator_share=0.9))

    assert verdict is not None
    assert verdict.had_room
    assert verdict.text.startswith("The generator is not the bottleneck.")
    assert "100,000/s" in verdict.text
    assert "1.2 × Mosquitto, 4.0 × Innwatch" in verdict.text


def test_a_generator_that_used_its_whole_core_is_suspected() -> None:
    calm, busy = (full_speed(ours=1000, mosquitto=1000, generator_share=share) for share in (0.5, 0.97))

    verdict = generator_verdict([*calm, *busy])

    assert verdict is not None
    assert not verdict.had_room
    assert verdict.text.startswith("SUSPECT")


def test_a_generator_on_a_busy_machine_is_not_cleared() -> None:
    verdict = generator_verdict(full_speed(ours=1000, mosquitto=1000, foreign_share=0.4))

    assert verdict is not None
    assert verdict.had_room
    assert "not the bottleneck" not in verdict.text


def test_without_a_run_at_full_speed_there_is_nothing_to_judge() -> None:
    assert generator_verdict([]) is None


def test_a_busy_machine_is_named_as_such() -> None:
    assert (disturbance(full_speed(ours=1, mosquitto=1, foreign_share=0.4)) or "").startswith("NOISY")
    assert (disturbance(full_speed(ours=1, mosquitto=1, foreign_share=0.05)) or "").startswith("Other")
    assert disturbance([]) is None  # what needs no server says nothing of it
