"""Our own outage: every clock is moved by exactly the gap, and nobody is accused for it."""

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rules.alarm import Occasion
from rules.alerts import Because, Family, OpenAlert, Severity
from rules.deadlines import deadline
from rules.dismissal import dismiss
from rules.gap import Gap, shifted
from rules.memory import ClockMemory
from rules.messages import Link, ReportKind
from rules.policy import Assignment
from rules.response import Resolved
from rules.state import DeviceState
from tests.rules.given import NOON, STRICT, Tablet, after, assigned, because
from tests.rules.stories import Story, assignments, stories, tell


def seen(state: DeviceState) -> dict[Family, OpenAlert]:
    """Its alerts, but for what the rules reckon with."""
    return {
        family: replace(alert, turns=(), calm_since=None, dismissed_at=None) for family, alert in state.alerts.items()
    }


LONG_AGO = NOON - timedelta(days=1)
FACTS = {
    *("since", "last_heard", "opened_at", "fired_at", "last_at", "looked_at", "issued_at", "expires_at"),
    *("noted_at", "found_at"),  # a battery goes on emptying while we are away
    *("dying_until", "night_over"),  # a morning of the hotel
}
"""What people read, and what is no clock of a rule."""


def shift(tablet: Tablet, since: float, until: float) -> None:
    tablet.state = shifted(tablet.state, Gap(after(since), after(until)))
    tablet.watching_since = after(until)


def test_a_silence_needs_as_long_again_as_it_lacked() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    assert tablet.due() == 18
    tablet.state = shifted(tablet.state, Gap(after(5), after(605)))
    assert tablet.due() == 618
    assert tablet.state.last_heard == NOON


def test_the_tablet_that_is_not_back_in_time_is_found_and_told_how_long_we_were_away() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    shift(tablet, 5, 605)
    (alert,) = tablet.until(5000)
    assert (alert.at, alert.alert.severity) == (after(665), Severity.HIGH)
    assert because(alert) == [Because.NOTHING_HEARD, Because.NOT_LISTENING]
    nothing, deaf = alert.why
    assert (nothing.observed, nothing.since, deaf.observed) == (65, NOON, 600)


def test_a_silence_that_was_open_grows_no_worse_by_our_absence() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.until(45)
    assert tablet.alert(Family.SILENCE).severity is Severity.LOW
    shift(tablet, 50, 3650)
    tablet.until(3700)
    assert tablet.alert(Family.SILENCE).severity is Severity.LOW
    tablet.until(3711)
    assert tablet.alert(Family.SILENCE).severity is Severity.HIGH


def test_what_was_heard_before_the_gap_counts_no_more_once_it_is_heard_again() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    shift(tablet, 5, 605)
    tablet.beat(610)
    assert (tablet.state.deaf_s, tablet.due()) == (0, 628)


def test_what_waited_in_a_queue_during_the_gap_counts_as_heard_at_its_end() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    tablet.beat(15)  # stored when the database was back, at 600
    tablet.state = shifted(tablet.state, Gap(after(10), after(600)))
    assert tablet.due() == 618


def test_what_came_after_the_gap_and_before_anybody_knew_of_it_stays() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    tablet.watching_since = after(600)
    tablet.beat(601)
    tablet.say(602, Link.BYE, reason="reboot")
    before = tablet.state
    tablet.state = shifted(tablet.state, Gap(after(10), after(600)))
    assert tablet.state == before


def test_a_clock_that_was_set_back_moves_them_back() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(3600)
    tablet.state = shifted(tablet.state, Gap(after(3605), after(5), clock_set=True))
    assert tablet.due() == 18
    assert tablet.state.last_heard == after(5)
    assert tablet.state.clock is None


@pytest.mark.parametrize("is_known", [True, False], ids=["that it fired is known", "of a version that did not note it"])
def test_what_a_person_resolves_after_a_clock_was_set_back_is_resolved(is_known: bool) -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(3600)
    tablet.until(3620)
    alert = tablet.alert(Family.SILENCE)
    if not is_known:
        tablet.state = replace(tablet.state, alerts={Family.SILENCE: replace(alert, fired_at=None)})
    tablet.state = shifted(tablet.state, Gap(after(3625), after(25), clock_set=True))
    deed = Resolved(alert_id=alert.id, family=alert.family, severity=Severity.CRITICAL, by="ana", at=after(40))

    verdict = dismiss(tablet.state, deed, occasion=Occasion(tablet.assignment, deed.name, after(40)))

    assert verdict.state.alerts[Family.SILENCE].dismissed_at == after(40)


