"""What the desk is told of a room, and what everybody is told of it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from rules.alerts import Because, Cause, Family, OpenAlert, Reason, Rule, Severity
from rules.clearance import Clear, Finding, InRoom, clearance, is_followed, is_otherwise
from rules.ids import AlertId, DeviceId, RoomId
from rules.memory import RareMemory, SilenceMemory, SupplyMemory
from rules.messages import TokenEnd
from rules.policy import Policy, Profile
from rules.room_state import room_state
from rules.room_status import NOTHING_SAID, RoomStatus
from rules.state import DeviceState, LinkState, Posture, Power
from tests.rules.given import NOON, after

ROOM, TAB, OTHER = RoomId("204"), DeviceId("tab-1"), DeviceId("tab-2")
HERE = DeviceState(
    link=LinkState.ONLINE, posture=Posture.IN_ROOM, power=Power.OK, last_heard=NOON, battery=80, charging=False
)
NORMAL, STRICT = Policy(), Policy(profile=Profile.STRICT)
OFF_DOCK = replace(HERE, rare=RareMemory(supply=SupplyMemory(unplugged_at=NOON)))


def with_alert(
    state: DeviceState, rule: Rule, family: Family, *why: Reason, severity: Severity = Severity.HIGH
) -> DeviceState:
    alert = OpenAlert(
        id=AlertId("A1"), family=family, rule=rule, severity=severity, opened_at=NOON, last_at=NOON, why=why
    )
    return replace(state, alerts={family: alert})


def test_a_tablet_that_was_heard_in_its_room_a_moment_ago_is_clear() -> None:
    told = clearance(ROOM, [InRoom(TAB, HERE, NORMAL)], at=after(4))

    assert (told.verdict, told.reasons) == (Clear.CLEAR, ())
    assert (told.seen_ago_s, told.battery, told.charging) == (4, 80, False)
    assert told.valid_until == after(4) + timedelta(seconds=120)


@pytest.mark.parametrize(
    ("state", "verdict", "because"),
    [
        (replace(HERE, link=LinkState.SILENT), Clear.UNKNOWN, Finding.CONNECTION_LOST),  # its will alone
        (replace(HERE, link=LinkState.SILENT, last_heard=after(-31)), Clear.UNKNOWN, Finding.NOT_HEARD_LATELY),
        (with_alert(HERE, Rule.SILENCE, Family.SILENCE, severity=Severity.LOW), Clear.NOT_CLEAR, Finding.SILENT),
        (with_alert(HERE, Rule.WIFI_OFF, Family.SILENCE), Clear.NOT_CLEAR, Finding.SILENT),
        (with_alert(HERE, Rule.POWERED_OFF, Family.SILENCE), Clear.NOT_CLEAR, Finding.SWITCHED_OFF),
        (replace(HERE, posture=Posture.FOREIGN), Clear.NOT_CLEAR, Finding.ELSEWHERE),
        (with_alert(HERE, Rule.BREACH_SIGNAL, Family.BREACH), Clear.NOT_CLEAR, Finding.LEAVING),
        (
            with_alert(OFF_DOCK, Rule.CHECKOUT_GUARD, Family.CHECKOUT, Reason(Because.UNPLUGGED)),
            Clear.NOT_CLEAR,
            Finding.UNPLUGGED,
        ),
        (with_alert(HERE, Rule.CHECKOUT_GUARD, Family.CHECKOUT, Reason(Because.UNPLUGGED)), Clear.CLEAR, None),
        (DeviceState(), Clear.UNKNOWN, Finding.NEVER_SEEN),
        (replace(HERE, link=LinkState.SLEEPING), Clear.CLEAR, None),
        (replace(HERE, link=LinkState.SLEEPING, last_heard=after(-31)), Clear.UNKNOWN, Finding.ASLEEP),
        (replace(HERE, link=LinkState.AWAY), Clear.UNKNOWN, Finding.SIGNED_OFF),
        (
            replace(HERE, link=LinkState.AWAY, silence=SilenceMemory(token_ended=TokenEnd.EXPIRED)),
            Clear.UNKNOWN,
            Finding.KEPT_OUT,
        ),
        (replace(HERE, last_heard=after(-31)), Clear.UNKNOWN, Finding.NOT_HEARD_LATELY),
        (replace(HERE, posture=Posture.UNKNOWN), Clear.UNKNOWN, Finding.PLACE_UNKNOWN),
        (
            with_alert(replace(HERE, posture=Posture.WEAK), Rule.BREACH_SIGNAL, Family.BREACH, severity=Severity.LOW),
            Clear.UNKNOWN,
            Finding.PLACE_UNKNOWN,
        ),
        (with_alert(HERE, Rule.BATTERY_CRITICAL, Family.BATTERY), Clear.CLEAR, None),
    ],
)
def test_what_is_not_known_is_never_called_clear_and_what_is_known_is_named(
    state: DeviceState, verdict: Clear, because: Finding | None
) -> None:
    told = clearance(ROOM, [InRoom(TAB, state, NORMAL)], at=NOON)

    assert told.verdict is verdict
    assert [(reason.because, reason.device_id) for reason in told.reasons] == ([(because, TAB)] if because else [])


@pytest.mark.parametrize(
    ("rule", "family"),
    [
        (Rule.SILENCE, Family.SILENCE),
        (Rule.POWERED_OFF, Family.SILENCE),
        (Rule.BREACH_SIGNAL, Family.BREACH),
    ],
)
def test_what_is_over_and_only_held_open_says_nothing_against_a_room(rule: Rule, family: Family) -> None:
    alert = with_alert(HERE, rule, family).alerts[family]
    held = replace(HERE, alerts={family: replace(alert, calm_since=NOON)})

    assert clearance(ROOM, [InRoom(TAB, held, NORMAL)], at=NOON).verdict is Clear.CLEAR


@pytest.mark.parametrize(("policy", "allowance"), [(STRICT, 15), (NORMAL, 30)])
def test_what_was_heard_longer_ago_than_a_tablet_may_be_silent_is_no_proof(policy: Policy, allowance: int) -> None:
    assert clearance(ROOM, [InRoom(TAB, HERE, policy)], at=after(allowance)).verdict is Clear.CLEAR
    assert clearance(ROOM, [InRoom(TAB, HERE, policy)], at=after(allowance + 1)).verdict is Clear.UNKNOWN


def test_a_window_does_not_hide_from_the_desk_what_it_hides_from_everybody_else() -> None:
    hushed = with_alert(HERE, Rule.BREACH_SIGNAL, Family.BREACH, severity=Severity.INFO).alerts[Family.BREACH]
    leaving = replace(hushed, causes=(Cause(Rule.BREACH_SIGNAL, Severity.HIGH, ()),))
    told = clearance(ROOM, [InRoom(TAB, replace(HERE, alerts={Family.BREACH: leaving}), NORMAL)], at=NOON)

    assert (told.verdict, told.reasons[0].because) == (Clear.NOT_CLEAR, Finding.LEAVING)


def test_a_room_without_a_tablet_is_unknown() -> None:
    told = clearance(ROOM, [], at=NOON)

    assert (told.verdict, told.reasons[0].because) == (Clear.UNKNOWN, Finding.NO_TABLET)
    assert (told.seen_ago_s, told.battery, told.charging) == (None, None, None)


def test_of_several_tablets_every_one_must_be_there() -> None:
    silent = with_alert(HERE, Rule.SILENCE, Family.SILENCE)
    gone = replace(silent, link=LinkState.SILENT, last_heard=after(-500), battery=3, charging=None)
    told = clearance(ROOM, [InRoom(TAB, HERE, NORMAL), InRoom(OTHER, gone, NORMAL)], at=NOON)

    assert (told.verdict, [one.device_id for one in told.reasons]) == (Clear.NOT_CLEAR, [OTHER])
    assert (told.seen_ago_s, told.battery, told.charging) == (500, 3, False)


def test_a_room_is_followed_for_an_hour_after_the_check_out_unless_somebody_checks_in() -> None:
    left = RoomStatus(occupied=False, checked_out_at=NOON)

    assert [is_followed(left, at=after(seconds)) for seconds in (0, 3599, 3600)] == [True, True, False]
    assert not is_followed(NOTHING_SAID, at=NOON)


LOST, WEAK = replace(HERE, link=LinkState.SILENT), replace(HERE, posture=Posture.WEAK)
GONE = with_alert(LOST, Rule.SILENCE, Family.SILENCE)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (HERE, {Clear.NOT_CLEAR, Clear.UNKNOWN, None}),
        (GONE, {Clear.CLEAR, Clear.UNKNOWN, None}),
        (WEAK, {Clear.CLEAR, Clear.NOT_CLEAR, None}),
        (LOST, {Clear.NOT_CLEAR}),  # that it is quiet for a moment takes no `clear` back
        (replace(HERE, link=LinkState.SLEEPING, last_heard=after(-60)), {Clear.NOT_CLEAR}),
    ],
)
def test_the_desk_is_told_again_when_it_is_another_word(state: DeviceState, told: set[Clear | None]) -> None:
    now = clearance(ROOM, [InRoom(TAB, state, NORMAL)], at=NOON)

    assert {before for before in (*Clear, None) if is_otherwise(now, told=before)} == told


def test_a_room_is_as_bad_as_the_worst_of_its_tablets() -> None:
    dying = replace(HERE, link=LinkState.SLEEPING, posture=Posture.UNKNOWN, power=Power.CRITICAL)
    status = RoomStatus(occupied=True, stay_ref="sealed", changed_at=NOON)
    state = room_state(ROOM, "2", [(TAB, HERE), (OTHER, dying)], status=status)

    assert state.devices == (TAB, OTHER)
    assert (state.link, state.posture, state.power) == (LinkState.SLEEPING, Posture.UNKNOWN, Power.CRITICAL)
    assert state.status.occupied is True
    assert "sealed" not in repr(state)


@pytest.mark.parametrize("axis", [LinkState, Posture, Power])
def test_every_value_of_an_axis_has_its_place(axis: type[LinkState] | type[Posture] | type[Power]) -> None:
    for value in axis:
        state = replace(HERE, **{{LinkState: "link", Posture: "posture", Power: "power"}[axis]: value})
        room_state(ROOM, None, [(TAB, state)], status=NOTHING_SAID)
