"""What is learnt late explains, and does nothing else."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rules.alerts import AlertChange, Because, ChangeKind, Family, Reason, Rule, Severity
from rules.evaluate import evaluate
from rules.ids import MessageId
from rules.messages import DeviceMessage, Link, Report, ReportKind, State
from rules.policy import Assignment
from rules.state import DeviceState
from tests.rules.given import STRICT, Tablet, after, assigned, kinds
from tests.rules.stories import Story, assignments, messages, stamped, stories, tell


def wifi_off(said: float) -> Report:
    return Report(id=MessageId(f"w{said}"), ts=after(said), kind=ReportKind.BREACH, cause="wifi-off")


def power_off(said: float) -> State:
    return State(id=MessageId(f"p{said}"), ts=after(said), state=Link.BYE, reason="power-off")


def learn(tablet: Tablet, seconds: float, *late: DeviceMessage) -> tuple[AlertChange, ...]:
    """A backlog that comes then."""
    tablet.until(seconds)
    made: list[AlertChange] = []
    for message in late:
        verdict = evaluate(tablet.state, message, assignment=tablet.assignment, now=after(seconds), is_history=True)
        assert verdict.late
        tablet.state = verdict.state
        made += verdict.changes
    tablet.changes += made
    return tuple(made)


def strict() -> Tablet:
    """Heard until noon and silent from the 18th second on."""
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    tablet.until(30)
    return tablet


def test_a_backlog_names_the_silence_that_it_explains_and_tells_nobody() -> None:
    tablet = strict()
    before = tablet.state
    (change,) = learn(tablet, 300, wifi_off(3))
    assert (change.kind, change.alert.rule) == (ChangeKind.RELABELLED, Rule.WIFI_OFF)
    assert (change.alert.severity, change.alert.id) == (Severity.HIGH, before.alerts[Family.SILENCE].id)
    assert change.why == change.alert.why
    assert change.why[0] == Reason(Because.WIFI_OFF, cause="wifi-off", since=after(3))
    assert [why.because for why in change.alert.why] == [Because.WIFI_OFF, Because.NOTHING_HEARD]
    assert replace(tablet.state, alerts={}, silence=before.silence) == replace(before, alerts={})


def test_the_name_stays_while_the_silence_lasts_and_when_it_is_over() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.until(45)
    learn(tablet, 46, wifi_off(3))
    assert tablet.alert(Family.SILENCE).severity is Severity.LOW
    (worse,) = tablet.until(100)
    assert (worse.kind, worse.alert.rule, worse.alert.severity) == (ChangeKind.WORSENED, Rule.WIFI_OFF, Severity.HIGH)
    tablet.beat(120)
    (over,) = tablet.beat(130)
    assert (over.kind, over.alert.rule) == (ChangeKind.CLEARED, Rule.WIFI_OFF)


def test_a_silence_that_was_over_lately_is_named_too() -> None:
    tablet = strict()
    tablet.beat(60)
    tablet.beat(64)
    assert Family.SILENCE not in tablet.state.alerts
    (change,) = learn(tablet, 70, wifi_off(3))
    assert (change.kind, change.alert.rule) == (ChangeKind.RELABELLED, Rule.WIFI_OFF)
    assert Family.SILENCE not in tablet.state.alerts


def test_what_was_said_at_another_time_explains_nothing() -> None:
    tablet = strict()
    tablet.beat(60)
    tablet.beat(64)
    assert learn(tablet, 70, wifi_off(-100), wifi_off(66)) == ()
    tablet.until(100)
    assert learn(tablet, 101, wifi_off(-1)) == ()  # the silence before this one
    assert tablet.alert(Family.SILENCE).rule is Rule.SILENCE


def test_of_several_explanations_the_first_that_was_said_holds() -> None:
    tablet = strict()
    changes = learn(tablet, 70, power_off(10), wifi_off(5), wifi_off(8), power_off(5.5))
    assert [change.alert.rule for change in changes] == [Rule.POWERED_OFF, Rule.WIFI_OFF]
    assert [why.because for why in changes[-1].alert.why] == [Because.WIFI_OFF, Because.NOTHING_HEARD]


def test_what_it_said_live_outweighs_what_it_says_late() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    tablet.say(2, Link.BYE, reason="power-off")
    assert learn(tablet, 70, wifi_off(1)) == ()


def test_a_late_report_of_anything_else_changes_nothing() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    tablet.beat(0)
    before = tablet.state
    assert learn(tablet, 5, Report(id=MessageId("r"), ts=after(2), kind=ReportKind.BREACH, cause="foreign-ap")) == ()
    assert tablet.state == before


def test_a_report_that_comes_live_and_has_waited_is_late() -> None:
    tablet = Tablet(assigned(policy=STRICT))
    for second in range(0, 200, 10):
        tablet.beat(second)
    waited = Report(id=MessageId("r"), ts=after(100), kind=ReportKind.BREACH)
    verdict = evaluate(tablet.state, waited, assignment=tablet.assignment, now=after(195))
    assert (verdict.late, verdict.changes, verdict.state) == (True, (), tablet.state)


@given(assignments, stories(), messages, st.floats(min_value=0, max_value=2000))
def test_history_moves_no_axis_opens_nothing_and_makes_nothing_worse(
    assignment: Assignment, story: Story, message: DeviceMessage, ago: float
) -> None:
    tablet = Tablet(assignment)
    end = tell(tablet, story)
    before = tablet.state
    changes = learn(tablet, end, stamped(message, end, waited=ago))
    state = tablet.state
    assert set(kinds(changes)) <= {ChangeKind.RELABELLED}
    assert state.alerts.keys() == before.alerts.keys()
    assert all(state.alerts[family].severity is before.alerts[family].severity for family in state.alerts)
    silence = replace(state.silence, explained=before.silence.explained)
    assert _without_alerts(replace(state, silence=silence)) == _without_alerts(before)


def _without_alerts(state: DeviceState) -> DeviceState:
    return replace(state, alerts={}, ended={}, clock=None)


late = st.lists(st.tuples(st.sampled_from([wifi_off, power_off]), st.integers(-200, 400)), min_size=2, max_size=5)


@given(stories(longest=4), late, st.randoms(use_true_random=False), st.booleans())
def test_a_history_whose_late_part_is_shuffled_gives_the_same_alerts(
    story: Story, said: list[tuple[object, int]], chance: object, back: bool
) -> None:
    backlog = [make(at) for make, at in said]  # type: ignore[operator]
    shuffled = list(backlog)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    made = []
    for part in (backlog, shuffled):
        tablet = Tablet(assigned(policy=STRICT))
        tablet.beat(0)
        tablet.until(100)
        if back:
            tablet.beat(110)
            tablet.beat(114)
        learn(tablet, 120, *part)
        tell(tablet, story, start=120)
        made.append((tablet.state.alerts, tablet.state.ended, {c.alert.id: c.alert for c in tablet.changes}))
    assert made[0] == made[1]
