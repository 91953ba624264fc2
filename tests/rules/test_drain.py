"""battery.drain and battery.tonight: how fast a battery empties, and whether it lasts the night."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.night import night_of
from rules.state import Power
from tests.rules.given import NOON, Tablet, after, assigned, because, kinds

HOUR = 3600


def discharging(
    tablet: Tablet, start: float, end: float, *, level: float, per_hour: float, every: float = 300
) -> float:
    """Heartbeats until `end`, with a battery that empties; its level then."""
    second = start
    while second < end:
        tablet.beat(second, battery=round(level - per_hour * (second - start) / HOUR, 3))
        second += every
    return level - per_hour * (end - start) / HOUR


def of_battery(tablet: Tablet) -> list[tuple[ChangeKind, Rule]]:
    changes = [change for change in tablet.changes if change.alert.family is Family.BATTERY]
    return [(change.kind, change.alert.rule) for change in changes]


def silent_nobody(tablet: Tablet) -> Tablet:
    """Heartbeats of these stories are minutes apart."""
    tablet.assignment = replace(
        tablet.assignment, policy=replace(tablet.assignment.policy, battery_low=5, battery_critical=2)
    )
    return tablet


def test_half_an_hour_of_losing_15_percent_an_hour_opens_it() -> None:
    tablet = Tablet()
    discharging(tablet, 0, HOUR / 2, level=90, per_hour=16)
    assert of_battery(tablet) == []
    tablet.beat(HOUR / 2, battery=82)
    (opened,) = (change for change in tablet.changes if change.alert.family is Family.BATTERY)
    assert (opened.alert.rule, opened.alert.severity) == (Rule.BATTERY_DRAIN, Severity.LOW)
    assert (opened.why[0].because, opened.why[0].observed, opened.why[0].limit) == (Because.DRAINING, 16, 15)


def test_one_that_loses_less_does_not() -> None:
    tablet = Tablet()
    discharging(tablet, 0, 2 * HOUR, level=90, per_hour=14)
    assert of_battery(tablet) == []


def test_it_ends_below_8_percent_an_hour_or_on_a_charger() -> None:
    for ending in ("slower", "charger"):
        tablet = Tablet()
        level = discharging(tablet, 0, HOUR, level=90, per_hour=16)
        if ending == "slower":
            level = discharging(tablet, HOUR, 2 * HOUR, level=level, per_hour=10)
            assert Family.BATTERY in tablet.state.alerts
            discharging(tablet, 2 * HOUR, 3 * HOUR, level=level, per_hour=6)
        else:
            tablet.beat(HOUR, battery=level, charging=True)
        (cleared,) = (
            change
            for change in tablet.changes
            if change.kind is ChangeKind.CLEARED and change.alert.family is Family.BATTERY
        )
        assert because(cleared)[0] is (Because.DRAIN_SLOWED if ending == "slower" else Because.CHARGING)
        assert Family.BATTERY not in tablet.state.alerts


def test_a_charge_that_nobody_mentioned_is_no_drain_afterwards() -> None:
    tablet = Tablet()
    discharging(tablet, 0, HOUR, level=60, per_hour=10)
    tablet.beat(HOUR, battery=90)
    discharging(tablet, HOUR + 300, 3 * HOUR, level=90, per_hour=10)
    assert of_battery(tablet) == []


def test_it_is_the_battery_s_one_alert() -> None:
    tablet = Tablet()
    discharging(tablet, 0, 2 * HOUR, level=45, per_hour=16)
    assert of_battery(tablet) == [(ChangeKind.OPENED, Rule.BATTERY_DRAIN), (ChangeKind.CHANGED, Rule.BATTERY_LOW)]
    assert because(tablet.changes[-1])[:2] == [Because.BATTERY_LOW, Because.DRAINING]


def test_at_nine_in_the_evening_whoever_dies_before_seven_is_on_the_round() -> None:
    tablet = silent_nobody(Tablet())  # noon, UTC
    discharging(tablet, 0, 9 * HOUR - 60, level=80, per_hour=4)
    assert of_battery(tablet) == []
    tablet.until(9 * HOUR)
    (opened,) = (change for change in tablet.changes if change.alert.family is Family.BATTERY)
    assert (opened.at, opened.alert.rule, opened.alert.severity) == (
        after(9 * HOUR),
        Rule.BATTERY_TONIGHT,
        Severity.INFO,
    )
    assert opened.why[0].observed == pytest.approx(4, abs=0.5)


def test_whoever_lasts_is_not() -> None:
    tablet = silent_nobody(Tablet())
    discharging(tablet, 0, 19 * HOUR, level=90, per_hour=4)
    assert of_battery(tablet) == []


def test_a_charger_takes_it_off_the_round_and_so_does_the_morning() -> None:
    for ending in ("charger", "morning"):
        tablet = silent_nobody(Tablet())
        level = discharging(tablet, 0, 9 * HOUR + 1, level=80, per_hour=4)
        if ending == "charger":
            tablet.beat(10 * HOUR, battery=level, charging=True)
        else:
            tablet.until(19 * HOUR)
        opened, cleared = (change for change in tablet.changes if change.alert.family is Family.BATTERY)
        assert (opened.kind, cleared.kind) == (ChangeKind.OPENED, ChangeKind.CLEARED)
        assert because(cleared) == [Because.CHARGING if ending == "charger" else Because.MORNING]


def test_one_that_is_not_heard_any_more_is_told_of_for_one_night() -> None:
    tablet = silent_nobody(Tablet())
    discharging(tablet, 0, 9 * HOUR - 60, level=80, per_hour=4)  # to 20:59; then it is empty or gone
    tablet.until(100 * HOUR)
    assert [kind for kind, _ in of_battery(tablet)] == [ChangeKind.OPENED, ChangeKind.CLEARED]
    assert tablet.due() is None


def test_one_that_turns_out_to_die_during_the_night_is_told_then() -> None:
    tablet = silent_nobody(Tablet())
    level = discharging(tablet, 0, 11 * HOUR, level=90, per_hour=2)
    discharging(tablet, 11 * HOUR, 14 * HOUR, level=level, per_hour=12)
    assert of_battery(tablet)[0] == (ChangeKind.OPENED, Rule.BATTERY_TONIGHT)


def test_the_night_is_the_hotel_s_own_through_summer_time_as_well() -> None:
    night = night_of(NOON, timezone="America/New_York")
    assert (night.evening.hour, night.morning.hour) == (2, 12)
    spring = night_of(datetime(2026, 3, 28, 23, tzinfo=UTC), timezone="Europe/Berlin")  # the clock goes forward
    assert (spring.evening, spring.morning) == (
        datetime(2026, 3, 28, 20, tzinfo=UTC),
        datetime(2026, 3, 29, 5, tzinfo=UTC),
    )
    small_hours = night_of(datetime(2026, 3, 29, 1, tzinfo=UTC), timezone="Europe/Berlin")
    assert small_hours == spring


def test_a_battery_s_memory_of_its_rate_outlives_a_charge() -> None:
    tablet = Tablet(assigned())
    discharging(tablet, 0, HOUR, level=90, per_hour=6)
    rate = tablet.state.drain.rate
    tablet.beat(HOUR, battery=84, charging=True)
    assert rate == pytest.approx(6)
    assert (tablet.state.drain.rate, tablet.state.drain.recent, tablet.state.power) == (rate, (), Power.CHARGING)


def test_most_heartbeats_of_a_tablet_that_is_not_charged_are_as_usual() -> None:
    tablet = Tablet()
    for second in range(0, 600, 10):
        tablet.beat(second)
    before = tablet.state.drain
    tablet.beat(599)
    assert tablet.state.drain is before
    assert kinds(tuple(tablet.changes)) == []
