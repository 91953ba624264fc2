"""tamper.*: what is wrong with the tablet itself stays until a clean word about it."""

import pytest

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.messages import ReportKind
from rules.tamper import OTHERS_KEPT
from tests.rules.given import Tablet, because, kinds


@pytest.mark.parametrize(
    ("cause", "rule", "severity"),
    [
        ("root", Rule.TAMPER_ROOT, Severity.CRITICAL),
        ("emulator", Rule.TAMPER_EMULATOR, Severity.CRITICAL),
        ("agent-removed", Rule.TAMPER_AGENT_REMOVED, Severity.CRITICAL),
        ("debugger", Rule.TAMPER_DEBUGGER, Severity.HIGH),
        ("usb-debug", Rule.TAMPER_USB_DEBUG, Severity.HIGH),
        ("Hooking framework", Rule.TAMPER_OTHER, Severity.HIGH),
    ],
)
def test_what_the_tablet_says_of_itself_is_taken_at_once(cause: str, rule: Rule, severity: Severity) -> None:
    tablet = Tablet()
    (opened,) = tablet.report(0, ReportKind.TAMPER, cause=cause)
    assert (opened.alert.rule, opened.alert.severity, opened.why[0].cause) == (rule, severity, cause)


def test_the_threats_of_the_old_agents_are_found_too_and_the_worst_names_the_alert() -> None:
    tablet = Tablet()
    (opened,) = tablet.report(0, ReportKind.TAMPER, threats=("USB_DEBUGGING", "ROOT_DETECTED"))
    assert opened.alert.rule is Rule.TAMPER_ROOT
    assert because(opened) == [Because.ROOTED, Because.USB_DEBUGGING]


def test_a_second_finding_joins_the_first_and_the_same_again_is_counted() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.TAMPER, cause="debugger")
    assert kinds(tablet.report(10, ReportKind.TAMPER, cause="root")) == [ChangeKind.WORSENED]
    assert tablet.report(20, ReportKind.TAMPER, cause="root") == ()
    assert tablet.alert(Family.TAMPER).count == 3


def test_of_threats_that_nobody_knows_so_many_are_kept_and_one_that_is_known_joins_them() -> None:
    tablet = Tablet()
    for second in range(100):
        tablet.report(second, ReportKind.TAMPER, cause=f"hook detected at 0x{second:08x}")
    alert = tablet.alert(Family.TAMPER)

    assert (len(alert.why), alert.count) == (OTHERS_KEPT, 100)
    assert tablet.report(100, ReportKind.TAMPER, cause="hook detected at 0xffffffff") == ()
    assert kinds(tablet.report(110, ReportKind.TAMPER, cause="root")) == [ChangeKind.WORSENED]


def test_no_good_signal_and_no_recovery_of_something_else_ends_it() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.TAMPER, cause="root")
    for second in range(10, 100, 10):
        tablet.beat(second, kiosk=True)
    tablet.report(100, ReportKind.RECOVERY)
    tablet.report(101, ReportKind.RECOVERY, cause="weak-signal")
    assert Family.TAMPER in tablet.state.alerts


def test_a_tamper_report_that_finds_nothing_ends_it() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.TAMPER, threats=("root", "debugger"))
    cleared = tablet.report(10, ReportKind.TAMPER)
    assert (kinds(cleared), because(cleared[0])) == ([ChangeKind.SUBSIDED], [Because.REPORTED_CLEAN])


def test_a_recovery_ends_what_it_names() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.TAMPER, threats=("root", "debugger"))
    (changed,) = tablet.report(10, ReportKind.RECOVERY, cause="root")
    assert (changed.kind, changed.alert.rule) == (ChangeKind.CHANGED, Rule.TAMPER_DEBUGGER)
    assert kinds(tablet.report(20, ReportKind.RECOVERY, cause="debugger")) == [ChangeKind.SUBSIDED]


@pytest.mark.parametrize("how", ["heartbeat", "report"])
def test_a_kiosk_that_is_left_for_over_five_minutes_is_tampering(how: str) -> None:
    tablet = Tablet()
    if how == "heartbeat":
        tablet.beat(0, kiosk=False)
    else:
        assert tablet.report(0, ReportKind.TAMPER, cause="kiosk-exit") == ()
    for second in range(10, 301, 10):
        assert tablet.beat(second) == ()
    (opened,) = tablet.beat(310)
    assert (opened.alert.rule, opened.alert.severity) == (Rule.TAMPER_KIOSK, Severity.HIGH)
    assert (opened.why[0].observed, opened.why[0].limit) == (310, 300)
    assert kinds(tablet.beat(320, kiosk=True)) == [ChangeKind.SUBSIDED]


def test_a_technicians_minute_outside_the_kiosk_is_none() -> None:
    tablet = Tablet()
    for second in range(0, 900, 10):
        assert tablet.beat(second, kiosk=second % 300 == 290) == ()


def test_that_the_wi_fi_is_off_is_a_silence() -> None:
    tablet = Tablet()
    (opened,) = tablet.report(0, ReportKind.TAMPER, cause="wifi-off")
    assert opened.alert.family is Family.SILENCE
