"""The short way of a heartbeat comes to what the long way does, and is taken by the tablets that it is meant for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rules.alerts import Because, Family, Rule, Severity
from rules.as_usual import is_as_usual
from rules.evaluate import evaluate
from rules.messages import Heartbeat
from rules.policy import Assignment, Place, Policy
from rules.room_status import RoomStatus, RoomWord
from tests.rules.given import ELSEWHERE, UNKNOWN_PLACE, Tablet, after, assigned
from tests.rules.stories import (
    CRITICAL,
    DRAINING,
    EMPTYING,
    LOW,
    USUAL,
    USUALS,
    Step,
    stamped,
    steps_aside,
    tell,
    usual_beats,
)

NOTHING_KNOWN = assigned(place=UNKNOWN_PLACE, policy=Policy())
ONE_KNOWN = assigned(place=Place(hotel_access_points=frozenset({ELSEWHERE})), policy=Policy())


@settings(max_examples=500)  # each of the many conditions must once be the only one that does not hold
@given(
    st.sampled_from([assigned(), assigned(), assigned(policy=Policy()), NOTHING_KNOWN, ONE_KNOWN]),
    st.sampled_from([USUAL, USUAL, *USUALS, LOW, LOW, CRITICAL]),
    st.sampled_from([[], [], DRAINING, EMPTYING]),
    st.integers(0, 3),
    st.sampled_from([0, 0, 0, 0, 30, 90, -5]),
    st.data(),
)
def test_a_heartbeat_as_usual_is_judged_like_any_other(
    assignment: Assignment, usual: Heartbeat, start: list[Step], calm: int, waited: float, data: st.DataObject
) -> None:
    before, between = data.draw(steps_aside(usual)), data.draw(steps_aside(usual))
    tablet = Tablet(assignment)
    end = tell(tablet, [*start, Step(10, usual), *before, *[Step(10, usual)] * calm, *between])
    now, said = after(end), stamped(data.draw(usual_beats(usual)), end, waited=waited)
    # An agent that was not heard before is not as usual, so that one is judged at length.
    renamed = replace(said, agent="another agent")

    short = evaluate(tablet.state, said, assignment=assignment, now=now)
    long = evaluate(tablet.state, renamed, assignment=assignment, now=now)

    assert replace(long.state, agent=short.state.agent) == short.state
    assert [(change.kind, change.alert.rule) for change in long.changes] == [
        (change.kind, change.alert.rule) for change in short.changes
    ]


@pytest.mark.parametrize("usual", USUALS)
@pytest.mark.parametrize("assignment", [assigned(), NOTHING_KNOWN])
def test_what_a_tablet_never_says_may_stay_unsaid(assignment: Assignment, usual: Heartbeat) -> None:
    tablet = Tablet(assignment)
    end = tell(tablet, [Step(10, usual)] * 3)

    verdict = evaluate(tablet.state, stamped(usual, end + 10), assignment=assignment, now=after(end + 10))

    room_is_known = bool(assignment.place.access_points)
    assert verdict.as_usual is (not room_is_known or usual.rssi is not None or usual.wifi_bssid is not None)


def test_what_is_not_said_for_once_is_not_as_usual() -> None:
    tablet = Tablet()
    end = tell(tablet, [Step(10, USUAL)] * 3)

    for lacking in ({"rssi": None}, {"battery": None}):
        said = stamped(replace(USUAL, **lacking), end + 10)
        assert not evaluate(tablet.state, said, assignment=tablet.assignment, now=after(end + 10)).as_usual


@pytest.mark.parametrize("start", [[], EMPTYING])
@pytest.mark.parametrize(("low", "rule"), [(LOW, Rule.BATTERY_LOW), (CRITICAL, Rule.BATTERY_CRITICAL)])
def test_a_battery_that_stays_low_is_counted_and_goes_no_long_way(
    start: list[Step], low: Heartbeat, rule: Rule
) -> None:
    tablet = Tablet()
    end = tell(tablet, [Step(10, USUAL), *start, *[Step(10, low)] * 3])
    alert, said, now = tablet.alert(Family.BATTERY), stamped(low, end + 10), after(end + 10)

    verdict = evaluate(tablet.state, said, assignment=tablet.assignment, now=now)

    assert alert.rule is rule
    assert is_as_usual(tablet.state, said, assignment=tablet.assignment, now=now)
    assert not verdict.as_usual  # else its state would not be written
    assert verdict.state.alerts[Family.BATTERY] == replace(alert, count=alert.count + 1, last_at=now)


def test_a_low_battery_goes_the_long_way_where_its_alert_is_not_as_it_would_be_made_again() -> None:
    tablet = Tablet()
    end = tell(tablet, [Step(10, USUAL), *EMPTYING, *[Step(10, LOW)] * 3])
    alert, said, now = tablet.alert(Family.BATTERY), stamped(LOW, end + 10), after(end + 10)
    assert [cause.rule for cause in alert.causes] == [Rule.BATTERY_LOW, Rule.BATTERY_DRAIN]

    for other in (
        replace(alert, causes=alert.causes[:1]),
        replace(alert, causes=alert.causes[::-1]),
        replace(alert, why=alert.why[:1]),
        replace(alert, severity=Severity.INFO),
        replace(alert, rule=Rule.BATTERY_DRAIN),
        replace(alert, calm_since=now),
        replace(alert, dismissed=Severity.LOW),
        replace(alert, suppressed_by=Because.MAINTENANCE),
    ):
        state = replace(tablet.state, alerts={Family.BATTERY: other})
        assert not is_as_usual(state, said, assignment=tablet.assignment, now=now)
    out_of_order = replace(tablet.assignment, room=RoomStatus(service=RoomWord.OUT_OF_ORDER))
    assert not is_as_usual(tablet.state, said, assignment=out_of_order, now=now)


def test_a_battery_that_drains_all_night_is_as_usual_between_two_looks_at_it() -> None:
    tablet = Tablet()
    end = tell(tablet, [Step(10, USUAL)] * 2 + DRAINING + [Step(10, USUAL)] * 3)
    assert tablet.alert(Family.BATTERY).rule is Rule.BATTERY_DRAIN

    verdict = evaluate(tablet.state, stamped(USUAL, end + 10), assignment=tablet.assignment, now=after(end + 10))

    assert verdict.as_usual
