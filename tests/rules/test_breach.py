"""A tablet that leaves its room: by signal, by access point, by its own word, and all three in one alert."""

import pytest
from msgspec.structs import replace

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.ids import MessageId
from rules.memory import CALM_ACCESS_POINT, CALM_SIGNAL
from rules.messages import Link, Report, ReportKind
from rules.policy import Policy
from rules.state import Posture
from tests.rules.given import (
    ELSEWHERE,
    FOREIGN,
    NEIGHBOUR,
    NOON,
    OWN,
    OWN_TOO,
    ROOM,
    UNKNOWN_PLACE,
    Tablet,
    after,
    assigned,
    because,
    kinds,
)

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOW, MIDDLE, GOOD = -80, -68, -60  # the floor is -70, the recovery margin 6


# -- signal


def test_signal_opens_at_three_low_samples_when_ten_seconds_have_passed_since_the_first() -> None:
    tablet = Tablet()
    assert tablet.beat(0, rssi=LOW) == tablet.beat(10, rssi=LOW) == ()

    (opened,) = tablet.beat(20, rssi=LOW)

    assert opened.kind is ChangeKind.OPENED
    assert (opened.alert.rule, opened.alert.severity) == (Rule.BREACH_SIGNAL, Severity.HIGH)
    assert opened.at == opened.alert.opened_at == after(20)
    assert tablet.state.posture is Posture.WEAK


def test_signal_says_what_was_observed_and_what_it_was_held_against() -> None:
    tablet = Tablet()
    for second in (0, 10, 20):
        tablet.beat(second, rssi=LOW)

    (reason,) = tablet.alert(Family.BREACH).why

    assert (reason.because, reason.observed, reason.limit) == (Because.SIGNAL_BELOW_FLOOR, LOW, -70)
    assert reason.since == NOON


def test_three_low_samples_within_ten_seconds_wait_for_a_later_one() -> None:
    tablet = Tablet()
    assert [tablet.beat(second, rssi=LOW) for second in (0, 3, 6, 9)] == [()] * 4

    assert kinds(tablet.beat(12, rssi=LOW)) == [ChangeKind.OPENED]


def test_one_sample_among_four_may_be_good_without_ending_the_run() -> None:
    tablet = Tablet()
    for second, rssi in ((0, LOW), (10, GOOD), (20, LOW)):
        assert tablet.beat(second, rssi=rssi) == ()

    assert kinds(tablet.beat(30, rssi=LOW)) == [ChangeKind.OPENED]


def test_two_samples_in_a_row_that_are_not_low_end_the_run() -> None:
    tablet = Tablet()
    for second, rssi in ((0, LOW), (10, LOW), (20, GOOD), (30, GOOD), (40, LOW), (50, LOW)):
        assert tablet.beat(second, rssi=rssi) == ()


def test_a_new_run_has_ten_seconds_of_its_own() -> None:
    tablet = Tablet()
    for second, rssi in ((0, LOW), (10, GOOD), (20, GOOD), (30, LOW), (34, LOW)):
        tablet.beat(second, rssi=rssi)

    assert tablet.beat(38, rssi=LOW) == ()
    assert kinds(tablet.beat(42, rssi=LOW)) == [ChangeKind.OPENED]


def test_alternating_samples_open_nothing() -> None:
    tablet = Tablet()
    for count in range(20):
        tablet.beat(10 * count, rssi=LOW if count % 2 else GOOD)

    assert tablet.changes == []


def test_unknown_signal_neither_counts_nor_interrupts() -> None:
    tablet = Tablet()
    for second, rssi in ((0, LOW), (10, None), (20, LOW), (30, None)):
        assert tablet.beat(second, rssi=rssi) == ()

    assert kinds(tablet.beat(40, rssi=LOW)) == [ChangeKind.OPENED]


def test_signal_at_the_floor_is_not_low() -> None:
    tablet = Tablet()
    for second in range(0, 100, 10):
        tablet.beat(second, rssi=-70)

    assert tablet.changes == []
    assert tablet.state.posture is Posture.IN_ROOM


