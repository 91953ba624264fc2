"""What a room's own signals say of its floor."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rules.calibration import (
    LOWEST,
    SAMPLES,
    Calibration,
    Sighting,
    calibrate,
    lacking,
    nothing_ready,
    proposal_of,
    quantile,
)
from rules.ids import RoomId
from rules.memory import CALM_SIGNAL, SignalMemory
from rules.policy import Policy
from rules.weak_signal import GOOD_SAMPLES, remember

ROOM, NOON = RoomId("204"), datetime(2026, 11, 23, 12, tzinfo=UTC)
OWN, SECOND, PASSING = "aa:00:00:00:00:01", "aa:00:00:00:00:02", "bb:00:00:00:00:01"


def heard(bssid: str, signals: dict[int, int], *, day: int = 1) -> Sighting:
    return Sighting(ROOM, day, bssid, signals)


def three_days(signals: dict[int, int]) -> list[Sighting]:
    """As many of each signal as are said, on each of the days."""
    return [heard(OWN, signals, day=day) for day in (1, 2, 3)]


def learn(
    sightings: Iterable[Sighting],
    *,
    floor: float | None = None,
    margin: float = 6.0,
    access_points: Collection[str] = (OWN,),
) -> Calibration:
    return calibrate(ROOM, sightings, floor=floor, margin=margin, access_points=access_points)


def test_the_floor_lies_under_the_weakest_signals_that_are_usual_and_a_point_that_is_lived_with_is_the_rooms() -> None:
    week = [
        heard(OWN, {-50: 700, -60: 280, -75: 5}),
        heard(OWN, {-50: 100, -60: 100}, day=2),
        heard(SECOND, {-62: 100}, day=3),
        heard(PASSING, {-80: 20}),
    ]

    found = learn(week)

    assert (found.samples, found.days, found.ready) == (1305, 3, True)
    assert (found.weakest, found.median, found.rssi_floor) == (-62, -50, -68)
    assert found.access_points == (OWN, SECOND)
    assert [(one.bssid, one.median) for one in found.heard] == [(OWN, -50), (SECOND, -62), (PASSING, -80)]
    proposal = proposal_of([found])
    assert (proposal.floors, proposal.access_points) == ({ROOM: -68.0}, {ROOM: (OWN, SECOND)})


def test_too_little_proposes_nothing_and_what_is_set_already_is_no_news() -> None:
    few = learn([*three_days({-50: 333})], access_points=[SECOND])
    again = learn(three_days({-50: 334}), floor=-56.0)

    assert (few.ready, few.rssi_floor, few.access_points) == (False, None, (SECOND,))
    assert (again.ready, again.rssi_floor) == (False, -56.0)
    assert proposal_of([few, again]).floors == {}


def test_what_people_said_stays_and_a_floor_keeps_within_reason() -> None:
    strong = learn(three_days({-20: SAMPLES}), access_points=[PASSING])
    weak = learn(three_days({-110: SAMPLES}), access_points=[])
    hardly = learn(three_days({-124: SAMPLES}), access_points=[])

    assert (strong.rssi_floor, strong.access_points) == (-45.0, (OWN, PASSING))
    assert (weak.rssi_floor, weak.access_points) == (-116.0, (OWN,))
    assert hardly.rssi_floor == LOWEST


def test_a_quiet_evening_however_long_it_seems_teaches_no_floor() -> None:
    over_midnight = [heard(OWN, {-60: SAMPLES}, day=1), heard(OWN, {-60: SAMPLES}, day=2)]

    found = learn(over_midnight, floor=-75.0)

    assert (found.days, found.rssi_floor, found.ready) == (2, None, False)


def test_of_rooms_in_which_too_little_was_heard_it_says_how_far_the_nearest_is() -> None:
    few = learn([heard(OWN, {-50: 300}), heard(PASSING, {-50: 7})])
    more = replace(few, room_id=RoomId("205"), usable=2500, days=2)
    set_so = learn(three_days({-50: 334}), floor=-56.0)

    assert lacking(few) == "300 of 1,000 heartbeats, on 1 of 3 days"
    assert nothing_ready([]) == "nothing was heard yet of any room"
    assert nothing_ready([few]) == f"too little heard yet: {lacking(few)} in room {few.room_id}"
    assert nothing_ready([few, more]) == (
        "too little heard yet: 2,500 of 1,000 heartbeats, on 2 of 3 days in room 205, which is the nearest"
    )
    assert nothing_ready([set_so]) == "nothing to change: all that was learned is set so already"
    assert nothing_ready([set_so, few]).startswith("nothing to change where enough was heard; too little yet in 1 more")


@given(
    signals=st.dictionaries(st.integers(-126, 0), st.integers(350, 2000), min_size=1, max_size=8),
    margin=st.integers(1, 40).map(float),
)
def test_what_is_usual_in_a_room_is_never_below_its_floor_and_always_ends_an_alert(
    signals: dict[int, int], margin: float
) -> None:
    found = learn(three_days(signals), margin=margin)
    assert found.rssi_floor is not None
    assert found.weakest is not None
    policy = Policy(rssi_floor=found.rssi_floor, rssi_recovery_margin=margin)

    for usual in (dbm for dbm in signals if dbm >= found.weakest):
        memory = SignalMemory(low_since=NOON, firing=found.rssi_floor > LOWEST)
        for _ in range(GOOD_SAMPLES):
            memory = remember(memory, usual, policy=policy, now=NOON)
        assert memory is CALM_SIGNAL


def test_a_quantile_is_the_weakest_that_more_than_the_share_do_not_exceed() -> None:
    assert quantile({-90: 1, -50: 99}, 0.01) == -50
    assert quantile({-90: 2, -50: 98}, 0.01) == -90
    assert quantile({-50: 1}, 0.5) == -50
    assert quantile({-60: 1, -50: 1}, 1.0) == -50
