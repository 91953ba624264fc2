"""What a room's own signals say of its floor."""

from rules.calibration import SAMPLES, Sighting, calibrate, proposal_of, quantile
from rules.ids import RoomId

ROOM = RoomId("204")
OWN, SECOND, PASSING = "aa:00:00:00:00:01", "aa:00:00:00:00:02", "bb:00:00:00:00:01"


def heard(bssid: str, signals: dict[int, int], *, day: int = 1) -> Sighting:
    return Sighting(ROOM, day, bssid, signals)


def test_the_floor_lies_under_the_weakest_signals_that_are_usual_and_a_point_that_is_lived_with_is_the_rooms() -> None:
    week = [
        heard(OWN, {-50: 700, -60: 280, -75: 5}),
        heard(OWN, {-50: 100, -60: 100}, day=2),
        heard(SECOND, {-62: 100}),
        heard(PASSING, {-80: 20}),
    ]

    found = calibrate(ROOM, week, floor=None, access_points=[OWN])

    assert (found.samples, found.days, found.ready) == (1305, 2, True)
    assert (found.weakest, found.median, found.rssi_floor) == (-62, -50, -65)
    assert found.access_points == (OWN, SECOND)
    assert [(one.bssid, one.median) for one in found.heard] == [(OWN, -50), (SECOND, -62), (PASSING, -80)]
    proposal = proposal_of([found])
    assert (proposal.floors, proposal.access_points) == ({ROOM: -65.0}, {ROOM: (OWN, SECOND)})


def test_too_little_proposes_nothing_and_what_is_set_already_is_no_news() -> None:
    few = calibrate(ROOM, [heard(OWN, {-50: SAMPLES - 1})], floor=None, access_points=[SECOND])
    again = calibrate(ROOM, [heard(OWN, {-50: SAMPLES})], floor=-53.0, access_points=[OWN])

    assert (few.ready, few.rssi_floor, few.access_points) == (False, None, (SECOND,))
    assert (again.ready, again.rssi_floor) == (False, -53.0)
    assert proposal_of([few, again]).floors == {}


def test_what_people_said_stays_and_a_floor_keeps_within_reason() -> None:
    strong = calibrate(ROOM, [heard(OWN, {-20: SAMPLES})], floor=None, access_points=[PASSING])
    weak = calibrate(ROOM, [heard(OWN, {-110: SAMPLES})], floor=None, access_points=[])

    assert (strong.rssi_floor, strong.access_points) == (-45.0, (OWN, PASSING))
    assert (weak.rssi_floor, weak.access_points) == (-90.0, (OWN,))


def test_a_quantile_is_the_weakest_that_more_than_the_share_do_not_exceed() -> None:
    assert quantile({-90: 1, -50: 99}, 0.01) == -50
    assert quantile({-90: 2, -50: 98}, 0.01) == -90
    assert quantile({-50: 1}, 0.5) == -50
    assert quantile({-60: 1, -50: 1}, 1.0) == -50
