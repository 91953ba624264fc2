"""agent-stuck: the connection lives, and the heartbeats have stopped."""

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.deadlines import pass_deadline
from rules.messages import Link, ReportKind
from rules.policy import Profile
from tests.rules.given import STRICT, Tablet, after, assigned, because, kinds

NORMAL_SILENCE = 40


def passed(tablet: Tablet, *, alive_at: float | None) -> list[Rule]:
    """The deadline passes, and the broker says when it last had a packet."""
    due = tablet.due()
    assert due is not None
    verdict = pass_deadline(
        tablet.state,
        assignment=tablet.assignment,
        watching_since=tablet.watching_since,
        at=after(due),
        alive_at=None if alive_at is None else after(alive_at),
    )
    tablet.state = verdict.state
    tablet.changes += verdict.changes
    return [change.alert.rule for change in verdict.changes]


def test_a_tablet_that_speaks_and_sends_no_heartbeat_is_stuck() -> None:
    tablet = Tablet()
    tablet.beat(0)
    for second in (12, 24, 36):
        assert tablet.renew(second) == ()
    (opened,) = tablet.until(NORMAL_SILENCE)
    assert (opened.alert.family, opened.alert.rule, opened.alert.severity) == (
        Family.SILENCE,
        Rule.AGENT_STUCK,
        Severity.MEDIUM,
    )
    assert (because(opened), opened.why[0].observed) == ([Because.NO_HEARTBEAT], NORMAL_SILENCE)


def test_one_heartbeat_ends_it() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.renew(36)
    tablet.until(NORMAL_SILENCE)
    cleared = tablet.beat(45)
    assert (kinds(cleared), because(cleared[0])) == ([ChangeKind.CLEARED], [Because.HEARD_AGAIN])


def test_when_it_falls_silent_altogether_the_same_alert_says_so() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.renew(36)
    tablet.until(NORMAL_SILENCE)
    (changed,) = tablet.until(36 + NORMAL_SILENCE)
    assert (changed.kind, changed.alert.rule, changed.alert.severity) == (
        ChangeKind.CHANGED,
        Rule.SILENCE,
        Severity.MEDIUM,
    )
    (worse,) = tablet.until(36 + NORMAL_SILENCE + 30)
    assert worse.alert.severity is Severity.HIGH


def test_a_word_right_after_a_heartbeat_says_nothing_of_the_next() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.report(12, ReportKind.BATTERY, level=80)
    assert [change.alert.rule for change in tablet.until(12 + NORMAL_SILENCE)] == [Rule.SILENCE]


def test_a_tablet_that_announced_its_rest_owes_no_heartbeat() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.say(10, Link.SLEEPING, wake_by=300)
    for second in range(30, 290, 30):
        assert tablet.renew(second) == ()


def test_nor_does_one_that_has_just_been_born() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.say(10, Link.BYE, reason="reboot")
    tablet.say(150, Link.READY)
    assert tablet.due() == 150 + NORMAL_SILENCE


def test_a_packet_that_our_broker_had_makes_of_a_silence_a_stuck_agent() -> None:
    tablet = Tablet()
    tablet.beat(0)
    assert passed(tablet, alive_at=32) == [Rule.AGENT_STUCK]
    assert tablet.due() == 32 + NORMAL_SILENCE
    assert passed(tablet, alive_at=62) == []
    assert tablet.due() == 62 + NORMAL_SILENCE
    assert passed(tablet, alive_at=62) == [Rule.SILENCE]


def test_a_packet_from_before_heartbeats_were_overdue_excuses_nobody() -> None:
    for alive_at in (None, 0, 19):
        tablet = Tablet()
        tablet.beat(0)
        assert passed(tablet, alive_at=alive_at) == [Rule.SILENCE]


def test_a_tablet_whose_connection_broke_is_silent_whatever_came_before() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.say(35, Link.LOST)
    assert passed(tablet, alive_at=34) == [Rule.SILENCE]


def test_in_strict_too_it_is_told_within_20_seconds() -> None:
    assert STRICT.profile is Profile.STRICT
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    assert tablet.due() == 18
    assert passed(tablet, alive_at=12) == [Rule.AGENT_STUCK]
    assert tablet.due() == 30
