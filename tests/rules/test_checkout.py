"""The guard of a check-out, told by states; how it goes with the other rules stands in test_rooms.py."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from rules.alarm import Occasion, resolve
from rules.alerts import AlertChange, Because, ChangeKind, Family, OpenAlert, Rule, Severity
from rules.checkout import begin, follow
from rules.gap import Gap, shifted
from rules.ids import AlertId, RoomId
from rules.memory import NOT_GONE, CheckoutMemory, RareMemory, SilenceMemory, SupplyMemory
from rules.policy import Assignment, Policy
from rules.response import Resolved
from rules.room_status import NOTHING_SAID, RoomStatus
from rules.state import DeviceState, LinkState, Posture
from tests.rules.given import CALIBRATED, NOON, UNKNOWN_PLACE, after, assigned, because

AT_HOME = DeviceState(link=LinkState.ONLINE, posture=Posture.IN_ROOM, last_heard=NOON, charging=True)
SILENCE = OpenAlert(
    id=AlertId("S1"), family=Family.SILENCE, rule=Rule.SILENCE, severity=Severity.LOW, opened_at=NOON, last_at=NOON
)
SILENT = replace(AT_HOME, link=LinkState.SILENT, alerts={Family.SILENCE: SILENCE})
OFF_DOCK = replace(AT_HOME, rare=RareMemory(supply=SupplyMemory(unplugged_at=NOON)))
CHECKED_OUT = RoomStatus(occupied=False, checked_out_at=NOON)
DOCKED = replace(CALIBRATED, docked=True)


def breached(severity: Severity) -> DeviceState:
    alert = OpenAlert(
        id=AlertId("A1"),
        family=Family.BREACH,
        rule=Rule.BREACH_ACCESS_POINT,
        severity=severity,
        opened_at=NOON,
        last_at=NOON,
    )
    return replace(AT_HOME, alerts={Family.BREACH: alert})


def held(severity: Severity) -> DeviceState:
    """In its room by now: it flapped."""
    alert = breached(severity).alerts[Family.BREACH]
    return replace(AT_HOME, alerts={Family.BREACH: replace(alert, calm_since=NOON)})


class Guard:
    """The guard of one tablet; seconds after the check-out."""

    def __init__(self, *, room: RoomStatus = CHECKED_OUT, policy: Policy = CALIBRATED) -> None:
        self.assignment = replace(assigned(policy=policy), room=room)
        self.state = AT_HOME
        if room.checked_out_at is not None:
            self.state = begin(AT_HOME, occasion=Occasion(self.assignment, "pms", room.checked_out_at))

    def check_out(self, seconds: float) -> None:
        """The next one."""
        self.assignment = replace(self.assignment, room=RoomStatus(occupied=False, checked_out_at=after(seconds)))
        self.state = begin(self.state, occasion=Occasion(self.assignment, "pms", after(seconds)))

    def see(self, seconds: float, state: DeviceState = AT_HOME) -> AlertChange | None:
        kept = {family: alert for family, alert in self.state.alerts.items() if family is Family.CHECKOUT}
        now = replace(state, alerts=state.alerts | kept, checkout=self.state.checkout)
        self.state, change = follow(now, now, occasion=Occasion(self.assignment, f"at-{seconds}", after(seconds)))
        return change


@pytest.mark.parametrize(
    ("state", "policy", "why"),
    [
        (SILENT, CALIBRATED, Because.GONE_SILENT),
        (breached(Severity.MEDIUM), CALIBRATED, Because.GONE_ELSEWHERE),
        (OFF_DOCK, DOCKED, Because.UNPLUGGED),
    ],
)
@pytest.mark.parametrize("seconds", [0, 2700])
def test_a_tablet_that_is_gone_at_the_check_out_or_in_the_45_minutes_after_it_is_critical(
    state: DeviceState, policy: Policy, why: Because, seconds: float
) -> None:
    opened = Guard(policy=policy).see(seconds, state)

    assert opened is not None
    assert (opened.kind, opened.alert.rule, opened.alert.severity) == (
        ChangeKind.OPENED, Rule.CHECKOUT_GUARD, Severity.CRITICAL,
    )  # fmt: skip
    assert because(opened) == [why, Because.CHECKED_OUT]


@pytest.mark.parametrize(
    ("state", "policy"),
    [
        (AT_HOME, CALIBRATED),
        (OFF_DOCK, CALIBRATED),  # nobody said that its place is on a dock
        (replace(AT_HOME, charging=False), DOCKED),  # its battery is full
        (replace(OFF_DOCK, rare=RareMemory(supply=SupplyMemory(unplugged_at=NOON, plugged_at=NOON))), DOCKED),
        (breached(Severity.LOW), CALIBRATED),
        (replace(AT_HOME, link=LinkState.SLEEPING), CALIBRATED),
        (replace(AT_HOME, link=LinkState.AWAY), CALIBRATED),
        (DeviceState(), CALIBRATED),
        (replace(AT_HOME, link=LinkState.SILENT, silence=SilenceMemory(lost_at=NOON)), CALIBRATED),  # its will alone
        (replace(AT_HOME, alerts={Family.SILENCE: replace(SILENCE, calm_since=NOON)}), CALIBRATED),  # held, and heard
        (held(Severity.HIGH), CALIBRATED),
    ],
)
def test_whoever_is_not_known_to_be_gone_is_left_alone(state: DeviceState, policy: Policy) -> None:
    assert Guard(policy=policy).see(10, state) is None


@pytest.mark.parametrize(("room", "seconds"), [(NOTHING_SAID, 10), (CHECKED_OUT, 2701)])
def test_nothing_is_guarded_without_a_check_out_lately(room: RoomStatus, seconds: float) -> None:
    assert Guard(room=room).see(seconds, SILENT) is None


def test_it_is_over_when_the_tablet_was_seen_in_its_room_for_five_minutes() -> None:
    guard = Guard()
    guard.see(10, SILENT)

    assert [guard.see(20), guard.see(200), guard.see(319)] == [None, None, None]
    cleared = guard.see(320)
    assert cleared is not None
    assert (cleared.kind, because(cleared)) == (ChangeKind.CLEARED, [Because.SEEN_IN_ITS_ROOM])
    assert guard.see(330, SILENT) is not None  # within the 45 minutes, all over again


def test_a_breach_that_is_over_and_only_held_open_is_no_doubt_that_it_is_seen() -> None:
    guard = Guard()
    guard.see(10, breached(Severity.HIGH))

    assert [guard.see(20, held(Severity.HIGH)), guard.see(319, held(Severity.HIGH))] == [None, None]
    assert guard.see(320, held(Severity.HIGH)) is not None


def test_how_long_it_is_guarded_and_must_be_seen_is_the_policys() -> None:
    brief = replace(CALIBRATED, checkout_guard=timedelta(minutes=1), checkout_seen=timedelta(seconds=20))
    assert Guard(policy=brief).see(61, SILENT) is None

    guard = Guard(policy=brief)
    opened = guard.see(60, SILENT)
    assert opened is not None
    assert opened.why[-1].limit == 60
    assert [guard.see(70), guard.see(89)] == [None, None]
    cleared = guard.see(90)
    assert cleared is not None
    assert (cleared.kind, cleared.why[0].limit) == (ChangeKind.CLEARED, 20)


@pytest.mark.parametrize("state", [SILENT, breached(Severity.INFO), replace(AT_HOME, link=LinkState.SLEEPING)])
def test_five_minutes_are_counted_anew_after_every_doubt(state: DeviceState) -> None:
    guard = Guard()
    guard.see(10, SILENT)
    guard.see(20)
    guard.see(300, state)

    assert [guard.see(320), guard.see(619)] == [None, None]
    assert guard.see(620) is not None


def test_it_stays_and_says_so_once_however_long_after_the_check_out() -> None:
    guard = Guard()
    guard.see(10, SILENT)

    assert [guard.see(seconds, SILENT) for seconds in (20, 2700, 90_000)] == [None] * 3
    guard.assignment = replace(guard.assignment, room=RoomStatus(occupied=True))
    assert guard.see(90_010, SILENT) is None
    assert Family.CHECKOUT in guard.state.alerts


def test_who_checks_in_is_not_blamed_for_what_is_not_gone_yet() -> None:
    guard = Guard()
    checked_in = replace(guard.assignment, room=RoomStatus(occupied=True))
    guard.state = begin(guard.state, occasion=Occasion(checked_in, "pms:2", after(600)))

    assert guard.state.checkout is NOT_GONE
    assert guard.see(610, SILENT) is None


def test_a_guard_does_not_follow_the_tablet_into_another_room() -> None:
    guard = Guard()
    guard.see(10, SILENT)
    room = guard.assignment
    guard.assignment = replace(room, place=replace(room.place, room_id=RoomId("205")), room=RoomStatus(occupied=True))
    assert guard.see(20, SILENT) is None
    assert Family.CHECKOUT in guard.state.alerts  # what is open stays
    assert [guard.see(30), guard.see(329)] == [None, None]
    assert guard.see(330) is not None

    assert guard.see(340, SILENT) is None

    guard.assignment = room
    assert guard.see(350, SILENT) is not None


def test_a_guard_that_was_noted_without_its_room_is_that_of_the_room_it_is_in() -> None:
    guard = Guard()
    guard.state = replace(guard.state, checkout=CheckoutMemory(guarded_from=NOON))

    assert guard.see(10, SILENT) is not None


def test_our_own_outage_does_not_use_up_the_time() -> None:
    guard = Guard()
    guard.state = shifted(guard.state, Gap(after(60), after(3660)))

    assert guard.see(3700, SILENT) is not None


def test_another_way_of_being_gone_is_told() -> None:
    guard = Guard()
    guard.see(10, SILENT)
    changed = guard.see(20, breached(Severity.HIGH))

    assert changed is not None
    assert because(changed) == [Because.GONE_ELSEWHERE, Because.CHECKED_OUT]


def test_where_nobody_can_say_which_room_it_is_in_being_heard_is_enough() -> None:
    guard = Guard(policy=Policy())
    guard.assignment = replace(Assignment(
        hotel_id=guard.assignment.hotel_id, device_id=guard.assignment.device_id, place=UNKNOWN_PLACE, policy=Policy()
    ), room=CHECKED_OUT)  # fmt: skip
    heard = replace(AT_HOME, posture=Posture.UNKNOWN)
    guard.see(10, SILENT)
    guard.see(20, heard)

    assert guard.see(320, heard) is not None


@pytest.mark.parametrize(("state", "told"), [(SILENT, [Because.GONE_SILENT, Because.CHECKED_OUT]), (AT_HOME, None)])
def test_the_next_check_out_is_judged_anew_where_a_person_had_resolved_the_guard_of_the_last(
    state: DeviceState, told: list[Because] | None
) -> None:
    guard = Guard()
    opened = guard.see(10, SILENT)
    assert opened is not None
    deed = Resolved(
        alert_id=opened.alert.id, family=Family.CHECKOUT, severity=Severity.CRITICAL, by="ana", at=after(20)
    )
    guard.state, _ = resolve(guard.state, deed, occasion=Occasion(guard.assignment, "deed", after(20)))
    assert guard.see(30, SILENT) is None

    guard.check_out(86400)

    again = guard.see(86400, state)
    assert (again and (again.kind, because(again))) == (told and (ChangeKind.OPENED, told))
    assert (Family.CHECKOUT in guard.state.alerts) is (told is not None)


def test_what_nobody_resolved_stays_open_over_the_next_check_out() -> None:
    guard = Guard()
    opened = guard.see(10, SILENT)
    assert opened is not None
    guard.check_out(86400)
    assert guard.see(86400, SILENT) is None
    assert guard.state.alerts[Family.CHECKOUT].id == opened.alert.id


@pytest.mark.parametrize(("seconds", "fires"), [(2700, True), (2701, False)])
def test_a_resolved_guard_is_told_of_another_way_of_being_gone_in_its_45_minutes_alone(
    seconds: float, *, fires: bool
) -> None:
    guard = Guard(policy=DOCKED)
    opened = guard.see(10, OFF_DOCK)
    assert opened is not None
    deed = Resolved(
        alert_id=opened.alert.id, family=Family.CHECKOUT, severity=Severity.CRITICAL, by="ana", at=after(20)
    )
    guard.state, _ = resolve(guard.state, deed, occasion=Occasion(guard.assignment, "deed", after(20)))
    assert guard.see(30, OFF_DOCK) is None
    assert (guard.see(seconds, SILENT) is not None) is fires
