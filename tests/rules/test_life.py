"""An alert's life: what is the same alert, what is held open, and what a person has ended."""

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from rules.alarm import Cause, Occasion, settle
from rules.alerts import AlertChange, Because, ChangeKind, Condition, Family, Reason, Rule, Severity
from rules.dismissal import dismiss
from rules.messages import Link, ReportKind
from rules.remembered import relabel
from rules.response import Resolved
from rules.state import DeviceState
from tests.rules.given import ELSEWHERE, STRICT, Tablet, after, assigned, because, kinds

MINUTE = 60.0


def reported(tablet: Tablet, seconds: float) -> AlertChange:
    (change,) = tablet.report(seconds, ReportKind.BREACH)
    return change


def taken_back(tablet: Tablet, seconds: float) -> AlertChange:
    (change,) = tablet.report(seconds, ReportKind.RECOVERY)
    return change


def resolved(
    tablet: Tablet, seconds: float, *, severity: Severity | None = None, family: Family = Family.BREACH
) -> tuple[AlertChange, ...]:
    """A person ends the tablet's breach (or other alert), which they saw as severe as it is or as `severity`."""
    tablet.until(seconds)
    alert = tablet.alert(family)
    deed = Resolved(
        alert_id=alert.id,
        family=family,
        severity=severity or alert.severity,
        by="ana",
        at=after(seconds),
    )
    verdict = dismiss(tablet.state, deed, occasion=Occasion(tablet.assignment, "deed", after(seconds)))
    tablet.state = verdict.state
    return verdict.changes


def flapping_tablet() -> Tablet:
    """Its breach began and ended twice; it is heard every 10 s."""
    tablet = Tablet()
    reported(tablet, 0)
    taken_back(tablet, 10)
    tablet.beat(10)
    reported(tablet, 20)
    assert taken_back(tablet, 30).kind is ChangeKind.FLAPPING
    tablet.beat(30)
    return tablet


def beats(tablet: Tablet, start: float, end: float) -> list[AlertChange]:
    made: list[AlertChange] = []
    while start < end:
        made += tablet.until(start)
        made += tablet.beat(start)
        start += 10
    return made


def test_what_fires_again_within_ten_minutes_is_the_same_alert() -> None:
    tablet = Tablet()
    first = reported(tablet, 0).alert
    assert taken_back(tablet, 10).kind is ChangeKind.CLEARED
    beats(tablet, 20, 600)
    again = reported(tablet, 610)
    assert (again.kind, again.alert.id, again.alert.opened_at) == (ChangeKind.REOPENED, first.id, after(0))
    assert again.alert.count == first.count + 1


def test_what_fires_again_later_is_another_alert() -> None:
    tablet = Tablet()
    first = reported(tablet, 0).alert
    taken_back(tablet, 10)
    beats(tablet, 20, 610)
    later = reported(tablet, 611)
    assert later.kind is ChangeKind.OPENED
    assert later.alert.id != first.id


def test_a_silence_that_opens_again_begins_mildly_again() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.until(80)
    assert tablet.alert(Family.SILENCE).severity is Severity.HIGH
    tablet.beat(90)
    tablet.beat(100)
    (again,) = tablet.until(141)
    assert (again.kind, again.alert.severity) == (ChangeKind.REOPENED, Severity.LOW)
    (worse,) = tablet.until(180)
    assert (worse.kind, worse.alert.severity) == (ChangeKind.WORSENED, Severity.HIGH)


def test_what_begins_and_ends_twice_within_half_an_hour_is_held_open() -> None:
    tablet = flapping_tablet()
    (told,) = (change for change in tablet.changes if change.kind is ChangeKind.FLAPPING)
    assert because(told) == [Because.REPORTED, Because.FLAPPING]
    assert told.why[-1] == Reason(Because.FLAPPING, observed=4, limit=4, since=after(0))
    alert = tablet.alert(Family.BREACH)
    assert (alert.calm_since, alert.flapping) == (after(30), told.why[-1])


