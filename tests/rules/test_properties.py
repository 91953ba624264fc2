"""What holds for every story that a tablet might tell."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rules.alarm import Occasion
from rules.alerts import AlertChange, ChangeKind, Condition, Family, Severity
from rules.deadlines import DEADLINES, deadline, may_come_nearer, pass_deadline
from rules.dismissal import dismiss
from rules.evaluate import evaluate
from rules.ids import AlertId, MessageId
from rules.messages import Heartbeat, Report, ReportKind
from rules.policy import Assignment, Profile
from rules.response import Resolved
from rules.state import DeviceState
from tests.rules.given import NOON, OWN, STRICT, Tablet, after, assigned
from tests.rules.stories import (
    Step,
    Story,
    assignments,
    heartbeats,
    messages,
    stamped,
    stories,
    tell,
)

SETTLED = 260  # heartbeats; the last hour of a battery that has stopped emptying are 241


def by_family(changes: list[AlertChange], family: Family) -> list[AlertChange]:
    return [change for change in changes if change.alert.family is family]


def without_battery(step: Step, *, docked: bool) -> Step:
    """And without the charger, except where being taken off it makes a breach worse."""
    match step.message:
        case Heartbeat():
            charging = step.message.charging if docked else None
            return Step(step.pause, replace(step.message, battery=None, charging=charging))
        case Report():
            return Step(step.pause, replace(step.message, level=None))
    return step


def packed(state: DeviceState) -> DeviceState:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=DeviceState)


@given(assignments, stories(), heartbeats)
def test_a_constant_signal_never_flaps(assignment: Assignment, story: Story, constant: Heartbeat) -> None:
    tablet = Tablet(assignment)
    end = tell(tablet, story)
    told = len(tablet.changes)

    tell(tablet, [Step(10, constant)] * SETTLED, start=end)
    settled = len(tablet.changes)
    tell(tablet, [Step(10, constant)] * 40, start=end + 10 * SETTLED)

    assert tablet.changes[settled:] == []
    for family in Family:
        kinds = [change.kind for change in by_family(tablet.changes[told:], family)]
        assert not {ChangeKind.OPENED, ChangeKind.REOPENED} & set(kinds[1:])
        assert ChangeKind.CLEARED not in kinds[:-1]


@given(assignments, stories())
def test_the_same_story_gives_the_same_states_and_changes(assignment: Assignment, story: Story) -> None:
    one, two = Tablet(assignment), Tablet(assignment)
    tell(one, story)
    tell(two, story)

    assert one.state == two.state
    assert one.changes == two.changes


@given(assignments, stories(), messages)
def test_a_verdict_leaves_the_state_it_was_given_as_it_was(
    assignment: Assignment, story: Story, message: Heartbeat
) -> None:
    tablet = Tablet(assignment)
    end = tell(tablet, story)
    before = msgspec.msgpack.encode(tablet.state)

    evaluate(tablet.state, stamped(message, end + 1), assignment=assignment, now=after(end + 1))

    assert msgspec.msgpack.encode(tablet.state) == before


@given(assignments, stories())
def test_a_state_read_back_from_the_store_gives_the_same_verdicts(assignment: Assignment, story: Story) -> None:
    kept, stored = Tablet(assignment), Tablet(assignment)
    seconds = 0.0
    for step in story:
        tell(kept, [step], start=seconds)
        stored.state = packed(stored.state)
        tell(stored, [step], start=seconds)
        seconds += step.pause
        assert stored.state == kept.state

    assert stored.changes == kept.changes


@given(assignments, stories())
def test_a_family_has_one_open_alert_that_opens_before_it_moves_or_clears(assignment: Assignment, story: Story) -> None:
    tablet = Tablet(assignment)
    tell(tablet, story)

    for family in Family:
        is_open = last = None
        for change in by_family(tablet.changes, family):
            if change.kind is ChangeKind.OPENED:
                assert is_open is None
                assert last is None or last.id != change.alert.id
            elif change.kind is ChangeKind.REOPENED:
                assert is_open is None or is_open.condition is Condition.CLEARED  # it waited for a person
                assert last is not None
                assert last.id == change.alert.id
            elif change.kind is ChangeKind.RELABELLED and is_open is None:  # what came late names what was over
                assert last is not None
                assert (last.id, last.severity) == (change.alert.id, change.alert.severity)
                continue
            else:
                assert is_open is not None
                assert is_open.id == change.alert.id
                rose = change.alert.severity.rank > is_open.severity.rank
                assert rose is (change.kind is ChangeKind.WORSENED)
            is_open = None if change.kind is ChangeKind.CLEARED else change.alert
            last = change.alert
        now_open = tablet.state.alerts.get(family)
        assert (now_open and now_open.id) == (is_open and is_open.id)


@given(assignments, stories())
def test_every_change_is_dated_in_order_and_says_why(assignment: Assignment, story: Story) -> None:
    tablet = Tablet(assignment)
    tell(tablet, story)

    dates = [change.at for change in tablet.changes]
    assert dates == sorted(dates)
    assert all(change.why and change.alert.why for change in tablet.changes)
    assert all(change.alert.last_at == change.at for change in tablet.changes if change.kind is ChangeKind.OPENED)


@given(assignments, stories(), st.floats(min_value=0, max_value=0.999), st.booleans())
def test_there_is_no_silence_before_its_deadline(
    assignment: Assignment, story: Story, share: float, restarted: bool
) -> None:
    tablet = Tablet(assignment)
    end = tell(tablet, story)
    since = after(end) if restarted else NOON
    due = deadline(tablet.state, assignment=assignment, watching_since=since)
    if due is None or due <= after(end):  # what was held while nothing was heard is over at once
        return
    early = after(end) + share * (due - after(end))

    verdict = pass_deadline(tablet.state, assignment=assignment, watching_since=since, at=early)

    assert verdict.state is tablet.state
    assert verdict.changes == ()


@given(assignments, stories())
def test_a_silence_is_never_shorter_than_its_limit(assignment: Assignment, story: Story) -> None:
    tablet = Tablet(assignment)
    tell(tablet, story)
    tablet.until(100_000)

    for change in by_family(tablet.changes, Family.SILENCE):
        for reason in change.why:
            if isinstance(reason.observed, float) and isinstance(reason.limit, float):
                assert reason.observed >= reason.limit


@given(assignments, stories())
def test_each_deadline_that_passes_leads_to_a_later_one_or_to_none(assignment: Assignment, story: Story) -> None:
    tablet = Tablet(assignment)
    end = tell(tablet, story)
    dues = [end]
    while (due := tablet.due()) is not None:
        assert due > dues[-1] or len(dues) == 1
        dues.append(due)
        tablet.until(due)

    assert len(dues) <= 9  # the steps of a silence, a stuck agent, an evening, a morning, what was flapping


@given(st.sampled_from(Profile), stories(heartbeats))
def test_a_tablet_that_keeps_talking_is_never_silent(profile: Profile, story: Story) -> None:
    tablet = Tablet(assigned())
    tablet.assignment = replace(tablet.assignment, policy=replace(tablet.assignment.policy, profile=profile))
    # By one clock, however wrong: of a session before, by another clock, a heartbeat may be history.
    tell(tablet, [Step(min(step.pause, 17), replace(step.message, ts=NOON)) for step in story])

    assert by_family(tablet.changes, Family.SILENCE) == []


@given(assignments, stories())
def test_the_battery_never_touches_a_breach(assignment: Assignment, story: Story) -> None:
    with_battery, without = Tablet(assignment), Tablet(assignment)
    tell(with_battery, story)
    tell(without, [without_battery(step, docked=assignment.policy.docked) for step in story])

    assert by_family(with_battery.changes, Family.BREACH) == by_family(without.changes, Family.BREACH)
    assert with_battery.state.alerts.get(Family.BREACH) == without.state.alerts.get(Family.BREACH)
    assert with_battery.state.posture is without.state.posture


@given(assignments, stories())
def test_a_heartbeat_in_which_all_is_unknown_changes_neither_posture_nor_power(
    assignment: Assignment, story: Story
) -> None:
    tablet = Tablet(assignment)
    end = tell(tablet, story)
    before = tablet.state
    tablet.until(end + 1)

    tablet.bare_beat(end + 1)

    assert (tablet.state.posture, tablet.state.power) == (before.posture, before.power)
    assert tablet.state.signal == before.signal
    assert tablet.state.access_point == before.access_point
    assert tablet.state.reported == before.reported


@given(assignments, stories(), messages, st.booleans())
def test_a_deadline_comes_nearer_only_where_that_is_said(
    assignment: Assignment, story: Story, message: Heartbeat, restarted: bool
) -> None:
    tablet = Tablet(assignment)
    end = tell(tablet, story)
    since = after(end + 0.5) if restarted else NOON
    before = tablet.state
    verdict = evaluate(before, stamped(message, end + 1), assignment=assignment, now=after(end + 1))

    if not may_come_nearer(before, verdict, watching_since=since):
        for due_of in (deadline, *(family for family, _ in DEADLINES)):
            due, then = (due_of(one, assignment=assignment, watching_since=since) for one in (before, verdict.state))
            assert then is None or (due is not None and then >= due)
            assert due_of is not deadline or (then is None) is (due is None)


def test_what_is_heard_of_a_tablet_whose_heartbeats_are_missing_brings_a_deadline_though_it_is_only_counted() -> None:
    tablet = Tablet()
    tablet.beat(0)
    tablet.report(1, ReportKind.TAMPER, cause="root")
    before = tablet.state
    assert tablet.due() == 41  # of its silence

    said = Report(id=MessageId("again"), ts=after(25), kind=ReportKind.TAMPER, cause="root")
    verdict = evaluate(before, said, assignment=tablet.assignment, now=after(25))

    assert (verdict.changes, deadline(verdict.state, assignment=tablet.assignment, watching_since=NOON)) == (
        (),
        after(40),  # its agent is stuck
    )
    assert may_come_nearer(before, verdict, watching_since=NOON)


def test_the_first_heartbeat_since_we_watch_ends_the_grace_of_the_start_and_those_after_it_only_put_off() -> None:
    tablet = Tablet(assigned(policy=STRICT), watching_since=after(10))
    tablet.beat(4)
    tablet.beat(8)
    before = tablet.state
    assert tablet.due() == 70

    first = Heartbeat(id=MessageId("first"), ts=after(12), rssi=-50, wifi_bssid=OWN, battery=80, charging=False)
    verdict = evaluate(before, first, assignment=tablet.assignment, now=after(12))
    tablet.state = verdict.state
    assert (verdict.as_usual, tablet.due()) == (True, 30)
    assert may_come_nearer(before, verdict, watching_since=after(10))

    again = evaluate(tablet.state, replace(first, ts=after(16)), assignment=tablet.assignment, now=after(16))
    assert not may_come_nearer(tablet.state, again, watching_since=after(10))


by_hand = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 3), st.sampled_from(Severity)), min_size=5)
"""After which message, which of the open alerts, and how severe whoever ends it saw it."""


@given(assignments, stories(), by_hand)
def test_what_people_end_by_hand_is_over_for_the_rules_and_for_staff_alike(
    assignment: Assignment, story: Story, deeds: list[tuple[int, int, Severity]]
) -> None:
    tablet = Tablet(assignment)
    shown: set[AlertId] = set()  # what is open in the store
    seconds, read = 0.0, 0
    for number, step in enumerate(story):
        seconds += step.pause
        tablet.hear(seconds, replace(step.message, id=MessageId(f"s{number}")))
        for _, which, severity in (deed for deed in deeds if deed[0] == number):
            read = follow(shown, tablet, read)
            still = [alert for alert in tablet.state.alerts.values() if alert.id in shown]
            if not still:
                continue
            alert = still[which % len(still)]
            shown.remove(alert.id)
            deed = Resolved(alert_id=alert.id, family=alert.family, severity=severity, by="ana", at=after(seconds))
            verdict = dismiss(
                tablet.state, deed, occasion=Occasion(assignment, f"deed{len(tablet.changes)}", after(seconds))
            )
            tablet.state = verdict.state
            tablet.changes += verdict.changes
        read = follow(shown, tablet, read)
        alerts = tablet.state.alerts.values()
        assert {alert.id for alert in alerts if alert.dismissed is None} == shown
        assert all(alert.severity.rank <= alert.dismissed.rank for alert in alerts if alert.dismissed is not None)


def follow(shown: set[AlertId], tablet: Tablet, read: int) -> int:
    """What the store makes of the changes from `read` on: a change of one that is over changes nothing."""
    for change in tablet.changes[read:]:
        if change.kind in {ChangeKind.OPENED, ChangeKind.REOPENED}:
            shown.add(change.alert.id)
        elif change.kind is ChangeKind.CLEARED:
            shown.discard(change.alert.id)
    return len(tablet.changes)
