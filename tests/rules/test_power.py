"""power.unplugged and power.overheat, and what being unplugged means for a breach."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.messages import Plug, ReportKind
from rules.policy import Policy
from tests.rules.given import Tablet, assigned, because, kinds

DOCKED = Policy(rssi_floor=-70, docked=True)


def docked() -> Tablet:
    tablet = Tablet(assigned(policy=DOCKED))
    tablet.beat(0, plug=Plug.AC, charging=True)
    return tablet


def test_three_hot_samples_open_it_and_one_that_is_cool_enough_ends_it() -> None:
    tablet = Tablet()
    assert tablet.beat(0, temp_c=46) == ()
    assert tablet.beat(10, temp_c=45) == ()
    assert tablet.beat(20) == ()
    (opened,) = tablet.beat(30, temp_c=47)
    assert (opened.alert.rule, opened.alert.severity) == (Rule.POWER_OVERHEAT, Severity.HIGH)
    assert (opened.why[0].observed, opened.why[0].limit) == (47, 45)
    assert tablet.beat(40, temp_c=43) == ()
    cleared = tablet.beat(50, temp_c=42)
    assert (kinds(cleared), because(cleared[0])) == ([ChangeKind.CLEARED], [Because.COOLED_DOWN])


def test_a_sample_that_is_not_hot_begins_anew() -> None:
    tablet = Tablet()
    for second, celsius in enumerate([46, 46, 44, 46, 46]):
        assert tablet.beat(10 * second, temp_c=celsius) == ()


def test_a_tablet_that_is_off_its_dock_for_over_ten_minutes_is_told() -> None:
    tablet = docked()
    for second in range(10, 611, 10):
        assert tablet.beat(second, plug=Plug.NONE) == ()
    (opened,) = tablet.beat(620, plug=Plug.NONE)
    assert (opened.alert.rule, opened.alert.severity) == (Rule.POWER_UNPLUGGED, Severity.INFO)
    assert (opened.why[0].because, opened.why[0].observed, opened.why[0].limit) == (Because.UNPLUGGED, 610, 600)


def test_a_minute_on_its_dock_ends_it() -> None:
    tablet = docked()
    for second in range(10, 621, 10):
        tablet.beat(second, plug=Plug.NONE)
    assert tablet.beat(630, plug=Plug.AC) == ()
    assert tablet.beat(640, plug=Plug.NONE) == ()
    for second in range(650, 710, 10):
        assert tablet.beat(second, plug=Plug.AC) == ()
    cleared = tablet.beat(710, plug=Plug.AC)
    assert (kinds(cleared), because(cleared[0])) == ([ChangeKind.CLEARED], [Because.PLUGGED_IN])


def test_how_long_it_must_be_on_its_dock_is_the_policys() -> None:
    tablet = Tablet(assigned(policy=replace(DOCKED, unplugged_clear=timedelta(seconds=5))))
    for second in range(0, 621, 10):
        tablet.beat(second, plug=Plug.NONE)
    assert tablet.beat(630, plug=Plug.AC) == ()
    (cleared,) = tablet.beat(640, plug=Plug.AC)
    assert (cleared.kind, cleared.why[0].limit) == (ChangeKind.CLEARED, 5)


def test_a_room_without_a_dock_leaves_its_tablet_where_it_likes() -> None:
    tablet = Tablet()
    for second in range(0, 1200, 10):
        assert tablet.beat(second, plug=Plug.NONE) == ()


def test_a_full_tablet_that_does_not_charge_may_be_on_its_dock() -> None:
    tablet = docked()
    for second in range(10, 1200, 10):
        assert tablet.beat(second, charging=False, battery=100) == ()


@pytest.mark.parametrize("soon", [True, False])
def test_an_unplugged_tablet_whose_signal_falls_at_once_makes_a_breach_critical(soon: bool) -> None:
    tablet = docked()
    tablet.beat(10, plug=Plug.NONE, rssi=-50)
    tablet.beat(20 if soon else 80, plug=Plug.NONE, rssi=-68)
    (opened,) = tablet.report(100, ReportKind.BREACH, cause="weak-signal")
    assert opened.alert.severity is (Severity.CRITICAL if soon else Severity.HIGH)
    assert (Because.CARRIED_OFF in because(opened)) is soon


def test_the_breach_that_is_open_already_is_raised() -> None:
    tablet = docked()
    tablet.report(5, ReportKind.BREACH)
    (worse,) = (*tablet.beat(10, plug=Plug.NONE, rssi=-50), *tablet.beat(14, plug=Plug.NONE, rssi=-75))
    assert (worse.kind, worse.alert.severity) == (ChangeKind.WORSENED, Severity.CRITICAL)


def test_one_that_is_put_back_at_once_was_not_carried_off() -> None:
    tablet = docked()
    tablet.beat(10, plug=Plug.NONE, rssi=-50)
    tablet.beat(14, plug=Plug.NONE, rssi=-66)
    tablet.beat(18, plug=Plug.AC, rssi=-50)
    (opened,) = tablet.report(100, ReportKind.BREACH)
    assert opened.alert.severity is Severity.HIGH


def test_both_are_one_alert() -> None:
    tablet = docked()
    for second in range(10, 641, 10):
        tablet.beat(second, plug=Plug.NONE, temp_c=50 if second > 620 else 30)
    tablet.beat(650, plug=Plug.NONE, temp_c=50)
    assert tablet.alert(Family.POWER).rule is Rule.POWER_OVERHEAT
    tablet.beat(660, plug=Plug.NONE, temp_c=20)
    assert tablet.alert(Family.POWER).rule is Rule.POWER_UNPLUGGED