def test_what_is_flapping_says_nothing_more_until_it_has_been_calm() -> None:
    tablet = flapping_tablet()
    told = len(tablet.changes)
    for seconds in (40, 60, 80):
        tablet.report(seconds, ReportKind.BREACH)
        tablet.report(seconds + 10, ReportKind.RECOVERY)
        tablet.beat(seconds + 10)
    assert tablet.changes[told:] == []
    assert beats(tablet, 100, 90 + 15 * MINUTE) == []
    (over,) = beats(tablet, 90 + 15 * MINUTE, 120 + 15 * MINUTE)
    assert (over.kind, over.at) == (ChangeKind.CLEARED, after(90 + 15 * MINUTE))
    assert over.why == (Reason(Because.CALM_AGAIN, observed=900, limit=900, since=after(90)),)


def test_what_is_flapping_is_told_when_it_grows_worse() -> None:
    tablet = flapping_tablet()
    (worse,) = tablet.report(40, ReportKind.BREACH, cause="foreign-ap")
    assert (worse.kind, worse.alert.severity) == (ChangeKind.WORSENED, Severity.CRITICAL)
    assert because(worse) == [Because.REPORTED, Because.FLAPPING]


def test_a_tablet_that_is_silent_is_not_calm() -> None:
    tablet = flapping_tablet()
    tablet.until(30 * MINUTE)
    assert Family.BREACH in tablet.state.alerts
    tablet.beat(31 * MINUTE)
    (over,) = tablet.until(31 * MINUTE)
    assert (over.kind, over.at) == (ChangeKind.CLEARED, after(31 * MINUTE))


@pytest.mark.parametrize("rest", [Link.BYE, Link.SLEEPING])
def test_a_tablet_that_rests_is_not_heard_to_be_calm(rest: Link) -> None:
    tablet = flapping_tablet()
    beats(tablet, 40, 14 * MINUTE)
    tablet.say(14 * MINUTE, rest, reason="reboot", wake_by=22 * MINUTE)
    assert tablet.until(16 * MINUTE) == ()
    assert Family.BREACH in tablet.state.alerts
    over = [*tablet.beat(16 * MINUTE, screen_on=True), *tablet.until(16 * MINUTE)]
    assert [(change.kind, change.at) for change in over] == [(ChangeKind.CLEARED, after(16 * MINUTE))]


def test_what_is_heard_of_a_tablet_that_dozes_is_heard_to_be_calm() -> None:
    tablet = flapping_tablet()
    beats(tablet, 40, 14 * MINUTE)
    tablet.say(14 * MINUTE, Link.SLEEPING, wake_by=22 * MINUTE)
    over = [*tablet.beat(16 * MINUTE, screen_on=False), *tablet.until(16 * MINUTE)]
    assert [(change.kind, change.at) for change in over] == [(ChangeKind.CLEARED, after(16 * MINUTE))]


def test_a_silence_that_was_flapping_is_not_over_while_the_tablet_is_away() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    for start in (0, 60):
        beats(tablet, start, start + 21)
        beats(tablet, start + 40, start + 60)
    assert tablet.alert(Family.SILENCE).calm_since is not None
    tablet.beat(120)
    tablet.expire(125)
    tablet.until(60 * MINUTE)
    assert Family.SILENCE in tablet.state.alerts


def test_what_was_flapping_is_not_at_once_flapping_again() -> None:
    tablet = flapping_tablet()
    beats(tablet, 40, 40 + 15 * MINUTE)
    assert Family.BREACH not in tablet.state.alerts
    again = reported(tablet, 40 + 15 * MINUTE)
    assert (again.kind, again.alert.flapping) == (ChangeKind.REOPENED, None)
    assert taken_back(tablet, 50 + 15 * MINUTE).kind is ChangeKind.CLEARED


def test_an_alert_that_opens_after_many_turns_is_held_from_its_first_end_on() -> None:
    tablet = Tablet()
    for start in (0, 12 * MINUTE):
        reported(tablet, start)
        beats(tablet, start + 10, start + 30)
        assert taken_back(tablet, start + 30).kind is (ChangeKind.CLEARED if start == 0 else ChangeKind.FLAPPING)
        beats(tablet, start + 40, start + 12 * MINUTE)


def test_what_a_person_ended_says_nothing_while_its_causes_go_on() -> None:
    tablet = Tablet()
    reported(tablet, 0)
    assert resolved(tablet, 5) == ()
    assert tablet.report(10, ReportKind.BREACH) == ()
    assert tablet.report(20, ReportKind.RECOVERY) == ()
    assert Family.BREACH not in tablet.state.alerts