def test_a_tablet_that_is_not_heard_again_after_its_report_is_critical_after_a_gap_too() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    tablet.report(1, ReportKind.BREACH)
    shift(tablet, 5, 605)
    tablet.until(700)
    alert = tablet.alert(Family.BREACH)
    assert alert.severity is Severity.CRITICAL
    assert alert.why[1].observed == 0  # the gap counts for nothing


@given(assignments, stories(), st.floats(min_value=11, max_value=100_000))
def test_a_gap_moves_a_deadline_by_exactly_its_length(assignment: Assignment, story: Story, length: float) -> None:
    tablet = Tablet(assignment)
    end = after(tell(tablet, story))
    gap = Gap(end, end + timedelta(seconds=length))
    due, then = (
        deadline(state, assignment=assignment, watching_since=LONG_AGO)
        for state in (tablet.state, shifted(tablet.state, gap))
    )
    if tablet.state.token.expires_at is None:
        assert (due is None) is (then is None)
        assert due is None or then is None or abs((then - due - gap.length).total_seconds()) < 0.001


@given(assignments, stories(), st.floats(min_value=11, max_value=100_000))
def test_a_gap_tells_nobody_anything(assignment: Assignment, story: Story, length: float) -> None:
    tablet = Tablet(assignment)
    end = after(tell(tablet, story))
    state = shifted(tablet.state, Gap(end, end + timedelta(seconds=length)))
    assert (state.link, state.posture, state.power, state.since) == (
        tablet.state.link,
        tablet.state.posture,
        tablet.state.power,
        tablet.state.since,
    )
    assert seen(state) == seen(tablet.state)
    assert state.last_heard == tablet.state.last_heard


def test_every_time_that_a_rule_remembers_is_moved() -> None:
    state = msgspec.convert(_full(DeviceState), DeviceState)
    state = msgspec.structs.replace(state, clock=ClockMemory(lag=0.0))
    moved = shifted(state, Gap(NOON, after(600)))
    times, then = dict(_times(state)), dict(_times(moved))
    assert times
    assert {name for name, at in times.items() if then[name] - at != timedelta(seconds=600)} == {
        name for name in times if name.rpartition(".")[2] in FACTS
    }


PLAIN: dict[type, object] = {
    msgspec.inspect.DateTimeType: NOON,
    msgspec.inspect.TimeDeltaType: "PT0S",
    msgspec.inspect.StrType: "x",
    msgspec.inspect.BoolType: False,
}


def _full(type_: object) -> object:
    """Something of this type in which nothing is left out, with NOON for every time."""
    match msgspec.inspect.type_info(type_) if not isinstance(type_, msgspec.inspect.Type) else type_:
        case msgspec.inspect.StructType(fields=fields):
            return {field.encode_name: _full(field.type) for field in fields}
        case msgspec.inspect.UnionType(types=types):
            return _full(next(one for one in types if not isinstance(one, msgspec.inspect.NoneType)))
        case msgspec.inspect.EnumType(cls=cls):
            return next(iter(cls)).value
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return {_full(key): _full(value)}
        case msgspec.inspect.VarTupleType(item_type=item):
            return [_full(item)]
        case msgspec.inspect.TupleType(item_types=items):
            return [_full(item) for item in items]
        case plain:
            return PLAIN.get(type(plain), 0)


def _times(of: object, path: str = "") -> list[tuple[str, datetime]]:
    """Every time in a record and what stands in it, by the way to it."""
    if isinstance(of, datetime):
        return [(path, of)]
    if isinstance(of, msgspec.Struct):
        return [found for name in of.__struct_fields__ for found in _times(getattr(of, name), f"{path}.{name}")]
    if isinstance(of, dict):
        return [found for key, value in of.items() for found in _times(value, f"{path}[{key}]")]
    if isinstance(of, tuple):
        return [found for place, value in enumerate(of) for found in _times(value, f"{path}[{place}]")]
    return []