def weak_tablet() -> Tablet:
    tablet = Tablet()
    for second in (0, 10, 20):
        tablet.beat(second, rssi=LOW)
    return tablet


def test_signal_clears_at_three_samples_at_the_floor_plus_the_margin() -> None:
    tablet = weak_tablet()
    assert tablet.beat(30, rssi=-64) == tablet.beat(40, rssi=-64) == ()

    (cleared,) = tablet.beat(50, rssi=-64)

    assert cleared.kind is ChangeKind.CLEARED
    assert [(reason.because, reason.observed, reason.limit) for reason in cleared.why] == [
        (Because.SIGNAL_RECOVERED, -64, -64)
    ]
    assert tablet.state.alerts == {}
    assert tablet.state.posture is Posture.IN_ROOM


@pytest.mark.parametrize("interruption", [LOW, MIDDLE])
def test_a_sample_below_the_margin_starts_recovery_over(interruption: float) -> None:
    tablet = weak_tablet()
    for second, rssi in ((30, GOOD), (40, GOOD), (50, interruption), (60, GOOD), (70, GOOD)):
        assert tablet.beat(second, rssi=rssi) == ()

    assert kinds(tablet.beat(80, rssi=GOOD)) == [ChangeKind.CLEARED]


def test_an_open_alert_counts_its_signals_without_telling() -> None:
    tablet = weak_tablet()
    for second in (30, 40, 50):
        assert tablet.beat(second, rssi=LOW) == ()

    alert = tablet.alert(Family.BREACH)
    assert (alert.count, alert.last_at) == (4, after(50))


def test_a_good_sample_is_no_signal_of_an_open_alert() -> None:
    tablet = weak_tablet()
    tablet.beat(30, rssi=GOOD)

    alert = tablet.alert(Family.BREACH)
    assert (alert.count, alert.last_at) == (1, after(20))


def test_a_room_that_is_not_calibrated_gives_no_more_than_a_hint() -> None:
    tablet = Tablet(assigned(policy=Policy()))
    for second in (0, 10, 20):
        tablet.beat(second, rssi=-85)

    alert = tablet.alert(Family.BREACH)
    assert alert.severity is Severity.INFO
    assert [reason.because for reason in alert.why] == [Because.SIGNAL_BELOW_FLOOR, Because.ROOM_NOT_CALIBRATED]
    assert alert.why[0].limit == -80


def test_where_neither_a_floor_nor_any_access_point_is_known_signal_is_not_judged() -> None:
    tablet = Tablet(assigned(UNKNOWN_PLACE, Policy()))
    for second in (0, 10, 20, 30):
        tablet.beat(second, rssi=-100)

    assert tablet.changes == []
    assert tablet.state.posture is Posture.UNKNOWN


def test_a_calibrated_room_is_judged_without_its_access_points() -> None:
    tablet = Tablet(assigned(UNKNOWN_PLACE))
    for second in (0, 10, 20):
        tablet.beat(second, rssi=LOW)

    assert tablet.alert(Family.BREACH).severity is Severity.HIGH


# -- access point


@pytest.mark.parametrize(
    ("bssid", "reason", "severity", "posture"),
    [
        (NEIGHBOUR, Because.MOVED, Severity.MEDIUM, Posture.OUT_OF_ZONE),
        (ELSEWHERE, Because.OUT_OF_ZONE, Severity.HIGH, Posture.OUT_OF_ZONE),
        (FOREIGN, Because.FOREIGN, Severity.CRITICAL, Posture.FOREIGN),
    ],
)
def test_an_access_point_outside_the_rooms_set_opens_by_where_it_stands(
    bssid: str, reason: Because, severity: Severity, posture: Posture
) -> None:
    tablet = Tablet()
    assert tablet.beat(0, bssid=bssid) == tablet.beat(10, bssid=bssid) == ()

    (opened,) = tablet.beat(20, bssid=bssid)

    assert (opened.alert.rule, opened.alert.severity) == (Rule.BREACH_ACCESS_POINT, severity)
    assert because(opened) == [reason]
    assert opened.why[0].observed == bssid
    assert tablet.state.posture is posture