def test_what_a_person_ended_fires_again_when_it_is_worse_than_what_they_saw() -> None:
    tablet = Tablet()
    first = reported(tablet, 0).alert
    resolved(tablet, 5)
    (again,) = tablet.report(10, ReportKind.BREACH, cause="foreign-ap")
    assert (again.kind, again.alert.id, again.alert.severity) == (ChangeKind.REOPENED, first.id, Severity.CRITICAL)
    assert again.alert.dismissed is None


@pytest.mark.parametrize(
    ("seen", "other"), [("usb-debug", "debugger"), ("root", "agent-removed"), ("root", "usb-debug"), ("a", "b")]
)
def test_what_a_person_ended_fires_again_with_a_cause_that_they_did_not_see(seen: str, other: str) -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.TAMPER, cause=seen)
    assert resolved(tablet, 5, family=Family.TAMPER) == ()
    assert tablet.report(10, ReportKind.TAMPER, cause=seen) == ()
    (again,) = tablet.report(700, ReportKind.TAMPER, cause=other)
    assert (again.kind, again.alert.dismissed, again.alert.dismissed_causes) == (ChangeKind.OPENED, None, ())
    assert {reason.cause for reason in again.alert.why} == {seen, other}


def test_a_breach_that_a_person_ended_fires_again_when_the_tablet_is_seen_elsewhere() -> None:
    tablet = Tablet()
    reported(tablet, 0)
    resolved(tablet, 5)
    again, *_ = [change for seconds in range(10, 60, 10) for change in tablet.beat(seconds, bssid=ELSEWHERE)]
    assert again.kind is ChangeKind.REOPENED
    assert Because.OUT_OF_ZONE in because(again)


def test_of_what_a_person_ended_one_cause_may_go_and_come_back_in_silence() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.TAMPER, threats=("usb-debug", "debugger"))
    resolved(tablet, 5, family=Family.TAMPER)
    assert tablet.report(10, ReportKind.RECOVERY, cause="debugger") == ()
    assert tablet.report(20, ReportKind.TAMPER, cause="debugger") == ()


def test_a_battery_that_gets_better_is_no_other_cause() -> None:
    tablet = Tablet()
    for seconds in range(0, 50, 10):
        tablet.beat(seconds, battery=4)
    assert tablet.alert(Family.BATTERY).rule is Rule.BATTERY_CRITICAL
    resolved(tablet, 50, family=Family.BATTERY)
    assert [change for seconds in range(60, 120, 10) for change in tablet.beat(seconds, battery=18)] == []
    assert [cause.rule for cause in tablet.alert(Family.BATTERY).causes] == [Rule.BATTERY_LOW]


def test_what_was_ended_before_its_causes_were_noted_is_held_against_those_that_it_has() -> None:
    tablet = Tablet()
    reported(tablet, 0)
    resolved(tablet, 5)
    old = replace(tablet.alert(Family.BREACH), dismissed_causes=())
    tablet.state = replace(tablet.state, alerts={Family.BREACH: old})
    assert msgpack.decode(msgpack.encode(tablet.state), type=DeviceState) == tablet.state
    assert tablet.report(10, ReportKind.BREACH) == ()
    assert kinds(tablet.report(20, ReportKind.BREACH, cause="foreign-ap")) == [ChangeKind.REOPENED]


def test_what_a_person_ended_long_ago_is_another_alert_when_it_is_worse() -> None:
    tablet = Tablet()
    first = reported(tablet, 0).alert
    resolved(tablet, 5)
    for seconds in range(10, 700, 10):
        tablet.beat(seconds, rssi=-68)  # neither low nor good: the tablet's word stands alone
    (opened,) = tablet.report(700, ReportKind.BREACH, cause="foreign-ap")
    assert opened.kind is ChangeKind.OPENED
    assert opened.alert.id != first.id


def test_what_grew_worse_before_the_rules_heard_of_the_deed_fires_again_at_once() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH, cause="foreign-ap")
    (again,) = resolved(tablet, 5, severity=Severity.HIGH)
    assert (again.kind, again.alert.severity) == (ChangeKind.REOPENED, Severity.CRITICAL)


