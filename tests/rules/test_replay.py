"""What is judged again from the stored rows is what was judged live."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rules.alarm import Occasion
from rules.alerts import AlertChange, Because, ChangeKind, Family, Reason, Rule, Severity
from rules.deadlines import pass_deadline
from rules.gap import Gap
from rules.ids import DeviceId, HotelId, MessageId, RoomId
from rules.inputs import LEFT, AssignmentRecord, DeadlineRecord, InputKind, LeftRecord, PartnerRecord, StoredInput
from rules.policy import Assignment, Policy, Profile
from rules.replay import Replay, Step, steps
from rules.room_fit import Partner, paired
from tests.rules.given import CALIBRATED, NEIGHBOUR, STRICT, after, because, kinds
from tests.rules.history import Recorded
from tests.rules.stories import EMPTYING, LOW, Story, stories, tell
from tests.rules.stories import Step as Said

HOTEL, TAB = HotelId("demo"), DeviceId("tab-1")

policies = st.builds(Policy, profile=st.sampled_from(Profile), rssi_floor=st.sampled_from([None, -70]))


def replayed(rows: Iterable[StoredInput]) -> tuple[Replay, list[AlertChange]]:
    made: list[Step] = []
    replay = Replay(HOTEL, told=made.append)
    for row in rows:
        replay.take(row)
    return replay, [change for step in made for change in step.changes]


@given(policies, stories())
def test_every_story_replayed_gives_the_same_changes_and_the_same_state(policy: Policy, story: Story) -> None:
    tablet = Recorded(policy)
    end = tell(tablet, story)
    tablet.until(end + 1000)

    replay, changes = replayed(tablet.rows)

    assert changes == tablet.changes
    assert replay.state(TAB) == tablet.state
    assert (replay.tally.unreadable, replay.tally.strange) == (0, 0)


@given(policies, stories(longest=12), stories(longest=12))
def test_a_replay_from_a_checkpoint_goes_on_where_the_first_one_was(policy: Policy, one: Story, two: Story) -> None:
    tablet = Recorded(policy)
    end = tell(tablet, one)
    tablet.save(end)
    told, begins = len(tablet.changes), len(tablet.rows) - 2
    tablet.until(end + 50)
    for number, step in enumerate(two):
        tablet.hear(end + 100 + 100 * number, replace(step.message, id=f"t{number}"))

    replay, changes = replayed(tablet.rows[begins:])

    assert changes == tablet.changes[told:]
    assert replay.state(TAB) == tablet.state
    assert replayed(tablet.rows)[0].tally.diverged == 0


@given(policies, st.sampled_from([[], [*EMPTYING, *[Said(10, LOW)] * 4]]), stories())
def test_reckoned_deadlines_are_those_that_passed(policy: Policy, start: Story, story: Story) -> None:
    tablet = Recorded(policy)
    end = tell(tablet, [*start, *story])
    tablet.until(end + 1000)
    made: list[Step] = []
    replay = Replay(HOTEL, told=made.append)

    replay.propose(with_nothing_new)
    for row in tablet.rows:
        replay.take(row)

    assert [change for step in made for change in step.changes] == tablet.changes


def with_nothing_new(assignment: Assignment) -> Assignment:
    """Another zone of the room, which no rule of one tablet looks at."""
    return replace(assignment, place=replace(assignment.place, zone="east"))


def test_a_silence_after_the_first_heartbeat_of_a_start_is_reckoned_as_it_passed() -> None:
    tablet = Recorded(STRICT)
    for second in range(0, 40, 4):
        tablet.beat(second)
    tablet.watching_since = after(38)
    tablet.write(InputKind.WATCHING, "watching:2", after(38), {}, of_hotel=True)
    tablet.beat(40)
    tablet.beat(70)
    made: list[Step] = []
    replay = Replay(HOTEL, told=made.append)

    replay.propose(with_nothing_new)
    for row in tablet.rows:
        replay.take(row)

    (opened,) = (change for step in made for change in step.changes)
    assert (opened.kind, opened.at, [opened]) == (ChangeKind.OPENED, after(58), tablet.changes)


def test_a_device_is_followed_step_by_step() -> None:
    rows: list[StoredInput] = []
    tablet = Recorded(STRICT, rows=rows)
    Recorded(STRICT, device="tab-2", rows=rows).beat(0)
    tablet.beat(1)
    tablet.beat(5, rssi=-90)
    tablet.until(60)

    followed = list(steps(rows, hotel_id=HOTEL, device_id=TAB))

    assert [step.kind for step in followed] == [InputKind.HEARTBEAT, InputKind.HEARTBEAT, InputKind.DEADLINE]
    assert [len(step.changes) for step in followed] == [0, 0, 1]
    assert followed[1].before == followed[0].verdict.state
    assert followed[1].message is not None
    assert followed[1].message.rssi == -90  # type: ignore[union-attr]
    assert followed[1].verdict.state.signal.lows == 1
    assert followed[2].at == followed[2].changes[0].at


def test_a_lower_floor_loses_the_alert_that_a_higher_one_raised() -> None:
    tablet = Recorded(CALIBRATED)
    for second in range(0, 100, 10):
        tablet.beat(second, rssi=-74)
    assert [change.kind for change in tablet.changes] == [ChangeKind.OPENED]
    made: list[Step] = []
    replay = Replay(HOTEL, told=made.append)

    replay.propose(lambda own: replace(own, policy=replace(own.policy, rssi_floor=-80)))
    for row in tablet.rows:
        replay.take(row)

    assert made == []


def test_a_stricter_profile_is_silent_sooner_and_the_deadlines_that_passed_live_do_not_count() -> None:
    tablet = Recorded(CALIBRATED)
    tablet.beat(0)
    tablet.beat(30)
    tablet.until(75)
    assert kinds(tuple(tablet.changes)) == [ChangeKind.OPENED]
    assert tablet.changes[0].alert.severity is Severity.LOW
    made: list[Step] = []
    replay = Replay(HOTEL, told=made.append)

    replay.propose(lambda own: replace(own, policy=replace(own.policy, profile=Profile.STRICT)))
    for row in tablet.rows:
        replay.take(row)

    opened = [change for step in made for change in step.changes if change.kind is ChangeKind.OPENED]
    assert [(change.at - tablet.rows[0].at).total_seconds() for change in opened] == [18]
    assert {change.alert.severity for change in opened} == {Severity.HIGH}
    assert {change.alert.family for change in opened} == {Family.SILENCE}


def test_who_would_not_have_been_silent_was_not_left_behind_either() -> None:
    """Strict it was silent when the others of an outage were back; of the normal profile it is heard in time."""
    tablet = Recorded(STRICT)
    tablet.beat(0)
    tablet.until(22)
    reason = Reason(Because.DID_NOT_RETURN, observed=180, limit=180)
    tablet.write(InputKind.ASSIGNMENT, f"{LEFT}22", after(22), LeftRecord(reason), ts=after(22))
    for second in range(30, 90, 10):
        tablet.beat(second)
    made: list[Step] = []
    replay = Replay(HOTEL, told=made.append)

    replay.propose(lambda own: replace(own, policy=replace(own.policy, profile=Profile.NORMAL)))
    for row in tablet.rows:
        replay.take(row)
    tablet.beat(200)  # time passes, and the replay knows it from the next row alone
    replay.take(tablet.rows[-1])

    (opened,) = [change for step in made for change in step.changes if change.kind is ChangeKind.OPENED]
    assert (opened.alert.severity, because(opened)) == (Severity.LOW, [Because.NOTHING_HEARD])


def test_no_deadline_is_reckoned_while_we_were_not_listening() -> None:
    tablet = Recorded(CALIBRATED)
    tablet.beat(0)
    gap = Gap(after(5), after(900))
    tablet.write(InputKind.WATCHING, "watching:2", after(900), gap, of_hotel=True)
    beat = replace(tablet.rows[-2], name=MessageId("m9"), at=after(905))
    made: list[Step] = []
    replay = Replay(HOTEL, told=made.append)

    replay.propose(lambda own: replace(own, policy=replace(own.policy, profile=Profile.STRICT)))
    for row in [*tablet.rows, beat]:
        replay.take(row)

    assert made == []


def test_what_is_late_or_cannot_be_read_or_comes_of_nobody_changes_nothing() -> None:
    tablet = Recorded(STRICT)
    tablet.beat(0)
    row = tablet.rows[-1]
    late, broken = replace(row, late=True), replace(row, body=b"{}")
    stranger = replace(row, device=9, device_id=DeviceId("tab-9"))

    replay, changes = replayed([*tablet.rows, late, broken, stranger])

    assert changes == []
    assert replay.state(TAB) == tablet.state
    assert (replay.tally.unreadable, replay.tally.strange) == (1, 1)


def test_a_tablet_that_is_retired_ends_what_was_open_and_one_that_gets_another_id_goes_on() -> None:
    tablet = Recorded(STRICT)
    tablet.beat(0)
    tablet.until(60)
    renamed = AssignmentRecord(2, RoomId("204"), STRICT, DeviceId("tab-2"))
    tablet.write(InputKind.ASSIGNMENT, "assignment:2", after(61), renamed)
    tablet.write(InputKind.ASSIGNMENT, "removed:1", after(62), {})

    replay, changes = replayed(tablet.rows)

    assert [(change.kind, change.alert.family) for change in changes] == [
        (ChangeKind.OPENED, Family.SILENCE),
        (ChangeKind.CLEARED, Family.SILENCE),
    ]
    assert because(changes[-1]) == [Because.DEVICE_REMOVED]
    assert changes[-1].at == after(62)
    assert replay.state(DeviceId("tab-2")) is None


def test_what_the_broker_knew_at_a_deadline_and_who_was_swapped_are_read_from_their_rows() -> None:
    live = Recorded()
    live.beat(0)
    due, alive_at = after(40), after(32)
    verdict = pass_deadline(
        live.state, assignment=live.assignment, watching_since=live.watching_since, at=due, alive_at=alive_at
    )
    live.write(InputKind.DEADLINE, "deadline:1", due, DeadlineRecord(alive_at), ts=due)
    live.state = verdict.state
    for second in range(50, 2000, 30):
        live.beat(second, bssid=NEIGHBOUR)
    partner = Partner(DeviceId("tab-2"), leads=True)
    paired_at = Occasion(live.assignment, "partner:1", after(2001))
    live.write(InputKind.ASSIGNMENT, "partner:1", after(2001), PartnerRecord(partner.device_id, leads=True))
    live.state = paired(live.state, partner, occasion=paired_at).state

    replay, changes = replayed(live.rows)
    assert changes[0].alert.rule is Rule.AGENT_STUCK
    assert changes[-1].alert.rule is Rule.ROOM_SWAPPED
    assert replay.state(TAB) == live.state
