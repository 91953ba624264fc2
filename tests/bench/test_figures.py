"""The table of figures and targets: each figure once, and what issue 3 asks of it as it is written there."""

import pytest

from bench.figures import FIGURES, Key, Plan, Target

PLAN = Plan(rounds=3, seconds=10)


def test_every_figure_has_one_line() -> None:
    assert sorted(figure.key for figure in FIGURES) == sorted(Key)


def test_names_are_complete_and_differ() -> None:
    counts = {"few": PLAN.few, "some": PLAN.some, "many": PLAN.many, "consoles": PLAN.consoles}
    names = {figure.name.format(**counts) for figure in FIGURES}

    assert len(names) == len(FIGURES)
    assert not [name for name in names if "{" in name]


@pytest.mark.parametrize(("bound", "value", "holds"), [("≤", 2.0, True), ("≤", 2.1, False), ("≥", 2.0, True)])
def test_a_limit_itself_is_on_the_right_side(bound: str, value: float, holds: bool) -> None:
    target = Target("≤" if bound == "≤" else "≥", 2.0)

    assert target.holds(value, target.must) is holds


def test_a_goal_asks_for_more_than_its_must() -> None:
    for figure in FIGURES:
        if figure.target is not None and figure.target.goal is not None:
            assert figure.target.holds(figure.target.goal, figure.target.must), figure.key


@pytest.mark.parametrize(("some", "seconds", "mixed", "storm"), [(2000, 10, 500, 1500), (200, 10, 50, 150)])
def test_no_tablet_reports_twice(some: int, seconds: float, mixed: int, storm: int) -> None:
    plan = Plan(rounds=1, seconds=seconds, some=some)

    assert (plan.mixed_reports, plan.storm_reports) == (mixed, storm)