def test_three_samples_outside_within_ten_seconds_wait_for_a_later_one() -> None:
    tablet = Tablet()
    assert [tablet.beat(second, bssid=FOREIGN) for second in (0, 4, 8)] == [()] * 3

    assert kinds(tablet.beat(12, bssid=FOREIGN)) == [ChangeKind.OPENED]


def test_roaming_inside_the_rooms_set_opens_nothing() -> None:
    tablet = Tablet()
    for count in range(12):
        tablet.beat(10 * count, bssid=OWN_TOO if count % 2 else "AA-00-00-00-00-01")

    assert tablet.changes == []
    assert tablet.state.posture is Posture.IN_ROOM
    assert tablet.state.access_point is CALM_ACCESS_POINT


def test_a_sample_at_home_starts_the_three_over() -> None:
    tablet = Tablet()
    tablet.beat(0, bssid=FOREIGN)
    tablet.beat(10, bssid=FOREIGN)
    tablet.beat(20)
    tablet.beat(30, bssid=FOREIGN)

    assert tablet.beat(40, bssid=FOREIGN) == ()
    assert kinds(tablet.beat(50, bssid=FOREIGN)) == [ChangeKind.OPENED]


def test_a_new_absence_has_ten_seconds_of_its_own() -> None:
    tablet = Tablet()
    for second, bssid in ((0, FOREIGN), (10, OWN), (20, FOREIGN), (24, FOREIGN)):
        tablet.beat(second, bssid=bssid)

    assert tablet.beat(28, bssid=FOREIGN) == ()
    assert kinds(tablet.beat(32, bssid=FOREIGN)) == [ChangeKind.OPENED]


@pytest.mark.parametrize("bssid", [NEIGHBOUR, ELSEWHERE, FOREIGN])
def test_a_tablet_first_seen_elsewhere_is_not_taken_to_be_in_its_room(bssid: str) -> None:
    tablet = Tablet()
    tablet.beat(0, bssid=bssid)

    assert tablet.state.posture is Posture.UNKNOWN


@pytest.mark.parametrize("unknown", [None, "rubbish", "02:00:00:00:00:00"])
def test_an_unknown_access_point_neither_counts_nor_interrupts(unknown: str | None) -> None:
    tablet = Tablet()
    for second, bssid in ((0, FOREIGN), (10, unknown), (20, FOREIGN)):
        assert tablet.beat(second, bssid=bssid) == ()

    assert kinds(tablet.beat(30, bssid=FOREIGN)) == [ChangeKind.OPENED]


def test_a_room_whose_access_points_are_unknown_is_not_judged_by_them() -> None:
    tablet = Tablet(assigned(UNKNOWN_PLACE))
    for second in range(0, 100, 10):
        tablet.beat(second, bssid=FOREIGN)

    assert tablet.changes == []


def test_the_alert_worsens_as_the_tablet_goes_farther_and_eases_as_it_comes_back() -> None:
    tablet = Tablet()
    path = [NEIGHBOUR] * 3 + [ELSEWHERE] * 3 + [FOREIGN] * 3 + [NEIGHBOUR] * 3
    for count, bssid in enumerate(path):
        tablet.beat(10 * count, bssid=bssid)

    assert [(change.kind, change.alert.severity) for change in tablet.changes] == [
        (ChangeKind.OPENED, Severity.MEDIUM),
        (ChangeKind.WORSENED, Severity.HIGH),
        (ChangeKind.WORSENED, Severity.CRITICAL),
        (ChangeKind.CHANGED, Severity.MEDIUM),
    ]
    assert len({change.alert.id for change in tablet.changes}) == 1


