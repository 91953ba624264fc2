"""One battery alert that moves between two levels, and never touches a breach."""

import pytest

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.memory import CALM_BATTERY
from rules.messages import ReportKind
from rules.state import Power
from tests.rules.given import Tablet, because, kinds


def drained(*levels: float, start: float = 0, charging: bool | None = False) -> Tablet:
    tablet = Tablet()
    for count, level in enumerate(levels):
        tablet.beat(start + 10 * count, battery=level, charging=charging)
    return tablet


@pytest.mark.parametrize(
    ("level", "rule", "severity", "limit", "power"),
    [
        (20, Rule.BATTERY_LOW, Severity.LOW, 20, Power.LOW),
        (10, Rule.BATTERY_CRITICAL, Severity.MEDIUM, 10, Power.CRITICAL),
    ],
)
def test_two_samples_at_a_level_open_it(
    level: float, rule: Rule, severity: Severity, limit: float, power: Power
) -> None:
    tablet = drained(level)
    assert tablet.changes == []

    (opened,) = tablet.beat(10, battery=level)

    assert (opened.kind, opened.alert.rule, opened.alert.severity) == (ChangeKind.OPENED, rule, severity)
    assert (opened.why[0].observed, opened.why[0].limit) == (level, limit)
    assert tablet.state.power is power


def test_one_low_sample_opens_nothing() -> None:
    assert drained(50, 15, 50, 15, 50).changes == []


def test_a_level_above_the_threshold_is_ok() -> None:
    tablet = drained(21, 21, 21)

    assert tablet.changes == []
    assert tablet.state.power is Power.OK


def test_from_twenty_to_one_percent_it_is_one_alert_with_two_levels() -> None:
    tablet = drained(*range(20, 0, -1))

    assert [(change.kind, change.alert.rule) for change in tablet.changes] == [
        (ChangeKind.OPENED, Rule.BATTERY_LOW),
        (ChangeKind.WORSENED, Rule.BATTERY_CRITICAL),
    ]
    assert len({change.alert.id for change in tablet.changes}) == 1
    assert tablet.alert(Family.BATTERY).count == 19


def test_a_critical_battery_eases_to_low_at_the_margin_and_clears_above_the_other() -> None:
    tablet = drained(5, 5)
    assert tablet.beat(20, battery=14) == ()
    (eased,) = tablet.beat(30, battery=15)
    assert (eased.kind, eased.alert.rule, eased.alert.severity) == (
        ChangeKind.CHANGED,
        Rule.BATTERY_LOW,
        Severity.LOW,
    )
    assert tablet.beat(40, battery=24) == ()

    (cleared,) = tablet.beat(50, battery=25)

    assert cleared.kind is ChangeKind.CLEARED
    assert because(cleared) == [Because.BATTERY_RECOVERED]
    assert tablet.state.power is Power.OK
    assert tablet.state.battery_level is CALM_BATTERY


def test_a_charging_tablet_opens_nothing() -> None:
    tablet = drained(5, 5, 5, charging=True)

    assert tablet.changes == []
    assert tablet.state.power is Power.CHARGING


def test_five_minutes_of_charging_clear_it_at_any_level() -> None:
    tablet = drained(15, 15)
    for second in range(20, 320, 10):
        assert tablet.beat(second, battery=16, charging=True) == ()

    (cleared,) = tablet.beat(320, battery=17, charging=True)

    assert [(reason.because, reason.observed, reason.limit) for reason in cleared.why] == [(Because.CHARGING, 300, 300)]


def test_unplugging_starts_the_five_minutes_over() -> None:
    tablet = drained(15, 15)
    tablet.beat(20, battery=15, charging=True)
    tablet.beat(200, battery=15, charging=False)
    tablet.beat(210, battery=15, charging=True)

    assert Family.BATTERY in tablet.state.alerts
    tablet.beat(509, battery=15, charging=True)
    assert Family.BATTERY in tablet.state.alerts


def test_a_charger_that_is_unknown_stays_what_it_was() -> None:
    tablet = drained(15, 15)
    tablet.beat(20, battery=15, charging=True)
    tablet.beat(30, battery=15, charging=None)
    assert tablet.state.power is Power.CHARGING

    assert kinds(tablet.beat(320, battery=15, charging=None)) == [ChangeKind.CLEARED]


def test_an_agent_that_never_speaks_of_its_charger_is_judged_all_the_same() -> None:
    assert kinds(tuple(drained(15, 15, charging=None).changes)) == [ChangeKind.OPENED]


def test_an_unknown_level_neither_counts_nor_interrupts() -> None:
    tablet = drained(15)
    tablet.bare_beat(10)

    assert kinds(tablet.beat(20, battery=15)) == [ChangeKind.OPENED]


@pytest.mark.parametrize(("level", "rule"), [(18, Rule.BATTERY_LOW), (4, Rule.BATTERY_CRITICAL)])
def test_the_tablets_own_report_opens_at_once(level: float, rule: Rule) -> None:
    tablet = Tablet()

    (opened,) = tablet.report(0, ReportKind.BATTERY, level=level)

    assert (opened.kind, opened.alert.rule) == (ChangeKind.OPENED, rule)
    assert tablet.state.battery == level


def test_a_report_at_every_percent_is_one_alert() -> None:
    tablet = Tablet()
    for count, level in enumerate(range(20, 10, -1)):
        tablet.report(count, ReportKind.BATTERY, level=level)

    assert kinds(tuple(tablet.changes)) == [ChangeKind.OPENED]
    assert tablet.alert(Family.BATTERY).count == 10


def test_a_report_without_a_level_changes_nothing() -> None:
    tablet = Tablet()

    assert tablet.report(0, ReportKind.BATTERY) == ()
    assert tablet.state.power is Power.UNKNOWN


def test_a_report_of_a_charging_tablet_opens_nothing() -> None:
    tablet = drained(80, charging=True)

    assert tablet.report(10, ReportKind.BATTERY, level=9) == ()


def test_an_open_breach_stays_untouched_while_the_battery_drains() -> None:
    tablet = Tablet()
    tablet.report(0, ReportKind.BREACH)
    breach = tablet.alert(Family.BREACH)
    for count, level in enumerate(range(20, 0, -1)):
        tablet.beat(10 * count, rssi=None, bssid=None, battery=level)

    assert tablet.alert(Family.BREACH) == breach
    assert tablet.alert(Family.BATTERY).rule is Rule.BATTERY_CRITICAL
