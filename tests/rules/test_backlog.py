"""backlog.stuck: what the tablet kept does not get through."""

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from tests.rules.given import Tablet, because, kinds


def test_three_samples_with_too_many_waiting_open_it() -> None:
    tablet = Tablet()
    assert tablet.beat(0, backlog=51) == ()
    assert tablet.beat(10, backlog=51) == ()
    (opened,) = tablet.beat(20, backlog=60)

    assert (opened.alert.rule, opened.alert.severity) == (Rule.BACKLOG_STUCK, Severity.LOW)
    assert (because(opened), opened.why[0].observed) == ([Because.BACKLOG_LONG], 60)


def test_one_that_drains_is_well() -> None:
    tablet = Tablet()
    for second, waiting in enumerate([200, 100, 50, 0, 60, 60, 0]):
        assert tablet.beat(10 * second, backlog=waiting) == ()


def test_one_that_is_never_empty_for_a_quarter_of_an_hour_is_as_old() -> None:
    tablet = Tablet()
    for second in range(0, 901, 10):
        assert tablet.beat(second, backlog=1) == ()
    (opened,) = tablet.beat(910, backlog=1)
    assert because(opened) == [Because.BACKLOG_OLD]


def test_an_empty_one_ends_it_and_one_that_does_not_say_leaves_it() -> None:
    tablet = Tablet()
    for second in (0, 10, 20):
        tablet.beat(second, backlog=51)
    assert tablet.beat(30) == ()
    assert tablet.beat(40, backlog=1) == ()
    assert Family.BACKLOG in tablet.state.alerts
    cleared = tablet.beat(50, backlog=0)
    assert (kinds(cleared), because(cleared[0])) == ([ChangeKind.CLEARED], [Because.BACKLOG_EMPTY])
