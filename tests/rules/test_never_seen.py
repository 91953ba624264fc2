"""never-seen: a tablet that was added a day ago and said nothing yet."""

from datetime import timedelta

from msgspec.structs import replace

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.messages import Link
from tests.rules.given import NOON, Tablet, after, assigned, because, kinds

DAY = 24 * 3600


def added(seconds: float) -> Tablet:
    return Tablet(replace(assigned(), added_at=after(seconds)))


def test_after_a_day_it_is_told_and_not_before() -> None:
    tablet = added(0)
    assert tablet.until(DAY - 1) == ()
    (opened,) = tablet.until(DAY)
    assert (opened.alert.rule, opened.alert.severity) == (Rule.NEVER_SEEN, Severity.LOW)
    assert (because(opened), opened.why[0].since) == ([Because.NEVER_HEARD], NOON)
    assert tablet.until(30 * DAY) == ()


def test_its_birth_ends_it() -> None:
    tablet = added(0)
    tablet.until(DAY)
    cleared = tablet.say(DAY + 5, Link.READY)
    assert (kinds(cleared), because(cleared[0])) == ([ChangeKind.CLEARED], [Because.FIRST_HEARD])


def test_whoever_was_heard_once_was_seen() -> None:
    tablet = added(0)
    tablet.say(10, Link.READY)
    tablet.say(20, Link.BYE, reason="power-off")
    assert Family.NEVER_SEEN not in {change.alert.family for change in tablet.until(2 * DAY)}


def test_after_our_own_start_it_has_a_minute() -> None:
    tablet = added(-2 * DAY)
    assert tablet.due() == 60


def test_of_one_that_was_added_at_a_time_nobody_knows_nothing_is_said() -> None:
    assert Tablet().until(30 * DAY) == ()


def test_a_day_is_a_policy() -> None:
    assignment = replace(assigned(), added_at=NOON)
    policy = replace(assignment.policy, never_seen_after=timedelta(hours=1))
    assert Tablet(replace(assignment, policy=policy)).due() == 3600
