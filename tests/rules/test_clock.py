"""clock.skew: three live messages in a row whose time is wrong."""

import pytest

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.messages import Link
from tests.rules.given import Tablet, because, kinds


@pytest.mark.parametrize("error", [121, -121, 3600 * 24 * 365])
def test_three_wrong_times_in_a_row_open_it(error: float) -> None:
    tablet = Tablet()
    assert tablet.beat(0, clock_error=error) == ()
    assert tablet.beat(10, clock_error=error) == ()
    (opened,) = tablet.beat(20, clock_error=error)

    assert (opened.alert.rule, opened.alert.severity) == (Rule.CLOCK_SKEW, Severity.LOW)
    assert (opened.why[0].observed, opened.why[0].limit) == (error, 120)


def test_a_message_of_any_kind_tells_the_time() -> None:
    tablet = Tablet()
    tablet.beat(0, clock_error=500)
    tablet.say(5, Link.READY, clock_error=500)
    assert Family.CLOCK in {change.alert.family for change in tablet.beat(10, clock_error=500)}


def test_one_right_time_between_begins_anew() -> None:
    tablet = Tablet()
    for second, error in enumerate([500, 500, 0, 500, 500]):
        assert tablet.beat(10 * second, clock_error=error) == ()


def test_it_ends_when_the_clock_is_nearly_right_and_not_before() -> None:
    tablet = Tablet()
    for second in (0, 10, 20):
        tablet.beat(second, clock_error=500)
    assert tablet.beat(30, clock_error=100) == ()
    assert tablet.beat(40, clock_error=30) == ()
    cleared = tablet.beat(50, clock_error=29)
    assert (kinds(cleared), because(cleared[0])) == ([ChangeKind.CLEARED], [Because.CLOCK_RIGHT])
