"""Maintenance windows: silence waits for their end, the rest is hushed, and what still fires then is told."""

from datetime import timedelta

from msgspec.structs import replace

from rules.alarm import Occasion
from rules.alerts import AlertChange, Because, ChangeKind, Family, Severity
from rules.deadlines import pass_deadline
from rules.dismissal import dismiss
from rules.ids import RoomId, WindowId
from rules.maintenance import of_place, over
from rules.messages import Link, ReportKind
from rules.policy import Place, Policy, Profile, Window
from rules.response import Resolved
from rules.silence import deadline
from tests.rules.given import ELSEWHERE, FOREIGN, NOON, OWN, Tablet, after, assigned, because


def window(
    starts: float, ends: float, *, name: str = "w1", room: str | None = None, floor: str | None = None
) -> Window:
    room_id = None if room is None else RoomId(room)
    return Window(id=WindowId(name), starts_at=after(starts), ends_at=after(ends), room_id=room_id, floor=floor)


def tablet(*windows: Window, policy: Policy | None = None) -> Tablet:
    assignment = assigned() if policy is None else assigned(policy=policy)
    return Tablet(replace(assignment, windows=windows))


def told(changes: list[AlertChange]) -> list[tuple[float, ChangeKind, Severity, bool]]:
    """When (seconds after noon), what, how severe, and whether anybody is told."""
    return [
        ((one.at - NOON).total_seconds(), one.kind, one.alert.severity, one.alert.suppressed_by is None)
        for one in changes
    ]


def walk_out(one: Tablet, start: int, *, bssid: str = ELSEWHERE, beats: int = 4) -> None:
    for second in range(start, start + 10 * beats, 10):
        one.beat(second, bssid=bssid)


def test_silence_in_a_window_is_judged_when_there_was_time_to_come_back_after_it() -> None:
    one = tablet(window(100, 4000))
    one.beat(90)

    one.until(4039)
    assert one.changes == []
    one.until(4040)

    assert told(one.changes) == [(4040, ChangeKind.OPENED, Severity.LOW, True)]


def test_who_is_back_at_its_end_was_never_silent() -> None:
    one = tablet(window(100, 4000))
    one.beat(90)

    one.beat(4030)

    assert one.changes == []


def test_a_will_in_a_window_opens_nothing_before_its_end() -> None:
    one = tablet(window(100, 4000))
    one.beat(90, sid="a-1")
    one.say(200, Link.LOST, sid="a-1")

    one.until(4039)
    assert one.changes == []
    one.until(4040)
    assert because(one.changes[0]) == [Because.CONNECTION_LOST]


def test_silence_that_was_open_is_hushed_in_a_window_and_becomes_no_more_severe() -> None:
    one = tablet(window(100, 4000))
    one.beat(0)

    one.until(5000)  # silent at 40 s, high at 70 s, critical at 640 s, were there no window

    assert told(one.changes) == [
        (40, ChangeKind.OPENED, Severity.LOW, True),
        (70, ChangeKind.WORSENED, Severity.HIGH, True),
        (100, ChangeKind.SUPPRESSED, Severity.INFO, False),
        (4000, ChangeKind.RELEASED, Severity.HIGH, True),
        (4040, ChangeKind.WORSENED, Severity.CRITICAL, True),
    ]


def test_windows_that_follow_each_other_are_one_for_a_silent_tablet() -> None:
    one = tablet(window(100, 400), window(420, 800, name="w2"), window(5000, 6000, name="w3"))
    one.beat(90)

    one.until(839)
    assert one.changes == []
    one.until(840)
    assert len(one.changes) == 1


def test_what_happens_in_a_window_is_info_and_nobody_is_told_until_its_end() -> None:
    one = tablet(window(0, 100))
    walk_out(one, 0, beats=20)

    (opened, ended) = one.changes
    assert told(one.changes) == [
        (20, ChangeKind.OPENED, Severity.INFO, False),
        (100, ChangeKind.RELEASED, Severity.HIGH, True),
    ]
    assert opened.alert.suppressed_by is Because.MAINTENANCE
    assert because(opened) == [Because.OUT_OF_ZONE, Because.MAINTENANCE]
    assert because(ended) == [Because.OUT_OF_ZONE]


def test_what_a_person_ended_in_a_window_is_told_at_its_end_where_it_fires_still() -> None:
    one = tablet(window(0, 100))
    walk_out(one, 0)
    alert = one.alert(Family.BREACH)
    deed = Resolved(alert_id=alert.id, family=Family.BREACH, severity=alert.severity, by="ana", at=after(40))
    one.state = dismiss(one.state, deed, occasion=Occasion(one.assignment, "deed", after(40))).state
    one.changes.clear()

    walk_out(one, 50, beats=10)

    assert told(one.changes) == [(100, ChangeKind.REOPENED, Severity.HIGH, True)]


def test_what_ended_in_a_window_is_never_told() -> None:
    one = tablet(window(0, 1000))
    walk_out(one, 0)
    walk_out(one, 40, bssid=OWN, beats=120)

    assert [(kind, loud) for _, kind, _, loud in told(one.changes)] == [
        (ChangeKind.OPENED, False),
        (ChangeKind.CLEARED, False),
    ]