def test_a_deed_that_is_overtaken_by_another_opening_changes_nothing() -> None:
    tablet = Tablet()
    reported(tablet, 0)
    taken_back(tablet, 10)
    reported(tablet, 20)
    before = tablet.state
    deed = Resolved(
        alert_id=tablet.alert(Family.BREACH).id, family=Family.BREACH, severity=Severity.HIGH, by="ana", at=after(15)
    )
    verdict = dismiss(before, deed, occasion=Occasion(tablet.assignment, "deed", after(25)))
    assert (verdict.state, verdict.changes) == (before, ())


def test_a_silence_that_a_person_ended_fires_again_with_its_next_step() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.until(41)
    alert = tablet.alert(Family.SILENCE)
    deed = Resolved(alert_id=alert.id, family=Family.SILENCE, severity=alert.severity, by="ana", at=after(45))
    tablet.state = dismiss(tablet.state, deed, occasion=Occasion(tablet.assignment, "deed", after(45))).state
    (again,) = tablet.until(75)
    assert (again.kind, again.alert.severity) == (ChangeKind.REOPENED, Severity.HIGH)


def test_a_silence_that_a_person_ended_is_over_with_two_heartbeats_and_found_when_it_comes_back() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    tablet.until(20)
    alert = tablet.alert(Family.SILENCE)
    deed = Resolved(alert_id=alert.id, family=Family.SILENCE, severity=alert.severity, by="ana", at=after(25))
    tablet.state = dismiss(tablet.state, deed, occasion=Occasion(tablet.assignment, "deed", after(25))).state
    assert tablet.beat(30) + tablet.beat(34) == ()
    (again,) = tablet.until(60)
    assert (again.kind, again.alert.severity) == (ChangeKind.REOPENED, Severity.HIGH)


def test_an_alert_that_needs_a_person_stays_open_without_a_cause() -> None:
    tablet, occasion = Tablet(), Occasion(assigned(), "m", after(0))
    opened, _ = settle(
        tablet.state,
        Family.TAMPER,
        causes=[Cause(Rule.BREACH_REPORTED, Severity.HIGH, (Reason(Because.REPORTED),))],
        ended=(),
        signals=1,
        occasion=occasion,
    )
    calm, subsided = settle(opened, Family.TAMPER, causes=(), ended=(), signals=0, occasion=occasion)
    assert subsided is not None
    assert (subsided.kind, calm.alerts[Family.TAMPER].condition) == (ChangeKind.SUBSIDED, Condition.CLEARED)
    assert settle(calm, Family.TAMPER, causes=(), ended=(), signals=0, occasion=occasion) == (calm, None)
    again, reopened = settle(
        calm,
        Family.TAMPER,
        causes=[Cause(Rule.BREACH_REPORTED, Severity.HIGH, (Reason(Because.REPORTED),))],
        ended=(),
        signals=1,
        occasion=Occasion(assigned(), "n", after(7200)),
    )
    assert reopened is not None
    assert (reopened.kind, again.alerts[Family.TAMPER].condition) == (ChangeKind.REOPENED, Condition.ACTIVE)


def test_an_alert_that_is_over_may_be_relabelled_for_half_an_hour() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.until(41)
    tablet.beat(50)
    tablet.beat(60)
    late = Reason(Because.WIFI_OFF)
    state, change = relabel(tablet.state, Family.SILENCE, rule=Rule.WIFI_OFF, said=late, at=after(70))
    assert change is not None
    assert (change.kind, change.alert.rule) == (ChangeKind.RELABELLED, Rule.WIFI_OFF)
    assert because(change) == [Because.WIFI_OFF, Because.NOTHING_HEARD, Because.HEARD_AGAIN]
    assert relabel(state, Family.SILENCE, rule=Rule.WIFI_OFF, said=late, at=after(71)) == (state, None)
    assert relabel(tablet.state, Family.SILENCE, rule=Rule.WIFI_OFF, said=late, at=after(40 * MINUTE))[1] is None


def test_what_is_over_is_forgotten_after_half_an_hour() -> None:
    tablet = Tablet()
    reported(tablet, 0)
    taken_back(tablet, 10)
    beats(tablet, 20, 1800)
    assert Family.BREACH in tablet.state.ended
    beats(tablet, 1800, 1830)
    assert tablet.state.ended == {}