def test_one_odd_access_point_does_not_move_an_open_alert() -> None:
    tablet = Tablet()
    for count, bssid in enumerate([NEIGHBOUR] * 3 + [FOREIGN, NEIGHBOUR, ELSEWHERE, NEIGHBOUR]):
        tablet.beat(10 * count, bssid=bssid)

    assert kinds(tuple(tablet.changes)) == [ChangeKind.OPENED]


def test_access_point_clears_at_three_samples_on_the_rooms_own() -> None:
    tablet = Tablet()
    for second in (0, 10, 20):
        tablet.beat(second, bssid=FOREIGN)
    assert tablet.beat(30) == tablet.beat(40, bssid=OWN_TOO) == ()

    (cleared,) = tablet.beat(50)

    assert cleared.kind is ChangeKind.CLEARED
    assert because(cleared) == [Because.BACK_ON_OWN_ACCESS_POINT]
    assert tablet.state.posture is Posture.IN_ROOM


def test_a_room_that_loses_its_access_points_loses_the_alert_and_says_why() -> None:
    tablet = Tablet()
    for second in (0, 10, 20):
        tablet.beat(second, bssid=FOREIGN)
    tablet.assignment = assigned(UNKNOWN_PLACE)

    (cleared,) = tablet.beat(30, bssid=FOREIGN, rssi=None)

    assert because(cleared) == [Because.NO_LONGER_JUDGED]
    assert tablet.state.posture is Posture.UNKNOWN


# -- the tablet's own word


def test_a_reported_breach_opens_at_once() -> None:
    tablet = Tablet()

    (opened,) = tablet.report(5, ReportKind.BREACH, cause="weak-signal", rssi=-91)

    assert (opened.alert.rule, opened.alert.severity) == (Rule.BREACH_REPORTED, Severity.HIGH)
    assert [(reason.because, reason.observed, reason.cause) for reason in opened.why] == [
        (Because.REPORTED, -91, "weak-signal")
    ]


def test_a_reported_foreign_access_point_is_critical_and_stays_so() -> None:
    tablet = Tablet()
    (opened,) = tablet.report(5, ReportKind.BREACH, cause="foreign-ap")
    assert opened.alert.severity is Severity.CRITICAL

    assert tablet.report(15, ReportKind.BREACH, cause="weak-signal") == ()
    assert tablet.alert(Family.BREACH).count == 2


def test_a_tablet_that_falls_silent_soon_after_its_report_is_critical() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH)

    silence, breach = tablet.until(40)

    assert (silence.kind, silence.alert.family) == (ChangeKind.OPENED, Family.SILENCE)
    assert (breach.kind, breach.alert.severity) == (ChangeKind.WORSENED, Severity.CRITICAL)
    assert because(breach) == [Because.REPORTED, Because.SILENT_AFTER_REPORT]
    assert (breach.why[1].observed, breach.why[1].limit) == (0, 60)


@pytest.mark.parametrize(("last", "critical"), [(41, True), (60, True), (61, False)])
def test_what_counts_is_when_it_was_last_heard_not_when_we_gave_it_up(last: float, critical: bool) -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH)
    tablet.bare_beat(20)
    tablet.bare_beat(40)
    tablet.bare_beat(last)
    tablet.until(last + 40)

    assert (tablet.alert(Family.BREACH).severity is Severity.CRITICAL) is critical


def test_who_rests_as_announced_is_not_gone_yet() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH)
    tablet.say(5, Link.SLEEPING, wake_by=300)
    tablet.until(400)

    assert tablet.alert(Family.BREACH).severity is Severity.HIGH


def test_a_silence_by_will_counts_from_the_will() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH)
    tablet.bare_beat(30)
    tablet.say(55, Link.LOST)

    _, worse = tablet.until(65)

    assert worse.alert.severity is Severity.CRITICAL
    assert worse.why[1].observed == 55


def test_a_report_with_another_cause_is_told() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH, cause="weak-signal")

    (changed,) = tablet.report(5, ReportKind.BREACH, cause="kiosk-exit")

    assert (changed.kind, changed.why[0].cause) == (ChangeKind.CHANGED, "kiosk-exit")


