"""What people decide is felt at once by what is open, and by it alone."""

from msgspec.structs import replace

from rules.alarm import Occasion
from rules.alerts import AlertChange, Because, ChangeKind, Family, Severity
from rules.ids import WindowId
from rules.policy import Assignment, Policy, Window
from rules.review import review
from rules.state import Posture, Power
from tests.rules.given import (
    CALIBRATED,
    ELSEWHERE,
    FOREIGN,
    NEIGHBOUR,
    ROOM,
    Tablet,
    after,
    assigned,
    because,
    kinds,
)  # fmt: skip


def decide(tablet: Tablet, seconds: float, now: Assignment, *, moved: bool = False) -> tuple[AlertChange, ...]:
    """People decide so, and the tablet is judged by it."""
    was, tablet.assignment = tablet.assignment.policy, now
    occasion = Occasion(now, "review:1", after(seconds))
    verdict = review(tablet.state, was=was, moved=moved, occasion=occasion)
    again = review(verdict.state, was=was, moved=moved, occasion=occasion)
    assert again.changes == ()
    tablet.state = verdict.state
    return verdict.changes


def weak(rssi: float = -75) -> Tablet:
    tablet = Tablet()
    for second in (0, 10, 20, 30):
        tablet.beat(second, rssi=rssi)
    assert tablet.alert(Family.BREACH).severity is Severity.HIGH
    return tablet


def on(bssid: str) -> Tablet:
    tablet = Tablet()
    for second in (0, 10, 20, 30):
        tablet.beat(second, bssid=bssid)
    return tablet


def test_a_floor_that_is_no_longer_breached_ends_the_alert_at_once() -> None:
    tablet = weak()

    (change,) = decide(tablet, 31, assigned(policy=Policy(rssi_floor=-76)))

    assert (change.kind, because(change)) == (ChangeKind.CLEARED, [Because.HELD_OTHERWISE])
    assert tablet.state.posture is Posture.IN_ROOM
    assert [tablet.beat(second, rssi=-75) for second in (40, 50, 60, 70)] == [()] * 4


def test_a_floor_that_is_breached_still_changes_nothing_but_the_limit() -> None:
    tablet = weak()

    assert decide(tablet, 31, assigned(policy=Policy(rssi_floor=-72))) == ()
    assert tablet.state.signal.firing


def test_a_room_that_is_not_calibrated_any_more_is_a_hint_at_once() -> None:
    tablet = weak(rssi=-85)

    (change,) = decide(tablet, 31, assigned(policy=Policy()))

    assert (change.kind, change.alert.severity) == (ChangeKind.CHANGED, Severity.INFO)
    assert because(change) == [Because.SIGNAL_BELOW_FLOOR, Because.ROOM_NOT_CALIBRATED]
    (change,) = decide(tablet, 32, assigned())
    assert (change.kind, change.alert.severity) == (ChangeKind.WORSENED, Severity.HIGH)


def test_what_has_nothing_to_do_with_the_signal_takes_no_sample_for_three() -> None:
    tablet = weak()
    tablet.beat(40, rssi=-68)  # above the floor, and within the margin

    assert decide(tablet, 41, assigned(policy=replace(CALIBRATED, battery_low=30))) == ()
    assert tablet.state.signal.firing


def test_an_access_point_that_is_the_rooms_now_is_home_at_once() -> None:
    tablet = on(ELSEWHERE)
    home = replace(ROOM, access_points=ROOM.access_points | {ELSEWHERE})

    (change,) = decide(tablet, 31, assigned(home), moved=True)

    assert (change.kind, because(change)) == (ChangeKind.CLEARED, [Because.HELD_OTHERWISE])
    assert tablet.state.posture is Posture.IN_ROOM


def test_an_access_point_that_is_the_hotels_now_is_no_foreign_one_and_never_the_other_way_round() -> None:
    tablet, ours = on(FOREIGN), replace(ROOM, hotel_access_points=ROOM.hotel_access_points | {FOREIGN})

    (change,) = decide(tablet, 31, assigned(ours), moved=True)
    assert (change.kind, change.alert.severity, because(change)) == (
        ChangeKind.CHANGED, Severity.HIGH, [Because.OUT_OF_ZONE],
    )  # fmt: skip
    assert decide(tablet, 32, assigned(), moved=True) == ()  # until three samples say so
    made = [change for second in (40, 50, 60) for change in tablet.beat(second, bssid=FOREIGN)]
    assert [change.alert.severity for change in made] == [Severity.CRITICAL]


def test_an_inventory_that_is_complete_makes_a_foreign_network_critical_at_once() -> None:
    tablet = Tablet(assigned(replace(ROOM, is_incomplete=True)))
    for second in (0, 10, 20, 30):
        tablet.beat(second, bssid=FOREIGN)
    assert tablet.alert(Family.BREACH).severity is Severity.HIGH

    (change,) = decide(tablet, 31, assigned(), moved=True)

    assert (change.kind, change.alert.severity) == (ChangeKind.WORSENED, Severity.CRITICAL)


def test_a_battery_goes_by_the_levels_of_now() -> None:
    tablet = Tablet()
    tablet.beat(0, battery=9)
    tablet.beat(10, battery=9)

    (eased,) = decide(tablet, 11, assigned(policy=replace(CALIBRATED, battery_critical=5)))
    assert (eased.alert.severity, tablet.state.power) == (Severity.LOW, Power.LOW)
    (over,) = decide(tablet, 12, assigned(policy=replace(CALIBRATED, battery_low=8, battery_critical=5)))
    assert (over.kind, because(over)) == (ChangeKind.CLEARED, [Because.HELD_OTHERWISE])
    assert tablet.state.power is Power.OK
    assert tablet.beat(20, battery=9) == ()


def test_a_window_hushes_what_is_open_and_its_withdrawal_tells_it() -> None:
    tablet = on(NEIGHBOUR)
    window = Window(id=WindowId("w"), starts_at=after(31), ends_at=after(3600))

    hushed = decide(tablet, 31, replace(assigned(), windows=(window,)))
    told = decide(tablet, 32, assigned())

    assert kinds((*hushed, *told)) == [ChangeKind.SUPPRESSED, ChangeKind.RELEASED]
    assert (hushed[0].alert.severity, told[0].alert.severity) == (Severity.INFO, Severity.MEDIUM)


def test_after_a_start_nobody_knows_what_was_and_no_sample_counts_for_three() -> None:
    tablet = weak()
    tablet.beat(40, rssi=-68)
    now = assigned(policy=Policy(rssi_floor=-69))

    verdict = review(tablet.state, was=None, moved=False, occasion=Occasion(now, "review:1", after(41)))

    assert verdict.changes == ()
    assert verdict.state.signal.firing


def test_nothing_opens_of_a_tablet_that_was_not_heard() -> None:
    tablet = Tablet()
    tablet.beat(0, rssi=-60, battery=40)

    assert decide(tablet, 1, assigned(policy=Policy(rssi_floor=-50, battery_low=60))) == ()
    assert tablet.beat(10, rssi=-60, battery=40) == ()
