"""room.mismatch and room.swapped: the tablet lives in another room than the hotel believes."""

from msgspec.structs import replace

from rules.alarm import Occasion
from rules.alerts import Because, ChangeKind, Family, Rule, Severity
from rules.ids import DeviceId, RoomId
from rules.room_fit import Misfit, Partner, misfit_of, paired, pairs
from tests.rules.given import ELSEWHERE, FOREIGN, NEIGHBOUR, NOON, OWN, ROOM, Tablet, after, assigned, because

NEIGHBOURS_ROOM = replace(ROOM, room_id=RoomId("205"), access_points=frozenset({NEIGHBOUR}))


def living(tablet: Tablet, start: int, end: int, *, at: str, says: str | None = None) -> None:
    for second in range(start, end, 30):
        tablet.beat(second, bssid=at, room_id=says)


def of_room(tablet: Tablet) -> list[tuple[ChangeKind, Rule]]:
    changes = [change for change in tablet.changes if change.alert.family is Family.ROOM]
    return [(change.kind, change.alert.rule) for change in changes]


def pair(tablet: Tablet, seconds: float, partner: Partner | None) -> None:
    occasion = Occasion(tablet.assignment, f"partner:{seconds}", after(seconds))
    verdict = paired(tablet.state, partner, occasion=occasion)
    tablet.state = verdict.state
    tablet.changes += verdict.changes


def test_half_an_hour_on_another_room_s_access_point_opens_it_a_minute_later() -> None:
    tablet = Tablet()
    living(tablet, 0, 1801, at=NEIGHBOUR)
    assert of_room(tablet) == []
    living(tablet, 1810, 1900, at=NEIGHBOUR)
    (opened,) = (change for change in tablet.changes if change.alert.family is Family.ROOM)
    assert (opened.kind, opened.alert.rule, opened.alert.severity) == (
        ChangeKind.OPENED,
        Rule.ROOM_MISMATCH,
        Severity.LOW,
    )
    assert (opened.why[0].because, opened.why[0].observed, opened.why[0].limit) == (
        Because.LIVES_ELSEWHERE,
        "205",
        "204",
    )


def test_a_third_of_the_time_at_home_is_enough_to_fit() -> None:
    tablet = Tablet()
    for second in range(0, 7200, 30):
        tablet.beat(second, bssid=OWN if second % 90 == 0 else NEIGHBOUR)
    assert of_room(tablet) == []


def test_a_foreign_access_point_is_nobody_s_room() -> None:
    tablet = Tablet()
    living(tablet, 0, 3600, at=FOREIGN)
    assert of_room(tablet) == []


def test_it_ends_when_it_fits_again_for_ten_minutes() -> None:
    tablet = Tablet()
    living(tablet, 0, 2000, at=NEIGHBOUR)
    living(tablet, 2000, 2400, at=OWN)
    assert Family.ROOM in tablet.state.alerts
    living(tablet, 2400, 3000, at=OWN)
    assert of_room(tablet)[1:] == [(ChangeKind.CLEARED, Rule.ROOM_MISMATCH)]
    assert because(next(change for change in reversed(tablet.changes) if change.alert.family is Family.ROOM)) == [
        Because.FITS_AGAIN
    ]


def test_a_move_in_the_books_ends_it_at_once() -> None:
    tablet = Tablet()
    living(tablet, 0, 2000, at=NEIGHBOUR)
    tablet.assignment = assigned(NEIGHBOURS_ROOM)
    tablet.beat(2010, bssid=NEIGHBOUR)
    assert of_room(tablet)[-1][0] is ChangeKind.CLEARED


def test_another_room_that_it_reports_three_times_opens_it_too() -> None:
    tablet = Tablet()
    living(tablet, 0, 120, at=OWN, says="205")
    living(tablet, 120, 160, at=OWN, says="205")
    (opened,) = (change for change in tablet.changes if change.alert.family is Family.ROOM)
    assert because(opened) == [Because.SAYS_ANOTHER_ROOM]
    tablet.beat(200, room_id="204")
    assert of_room(tablet)[-1][0] is ChangeKind.CLEARED


def test_a_room_that_the_hotel_does_not_know_is_an_old_agent_s_name() -> None:
    tablet = Tablet()
    living(tablet, 0, 600, at=OWN, says="Zimmer 204")
    assert of_room(tablet) == []


def test_two_that_are_where_the_other_belongs_are_one_alert_with_both_named() -> None:
    one, two = Tablet(), Tablet(assigned(NEIGHBOURS_ROOM, device="tab-2"))
    living(one, 0, 1801, at=NEIGHBOUR)
    living(two, 0, 1801, at=OWN)
    misfits = [misfit for tablet in (one, two) if (misfit := misfit_of(tablet.state, tablet.assignment))]
    found = pairs(misfits)
    assert found == {
        DeviceId("tab-1"): Partner(DeviceId("tab-2"), True),
        DeviceId("tab-2"): Partner(DeviceId("tab-1"), False),
    }

    pair(one, 1810, found[DeviceId("tab-1")])
    pair(two, 1810, found[DeviceId("tab-2")])
    living(one, 1820, 1900, at=NEIGHBOUR)
    living(two, 1820, 1900, at=OWN)
    assert of_room(one) == [(ChangeKind.OPENED, Rule.ROOM_SWAPPED)]
    assert one.alert(Family.ROOM).why[0].observed == "tab-2"
    assert of_room(two) == []


def test_an_alert_that_was_told_before_becomes_that_of_both_and_the_other_s_ends() -> None:
    one, two = Tablet(), Tablet(assigned(NEIGHBOURS_ROOM, device="tab-2"))
    for tablet, at in ((one, NEIGHBOUR), (two, OWN)):
        living(tablet, 0, 2000, at=at)
    pair(one, 2010, Partner(DeviceId("tab-2"), leads=True))
    pair(two, 2010, Partner(DeviceId("tab-1"), leads=False))
    assert of_room(one)[-1] == (ChangeKind.CHANGED, Rule.ROOM_SWAPPED)
    assert of_room(two)[-1] == (ChangeKind.CLEARED, Rule.ROOM_MISMATCH)
    pair(one, 2020, None)
    assert of_room(one)[-1] == (ChangeKind.CHANGED, Rule.ROOM_MISMATCH)


def test_whoever_might_be_swapped_with_either_of_two_is_swapped_with_neither() -> None:
    rooms = [("a", "204", {"205"}), ("b", "205", {"204"}), ("c", "205", {"204"})]
    misfits = [
        Misfit(DeviceId(device), RoomId(room), frozenset(map(RoomId, may_be)), NOON, leads=False)
        for device, room, may_be in rooms
    ]
    assert pairs(misfits) == {}
    assert set(pairs(misfits[:2])) == {"a", "b"}


def test_a_tablet_elsewhere_in_the_hotel_is_in_the_rooms_that_share_the_access_point() -> None:
    tablet = Tablet()
    living(tablet, 0, 1900, at=ELSEWHERE)
    found = misfit_of(tablet.state, tablet.assignment)
    assert found is not None
    assert found.rooms == {"301"}