def test_a_network_that_is_not_the_hotels_is_told_in_any_case() -> None:
    one = tablet(window(0, 1000))
    walk_out(one, 0, bssid=FOREIGN)

    assert told(one.changes) == [(20, ChangeKind.OPENED, Severity.CRITICAL, True)]


def test_so_is_what_the_tablet_itself_says_of_one() -> None:
    one = tablet(window(0, 1000))
    one.report(5, ReportKind.BREACH, cause="foreign-ap")

    assert one.alert(Family.BREACH).suppressed_by is None


def test_what_was_hushed_is_told_as_soon_as_somebody_ends_the_window() -> None:
    one = tablet(window(0, 4000))
    walk_out(one, 0)

    one.assignment = replace(one.assignment, windows=(window(0, 45),))
    one.until(60)

    assert told(one.changes)[-1] == (45, ChangeKind.RELEASED, Severity.HIGH, True)


def test_what_was_hushed_by_a_window_that_nobody_knows_any_more_is_told_at_once() -> None:
    one = tablet(window(0, 4000))
    walk_out(one, 0)

    one.assignment = replace(one.assignment, windows=())
    one.until(60)

    assert told(one.changes)[-1][1:] == (ChangeKind.RELEASED, Severity.HIGH, True)
    assert one.due() == 70  # nothing but its silence is waited for


def test_who_has_moved_out_of_the_windows_room_is_told_of_when_that_is_found_out() -> None:
    one = tablet(window(0, 4000, room="204"))
    walk_out(one, 0, beats=100)

    one.assignment = replace(one.assignment, windows=())
    one.until(1000)

    assert told(one.changes)[-1] == (990, ChangeKind.RELEASED, Severity.HIGH, True)


def test_who_has_moved_into_another_window_is_hushed_until_its_end() -> None:
    one = tablet(window(0, 4000, room="204"))
    walk_out(one, 0, beats=100)

    one.assignment = replace(one.assignment, windows=(window(500, 1020, name="w2", room="205"),))
    one.until(1025)

    assert told(one.changes)[1:] == [(1020, ChangeKind.RELEASED, Severity.HIGH, True)]


def test_a_window_that_runs_on_in_another_hushes_without_a_change() -> None:
    one = tablet(window(0, 100), window(50, 300, name="w2"))
    walk_out(one, 0, beats=40)

    assert [at for at, *_ in told(one.changes)] == [20, 300]


def test_a_window_concerns_its_room_its_floor_or_everybody() -> None:
    windows = (
        window(9, 10, name="hotel"),
        window(1, 2, name="floor", floor="2"),
        window(3, 4, name="room", room="204"),
        window(5, 6, name="elsewhere", room="205"),
        window(7, 8, name="above", floor="3"),
    )

    assert [one.id for one in of_place(windows, Place(room_id=RoomId("204"), floor="2"))] == ["floor", "room", "hotel"]
    assert [one.id for one in of_place(windows, Place(room_id=RoomId("pool")))] == ["hotel"]


def test_a_run_of_windows_ends_with_its_last() -> None:
    windows = (window(0, 100), window(100, 200), window(150, 180), window(201, 300))

    assert over(windows, after(10)) == after(200)
    assert over(windows, after(200)) == after(200)


def test_no_window_lets_a_silence_be_judged_before_its_own_deadline() -> None:
    for profile in Profile:
        for starts, ends in ((0, 1), (0, 17), (10, 16), (17, 18), (18, 500), (39, 40), (40, 41), (41, 900)):
            one = tablet(window(starts, ends), policy=Policy(profile=profile))
            one.beat(0)
            bare = deadline(one.state, assignment=replace(one.assignment, windows=()), watching_since=NOON)
            due = deadline(one.state, assignment=one.assignment, watching_since=NOON)
            assert bare is not None
            assert due is not None
            assert due >= bare
            assert not after(starts) <= due < after(ends)
            early = pass_deadline(
                one.state, assignment=one.assignment, watching_since=NOON, at=due - timedelta(milliseconds=1)
            )
            assert early.changes == ()


def end_by_hand(one: Tablet, family: Family, *, at: float) -> None:
    alert = one.alert(family)
    deed = Resolved(alert_id=alert.id, family=family, severity=alert.severity, by="ana", at=after(at))
    one.state = dismiss(one.state, deed, occasion=Occasion(one.assignment, deed.name, after(at))).state


def test_a_silence_that_a_person_ended_is_looked_at_once_as_a_window_begins_and_once_as_it_ends() -> None:
    one = Tablet()
    one.beat(0)
    one.until(2000)
    end_by_hand(one, Family.SILENCE, at=2100)
    one.changes.clear()

    one.assignment = replace(one.assignment, windows=(window(2200, 3000),))

    assert one.due() == 2200
    one.until(2200)
    assert one.due() == 3000
    one.until(3000)
    assert (one.due(), one.changes) == (None, [])


def test_it_keeps_what_else_is_open_from_being_told_again_and_again() -> None:
    one = Tablet()
    walk_out(one, 0)
    one.until(800)
    end_by_hand(one, Family.SILENCE, at=900)
    one.changes.clear()

    one.assignment = replace(one.assignment, windows=(window(1000, 4600),))
    one.until(4600)

    assert [(at, kind) for at, kind, *_ in told(one.changes)] == [
        (1000, ChangeKind.SUPPRESSED),
        (4600, ChangeKind.RELEASED),
    ]