def test_a_tablet_that_falls_silent_long_after_its_report_is_not_made_critical_by_it() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH)
    tablet.bare_beat(30)
    tablet.bare_beat(65)

    tablet.until(110)

    assert Family.SILENCE in tablet.state.alerts
    assert tablet.alert(Family.BREACH).severity is Severity.HIGH


def test_the_tablets_own_recovery_clears_its_report() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH)

    (cleared,) = tablet.report(10, ReportKind.RECOVERY)

    assert cleared.kind is ChangeKind.CLEARED
    assert because(cleared) == [Because.REPORTED_RECOVERY]


def test_three_good_samples_clear_a_report() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH)
    assert tablet.beat(10) == tablet.beat(20, bssid=None) == tablet.bare_beat(30) == ()

    (cleared,) = tablet.beat(40)

    assert cleared.kind is ChangeKind.CLEARED
    assert because(cleared) == [Because.SIGNAL_RECOVERED, Because.BACK_ON_OWN_ACCESS_POINT]


@pytest.mark.parametrize(("rssi", "bssid"), [(MIDDLE, None), (GOOD, NEIGHBOUR)])
def test_a_sample_that_is_not_good_in_all_that_is_known_starts_over(rssi: float, bssid: str | None) -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH)
    tablet.beat(10)
    tablet.beat(20)
    tablet.beat(30, rssi=rssi, bssid=bssid)
    assert tablet.beat(40) == tablet.beat(50) == ()

    assert kinds(tablet.beat(60)) == [ChangeKind.CLEARED]


def test_recovery_without_a_report_changes_nothing() -> None:
    tablet = weak_tablet()

    assert tablet.report(30, ReportKind.RECOVERY) == ()
    assert Family.BREACH in tablet.state.alerts


# -- one family


def test_a_walk_out_is_one_alert_whose_cause_and_severity_move() -> None:
    tablet = Tablet()
    for second in (0, 10, 20):
        tablet.beat(second, rssi=LOW)
    for second in (30, 40, 50):
        tablet.beat(second, rssi=LOW, bssid=FOREIGN)
    tablet.report(55, ReportKind.BREACH, cause="foreign-ap")

    assert [(change.kind, change.alert.rule, change.alert.severity) for change in tablet.changes] == [
        (ChangeKind.OPENED, Rule.BREACH_SIGNAL, Severity.HIGH),
        (ChangeKind.WORSENED, Rule.BREACH_ACCESS_POINT, Severity.CRITICAL),
        (ChangeKind.CHANGED, Rule.BREACH_REPORTED, Severity.CRITICAL),
    ]
    assert because(tablet.changes[-1]) == [Because.REPORTED, Because.FOREIGN, Because.SIGNAL_BELOW_FLOOR]


def test_the_breach_clears_only_when_every_cause_is_gone() -> None:
    tablet = Tablet()
    for second in (0, 10, 20):
        tablet.beat(second, rssi=LOW, bssid=FOREIGN)
    for second in (30, 40, 50):
        tablet.beat(second, rssi=LOW)
    (eased,) = (change for change in tablet.changes if change.kind is ChangeKind.CHANGED)
    assert (eased.alert.rule, eased.alert.severity) == (Rule.BREACH_SIGNAL, Severity.HIGH)
    assert Family.BREACH in tablet.state.alerts

    for second in (60, 70, 80):
        tablet.beat(second, rssi=GOOD)

    assert kinds(tuple(tablet.changes)) == [ChangeKind.OPENED, ChangeKind.CHANGED, ChangeKind.CLEARED]
    assert tablet.state.signal is CALM_SIGNAL


def test_a_breach_that_returns_after_ten_minutes_is_another_alert() -> None:
    tablet = weak_tablet()
    first = tablet.alert(Family.BREACH).id
    for second in range(30, 660, 10):
        tablet.beat(second)
    for second in (660, 670, 680):
        tablet.beat(second, rssi=LOW)

    assert tablet.alert(Family.BREACH).id != first


