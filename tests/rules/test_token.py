"""The token family: who will soon be unable to speak, who is, and that neither ever looks like a theft."""

import pytest

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.ids import MessageId
from rules.messages import Link, Renew, ReportKind, TokenEnd
from rules.policy import Policy
from tests.rules.given import STRICT, Tablet, after, assigned, because, kinds

LIFE = 100_000.0
SOON = LIFE * Policy().token_expiring_from


def tablet_with_token(*, life: float | None = LIFE) -> Tablet:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    tablet.given(0, life=life)
    return tablet


def comes_back(tablet: Tablet, until: float) -> None:
    """Online and well for the last minute before `until`."""
    tablet.say(until - 60, Link.READY)
    for second in range(int(until - 56), int(until), 4):
        tablet.beat(second)


def asleep(tablet: Tablet) -> None:
    """From now on nothing is expected of it, so that only its token has a deadline."""
    tablet.say(1, Link.BYE, reason="power-off")
    tablet.changes.clear()


def test_a_token_that_is_not_renewed_in_time_is_expiring_and_then_expired() -> None:
    tablet = tablet_with_token()
    asleep(tablet)
    (opened,) = tablet.until(SOON)
    assert (opened.kind, opened.alert.rule, opened.alert.severity) == (
        ChangeKind.OPENED,
        Rule.TOKEN_EXPIRING,
        Severity.LOW,
    )
    assert opened.why[0].observed == pytest.approx(LIFE - SOON)
    (worse,) = tablet.until(LIFE)
    assert (worse.kind, worse.alert.rule, worse.alert.severity) == (
        ChangeKind.WORSENED,
        Rule.TOKEN_EXPIRED,
        Severity.MEDIUM,
    )
    assert (because(worse), worse.alert.id) == ([Because.TOKEN_EXPIRED], opened.alert.id)
    assert tablet.until(10 * LIFE) == ()


def test_each_is_dated_at_its_moment() -> None:
    tablet = tablet_with_token()
    asleep(tablet)
    tablet.until(2 * LIFE)
    assert [(change.at - tablet.watching_since).total_seconds() for change in tablet.changes] == [SOON, LIFE]


def test_before_that_nothing_is_said() -> None:
    tablet = tablet_with_token()
    asleep(tablet)
    assert tablet.until(SOON - 1) == ()


def test_a_renewal_in_time_prevents_it_and_a_late_one_ends_it() -> None:
    tablet = tablet_with_token()
    asleep(tablet)
    tablet.given(SOON - 10, life=LIFE)
    assert tablet.until(LIFE + 100) == ()
    tablet.until(SOON - 10 + SOON)
    (cleared,) = tablet.given(2 * SOON, life=LIFE)
    assert (cleared.kind, because(cleared)) == (ChangeKind.CLEARED, [Because.TOKEN_RENEWED])
    assert cleared.why[0].observed == LIFE


def test_a_tablet_whose_token_nobody_noted_is_not_judged() -> None:
    tablet = Tablet()
    tablet.beat(0)
    asleep(tablet)
    assert tablet.due() is None


def test_a_tablet_that_was_never_seen_is_not_judged() -> None:
    tablet = Tablet()
    tablet.given(0, life=LIFE)
    assert tablet.until(2 * LIFE) == ()


def test_a_tablet_that_was_put_out_for_its_token_is_expired_at_once_although_nobody_noted_it() -> None:
    tablet = tablet_with_token(life=None)
    (opened,) = tablet.expire(5)
    assert (opened.alert.rule, because(opened)) == (Rule.TOKEN_EXPIRED, [Because.KEPT_OUT])
    assert Family.SILENCE not in tablet.state.alerts
    assert tablet.until(100_000) == ()


def test_it_is_over_when_the_tablet_is_heard_again() -> None:
    tablet = tablet_with_token(life=None)
    tablet.expire(5)
    (cleared,) = tablet.say(60, Link.READY)
    assert (cleared.kind, because(cleared)) == (ChangeKind.CLEARED, [Because.HEARD_AGAIN])


def test_a_heartbeat_is_enough() -> None:
    tablet = tablet_with_token(life=None)
    tablet.expire(5)
    assert kinds(tablet.beat(60)) == [ChangeKind.CLEARED]


@pytest.mark.parametrize("kind", [ReportKind.BREACH, ReportKind.RECOVERY, ReportKind.BATTERY])
def test_so_is_a_report(kind: ReportKind) -> None:
    tablet = tablet_with_token(life=None)
    tablet.expire(5)
    assert ChangeKind.CLEARED in kinds(tablet.report(60, kind, level=50))
    assert Family.TOKEN not in tablet.state.alerts


def test_so_is_asking_for_a_new_token() -> None:
    tablet = tablet_with_token(life=None)
    tablet.expire(5)
    assert kinds(tablet.hear(60, Renew(id=MessageId("r-1"), ts=after(60)))) == [ChangeKind.CLEARED]


def test_one_that_has_a_newer_token_has_a_minute_to_come_back_with_it() -> None:
    tablet = tablet_with_token()
    tablet.expire(5)
    assert tablet.until(64) == ()
    (opened,) = tablet.until(65)
    assert because(opened) == [Because.KEPT_OUT]

    returned = tablet_with_token()
    returned.expire(5)
    assert returned.say(30, Link.READY) == ()
    asleep(returned)
    assert returned.until(1000) == ()


def test_a_new_token_alone_does_not_end_it_while_the_tablet_is_away() -> None:
    """It may never get there, and nothing else tells of a tablet that was put out."""
    tablet = tablet_with_token(life=None)
    tablet.expire(5)
    assert tablet.given(10, life=LIFE) == ()
    assert Family.TOKEN in tablet.state.alerts


def test_one_whose_token_we_voided_is_not_judged() -> None:
    tablet = tablet_with_token()
    asleep(tablet)
    tablet.until(SOON)
    (cleared,) = tablet.expire(SOON + 1, TokenEnd.REVOKED)
    assert (cleared.kind, because(cleared)) == (ChangeKind.CLEARED, [Because.TOKEN_REVOKED])
    assert tablet.until(2 * LIFE) == ()


def test_it_says_nothing_of_silence_and_silence_nothing_of_it() -> None:
    tablet = tablet_with_token()
    changes = tablet.until(2 * LIFE)
    assert {change.alert.family for change in changes} == {Family.SILENCE, Family.TOKEN}
    assert [change.alert.rule for change in changes if change.alert.family is Family.TOKEN] == [
        Rule.TOKEN_EXPIRING,
        Rule.TOKEN_EXPIRED,
    ]


def test_a_heartbeat_as_usual_stays_so_while_a_token_is_expiring() -> None:
    tablet = tablet_with_token()
    comes_back(tablet, SOON + 60)
    assert tablet.alert(Family.TOKEN).rule is Rule.TOKEN_EXPIRING
    changes = len(tablet.changes)
    tablet.beat(SOON + 60)
    assert len(tablet.changes) == changes


def test_after_a_start_of_ours_a_tablet_has_a_minute_to_renew() -> None:
    tablet = tablet_with_token()
    asleep(tablet)
    tablet.watching_since = after(SOON)
    assert tablet.due() == SOON + 60


def test_asking_for_a_token_is_a_sign_of_life_and_nothing_else() -> None:
    tablet = tablet_with_token()
    assert tablet.renew(7) == ()
    assert tablet.due() == 7 + 18
