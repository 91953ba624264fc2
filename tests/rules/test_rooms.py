"""What the hotel knows of a room, held against everything else that the rules know."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from rules.alarm import Occasion
from rules.alerts import Because, Cause, ChangeKind, Family, Reason, Rule, Severity
from rules.context import in_context
from rules.dismissal import dismiss
from rules.evaluate import judge_anew
from rules.gap import Gap, shifted
from rules.ids import RoomId, WindowId
from rules.messages import Plug
from rules.policy import Policy, Window
from rules.response import Resolved
from rules.room_status import NOTHING_SAID, RoomStatus, RoomWord
from tests.rules.given import ELSEWHERE, FOREIGN, NEIGHBOUR, NOON, OWN, STRICT, Tablet, after, assigned, because

DEPARTING = RoomStatus(occupied=True, departs_at=after(1800))
VACANT = RoomStatus(occupied=False)
CLOSED = RoomStatus(service=RoomWord.OUT_OF_ORDER)
WINDOW = Window(id=WindowId("w"), starts_at=NOON, ends_at=after(86_400))
CLEANED = RoomStatus(housekeeping_since=NOON)
CLEANED_AND_VACANT = replace(CLEANED, occupied=False)

WEAK = Cause(Rule.BREACH_SIGNAL, Severity.HIGH, (Reason(Because.SIGNAL_BELOW_FLOOR),))
HINT = Cause(Rule.BREACH_SIGNAL, Severity.INFO, (Reason(Because.ROOM_NOT_CALIBRATED),))
MOVED = Cause(Rule.BREACH_ACCESS_POINT, Severity.MEDIUM, (Reason(Because.MOVED),))
AWAY = Cause(Rule.BREACH_ACCESS_POINT, Severity.CRITICAL, (Reason(Because.FOREIGN),))
SAID_FOREIGN = Cause(Rule.BREACH_REPORTED, Severity.CRITICAL, (Reason(Because.REPORTED, cause="foreign-ap"),))
QUIET = Cause(Rule.SILENCE, Severity.LOW, (Reason(Because.NOTHING_HEARD),))
EMPTY = Cause(Rule.BATTERY_LOW, Severity.LOW, (Reason(Because.BATTERY_LOW),))
GUARD = Cause(Rule.CHECKOUT_GUARD, Severity.CRITICAL, (Reason(Because.GONE_SILENT),))


@pytest.mark.parametrize(
    ("cause", "room", "severity", "why"),
    [
        (WEAK, NOTHING_SAID, "high", None),
        (WEAK, RoomStatus(occupied=True), "high", None),
        (WEAK, DEPARTING, "critical", Because.DEPARTING),
        (HINT, DEPARTING, "low", Because.DEPARTING),
        (QUIET, DEPARTING, "medium", Because.DEPARTING),
        (EMPTY, DEPARTING, "low", None),
        (AWAY, DEPARTING, "critical", Because.DEPARTING),
        (WEAK, VACANT, "critical", Because.ROOM_VACANT),
        (MOVED, VACANT, "high", Because.ROOM_VACANT),
        (QUIET, VACANT, "low", None),
        (WEAK, CLOSED, "info", Because.OUT_OF_SERVICE),
        (QUIET, CLOSED, "info", Because.OUT_OF_SERVICE),
        (EMPTY, CLOSED, "info", Because.OUT_OF_SERVICE),
        (AWAY, CLOSED, "critical", None),
        (SAID_FOREIGN, CLOSED, "critical", None),
        (GUARD, CLOSED, "critical", None),
        (MOVED, CLEANED, "low", Because.HOUSEKEEPING),
        (MOVED, CLEANED_AND_VACANT, "medium", Because.HOUSEKEEPING),
        (WEAK, CLEANED, "high", None),
        (AWAY, CLEANED, "critical", None),
    ],
)
def test_what_a_room_makes_of_a_cause(cause: Cause, room: RoomStatus, severity: str, why: Because | None) -> None:
    here = in_context(cause, assignment=replace(assigned(), room=room), at=NOON)

    assert here.severity == severity
    assert (here is cause) is (why is None)
    assert why is None or why in [reason.because for reason in here.why]
    assert here.why[: len(cause.why)] == cause.why


@pytest.mark.parametrize(("minutes", "severity"), [(29, "high"), (30, "critical")])
def test_how_soon_a_guest_leaves_is_the_policys(minutes: float, severity: str) -> None:
    policy = Policy(departing_within=timedelta(minutes=minutes))
    here = in_context(WEAK, assignment=replace(assigned(policy=policy), room=DEPARTING), at=NOON)

    assert here.severity == severity
    assert [reason.limit for reason in here.why[1:]] == ([] if severity == "high" else [1800])


def checked_out(seconds: float) -> RoomStatus:
    return RoomStatus(occupied=False, checked_out_at=after(seconds))


class Room(Tablet):
    """A tablet whose room somebody has something to say of."""

    def told(self, seconds: float, room: RoomStatus) -> list[ChangeKind]:
        self.assignment = replace(self.assignment, room=room)
        occasion = Occasion(self.assignment, f"pms:{seconds}", after(seconds))
        verdict = judge_anew(self.state, occasion=occasion)
        self.state = verdict.state
        self.changes += verdict.changes
        return [change.kind for change in verdict.changes]


def strict() -> Room:
    room = Room(assigned(policy=STRICT))
    for seconds in (0, 4, 8):
        room.beat(seconds, rssi=-50, bssid=OWN, battery=80)
    return room


def test_what_is_open_is_judged_anew_when_something_is_said_of_its_room_and_comes_back_to_what_it_was() -> None:
    room = strict()
    for seconds in (12, 17, 22, 27):
        room.beat(seconds, rssi=-50, bssid=NEIGHBOUR, battery=80)
    assert room.alert(Family.BREACH).severity == "medium"

    assert room.told(28, VACANT) == [ChangeKind.WORSENED]
    assert room.told(29, CLOSED) == [ChangeKind.CHANGED]
    assert room.alert(Family.BREACH).severity == "info"
    room.told(30, NOTHING_SAID)
    assert room.alert(Family.BREACH).severity == "medium"
    assert because(room.changes[-1]) == [Because.MOVED]


def test_a_silence_in_a_closed_room_grows_step_by_step_and_stays_info() -> None:
    room = Room(assigned())
    room.beat(0, rssi=-50, bssid=OWN, battery=80)
    room.told(1, CLOSED)
    room.until(3600)

    assert room.alert(Family.SILENCE).severity == "info"
    room.told(3601, RoomStatus(occupied=True))
    assert room.alert(Family.SILENCE).severity == "critical"


def test_a_silence_that_a_person_ended_in_a_closed_room_fires_when_the_room_is_back_in_service() -> None:
    tablet = strict()
    tablet.told(1, CLOSED)
    tablet.until(300)
    alert = tablet.alert(Family.SILENCE)
    deed = Resolved(alert_id=alert.id, family=Family.SILENCE, severity=Severity.INFO, by="ana", at=after(300))
    tablet.state = dismiss(tablet.state, deed, occasion=Occasion(tablet.assignment, "deed", after(300))).state
    assert tablet.told(310, CLOSED) == []
    assert tablet.told(4000, VACANT) == [ChangeKind.OPENED]
    assert tablet.alert(Family.SILENCE).severity is Severity.HIGH


def test_a_departing_guests_silence_is_one_step_more_severe_and_no_more() -> None:
    room = Room(assigned())
    room.beat(0, rssi=-50, bssid=OWN, battery=80)
    room.told(1, replace(DEPARTING, departs_at=after(60)))

    assert [change.alert.severity for change in room.until(3600)] == ["medium", "critical"]


def test_a_tablet_that_is_gone_at_the_check_out_is_critical_at_once() -> None:
    room = strict()
    room.until(60)
    assert room.told(61, checked_out(61)) == [ChangeKind.OPENED]

    assert room.alert(Family.CHECKOUT).severity == "critical"
    assert room.alert(Family.SILENCE).severity == "high"


def test_a_tablet_that_falls_silent_after_the_check_out_is_critical_then() -> None:
    room = strict()
    assert room.told(9, checked_out(9)) == []

    changes = room.until(60)
    assert [(change.alert.family, change.alert.severity) for change in changes] == [
        (Family.SILENCE, Severity.HIGH), (Family.CHECKOUT, Severity.CRITICAL),
    ]  # fmt: skip


@pytest.mark.parametrize("bssid", [NEIGHBOUR, ELSEWHERE, FOREIGN])
def test_a_tablet_that_walks_after_the_check_out_is_critical_and_over_when_it_was_back_for_five_minutes(
    bssid: str,
) -> None:
    room = strict()
    room.told(9, checked_out(9))
    for seconds in range(12, 32, 4):
        room.beat(seconds, rssi=-50, bssid=bssid, battery=80)
    assert room.alert(Family.CHECKOUT).severity == "critical"

    last = 32
    while Family.CHECKOUT in room.state.alerts:
        room.beat(last, rssi=-50, bssid=OWN, battery=80)
        last += 4
    assert timedelta(minutes=5) <= timedelta(seconds=last - 40) < timedelta(minutes=5, seconds=12)
    assert (room.changes[-1].kind, because(room.changes[-1])) == (ChangeKind.CLEARED, [Because.SEEN_IN_ITS_ROOM])


def test_a_tablet_that_stays_is_nobodys_alarm() -> None:
    room = strict()
    room.told(9, checked_out(9))
    for seconds in range(12, 600, 4):
        room.beat(seconds, rssi=-50, bssid=OWN, battery=80)

    assert room.changes == []


def test_an_empty_battery_is_no_departure() -> None:
    room = strict()
    room.told(9, checked_out(9))
    for seconds in (12, 16, 20):
        room.beat(seconds, rssi=-50, bssid=OWN, battery=5)

    assert set(room.state.alerts) == {Family.BATTERY}


@pytest.mark.parametrize("plug", [Plug.AC, None])
def test_a_full_battery_that_is_not_charging_is_no_departure(plug: Plug | None) -> None:
    room = Room(assigned(policy=Policy(rssi_floor=-70, docked=True)))
    room.beat(0, battery=90, charging=True, plug=plug)
    room.beat(10, battery=100, charging=False, plug=plug)
    assert room.told(11, checked_out(11)) == []
    room.beat(20, battery=100, charging=False, plug=plug)

    assert room.changes == []


def test_off_its_dock_is_what_its_plug_says() -> None:
    room = Room(assigned(policy=Policy(rssi_floor=-70, docked=True)))
    room.beat(0, charging=None, plug=Plug.AC)
    assert room.told(1, checked_out(1)) == []
    (opened,) = room.beat(10, charging=None, plug=Plug.NONE)

    assert because(opened) == [Because.UNPLUGGED, Because.CHECKED_OUT]


@pytest.mark.parametrize("service", [None, RoomWord.OUT_OF_ORDER])
@pytest.mark.parametrize(("bssid", "housekeeping"), [(ELSEWHERE, None), (NEIGHBOUR, None), (NEIGHBOUR, NOON)])
def test_neither_a_window_nor_a_closed_room_hides_a_tablet_that_walks_after_the_check_out(
    service: RoomWord | None, bssid: str, housekeeping: datetime | None
) -> None:
    room = strict()
    status = replace(checked_out(9), occupied=None, service=service, housekeeping_since=housekeeping)
    if service is None:
        room.assignment = replace(room.assignment, windows=(WINDOW,))
    room.told(9, status)
    for seconds in range(12, 32, 4):
        room.beat(seconds, bssid=bssid)

    assert room.alert(Family.BREACH).severity == "info"
    assert (Family.CHECKOUT in room.state.alerts) is (housekeeping is None or service is not None)


@pytest.mark.parametrize(("checked_out_at", "found_at"), [(9, 26), (60, 60)])
def test_a_silence_after_the_check_out_is_judged_in_a_window_too(checked_out_at: float, found_at: float) -> None:
    room = strict()
    room.assignment = replace(room.assignment, windows=(WINDOW,))
    assert room.until(checked_out_at) == ()
    room.told(checked_out_at, checked_out(checked_out_at))
    silence, guard = room.until(3000)

    assert (silence.at, silence.alert.severity) == (after(found_at), Severity.INFO)
    assert (guard.alert.rule, guard.alert.severity) == (Rule.CHECKOUT_GUARD, Severity.CRITICAL)


def test_a_silence_in_another_room_is_not_judged_in_a_window_for_the_check_out_of_the_last() -> None:
    room = strict()
    room.until(9)
    room.told(9, checked_out(9))
    place = replace(room.assignment.place, room_id=RoomId("205"))
    room.assignment = replace(room.assignment, place=place, room=RoomStatus(occupied=True), windows=(WINDOW,))

    assert room.until(3000) == ()


HOUR = 3600.0


def test_what_is_open_grows_worse_by_itself_an_hour_before_the_departure_and_eases_half_a_day_after_it() -> None:
    room = strict()
    room.told(9, RoomStatus(occupied=True, departs_at=after(3 * HOUR)))
    room.until(60)
    assert room.alert(Family.SILENCE).severity == "high"

    worse, eased = room.until(48 * HOUR)
    assert (worse.kind, worse.at, worse.alert.severity) == (ChangeKind.WORSENED, after(2 * HOUR), "critical")
    assert Because.DEPARTING in because(worse)
    assert (eased.kind, eased.at, eased.alert.severity) == (ChangeKind.CHANGED, after(15 * HOUR), "high")
    assert room.due() is None


def test_a_tablet_next_door_is_no_longer_the_housekeepings_after_two_hours() -> None:
    room = Room(assigned())
    room.told(0, CLEANED)
    for seconds in (0, 10, 20):
        room.beat(seconds, bssid=NEIGHBOUR)
    assert room.alert(Family.BREACH).severity == "low"
    while (last := room.state.last_heard) is not None and last < after(2 * HOUR - 10):
        room.beat((last - NOON).total_seconds() + 10, bssid=NEIGHBOUR)

    (worse,) = room.until(2 * HOUR + 1)
    assert (worse.kind, worse.at, worse.alert.severity) == (ChangeKind.WORSENED, after(2 * HOUR), "medium")


def test_what_opens_when_the_hour_has_passed_is_as_severe_as_it_is_then() -> None:
    room = strict()
    room.told(9, RoomStatus(occupied=True, departs_at=after(-13 * HOUR), housekeeping_since=after(-3 * HOUR)))
    (opened,) = room.until(24 * HOUR)
    assert opened.alert.severity == "high"


def test_what_a_person_resolved_fires_again_when_the_departure_makes_it_worse_than_they_saw() -> None:
    room = strict()
    room.told(9, RoomStatus(occupied=True, departs_at=after(3 * HOUR)))
    room.until(60)
    alert = room.alert(Family.SILENCE)
    deed = Resolved(alert_id=alert.id, family=Family.SILENCE, severity=alert.severity, by="ana", at=after(60))
    room.state = dismiss(room.state, deed, occasion=Occasion(room.assignment, "deed", after(60))).state

    again, eased = room.until(48 * HOUR)
    assert (again.at, again.alert.severity, eased.alert.severity) == (after(2 * HOUR), "critical", "high")


def test_the_hour_of_a_room_comes_in_our_own_outage_too() -> None:
    room = strict()
    room.told(9, RoomStatus(occupied=True, departs_at=after(3 * HOUR)))
    room.until(60)
    room.state = shifted(room.state, Gap(after(1.5 * HOUR), after(2.5 * HOUR)))
    room.watching_since = after(2.5 * HOUR)

    (worse,) = room.until(2.5 * HOUR)
    assert (worse.at, worse.alert.severity) == (after(2 * HOUR), "critical")