def test_two_tablets_that_report_at_once_have_two_alerts() -> None:
    tablets = [Tablet(assigned(device=name)) for name in ("tab-1", "tab-2")]
    for tablet in tablets:
        tablet.report(0, ReportKind.BREACH)

    assert len({tablet.alert(Family.BREACH).id for tablet in tablets}) == 2


def test_an_alert_id_looks_like_a_ulid_of_the_moment_it_opened() -> None:
    tablet = Tablet()
    tablet.report(1.5, ReportKind.BREACH)

    text = tablet.alert(Family.BREACH).id
    number = sum(CROCKFORD.index(letter) << 5 * place for place, letter in enumerate(reversed(text)))
    assert len(text) == 26
    assert number >> 80 == after(1.5).timestamp() * 1000


def test_a_breach_does_not_end_at_the_return_while_the_signal_is_too_weak() -> None:
    tablet = Tablet()
    for second in (0, 10, 20):
        tablet.beat(second, bssid=ELSEWHERE)
    returned = [tablet.beat(second, rssi=LOW) for second in (24, 28, 32)]
    assert returned == [(), (), ()]

    (changed,) = tablet.beat(36, rssi=LOW)

    assert (changed.kind, changed.alert.rule) == (ChangeKind.CHANGED, Rule.BREACH_SIGNAL)


def test_a_breach_that_was_kept_for_a_weak_signal_says_why_it_ended() -> None:
    tablet = Tablet()
    for second in (0, 10, 20):
        tablet.beat(second, bssid=ELSEWHERE)
    for second in (24, 28):
        tablet.beat(second)
    assert tablet.beat(32, rssi=LOW) == ()
    assert tablet.beat(36) == ()

    (over,) = tablet.beat(40)

    assert (over.kind, because(over)) == (ChangeKind.CLEARED, [Because.BACK_ON_OWN_ACCESS_POINT])


def test_a_foreign_access_point_is_high_while_the_hotels_own_are_not_all_listed() -> None:
    tablet = Tablet(assigned(replace(ROOM, is_incomplete=True)))
    for second in (0, 10, 20):
        tablet.beat(second, bssid=FOREIGN)
    alert = tablet.alert(Family.BREACH)
    assert (alert.severity, [reason.because for reason in alert.why]) == (
        Severity.HIGH,
        [Because.FOREIGN, Because.INVENTORY_INCOMPLETE],
    )


@pytest.mark.parametrize(
    ("cause", "is_over"),
    [
        (None, True),
        ("foreign-ap", True),
        ("weak-signal", True),
        ("battery", False),
        ("usb-debug", False),
        ("wifi-off", False),
    ],
)
def test_a_recovery_ends_what_was_reported_only_where_it_is_about_a_breach(cause: str | None, *, is_over: bool) -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH, cause="foreign-ap")
    assert kinds(tablet.report(5, ReportKind.RECOVERY, cause=cause)) == ([ChangeKind.CLEARED] if is_over else [])


def test_a_cause_that_nobody_knows_is_taken_back_by_its_name() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH, cause="through-the-door")
    assert kinds(tablet.report(5, ReportKind.RECOVERY, cause="through-the-door")) == [ChangeKind.CLEARED]


def test_a_recovery_of_the_session_before_takes_nothing_back() -> None:
    tablet = Tablet()
    tablet.beat(0, sid="b-1")
    tablet.beat(10, sid="b-2")
    tablet.report(20, ReportKind.BREACH, cause="foreign-ap")
    resent = Report(id=MessageId("old"), ts=after(21), sid="b-1", kind=ReportKind.RECOVERY)
    assert tablet.hear(21, resent) == ()
    said = Report(id=MessageId("new"), ts=after(22), sid="b-2", kind=ReportKind.RECOVERY)
    assert kinds(tablet.hear(22, said)) == [ChangeKind.CLEARED]
