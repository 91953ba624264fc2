"""Tonight's round: who is on it, and in which order."""

from datetime import timedelta

from msgspec.structs import replace

from rules.forecast import round_of
from rules.ids import DeviceId, RoomId
from rules.memory import Charge, DrainMemory
from rules.policy import Assignment
from rules.state import DeviceState
from tests.rules.given import NOON, ROOM, after, assigned

HOUR = 3600
EIGHT = after(8 * HOUR)


def standing(room: str, floor: str | None = "1", *, device: str | None = None) -> Assignment:
    return assigned(replace(ROOM, room_id=RoomId(room), floor=floor), device=device or f"tab-{room}")


def emptying(percent: float, rate: float | None) -> DeviceState:
    """What is known at eight in the evening."""
    charge = Charge(EIGHT, percent)
    return DeviceState(battery=percent, drain=DrainMemory(recent=(charge,), origin=charge, rate=rate))


def test_whoever_dies_before_seven_is_on_it_with_when() -> None:
    found = round_of(
        [
            (standing("101"), emptying(40, 4)),  # 44 % until then
            (standing("102"), emptying(60, 4)),
            (standing("103"), emptying(40, None)),  # nobody knows
            (standing("104"), DeviceState(battery=2, drain=DrainMemory(rate=30))),  # charging
        ],
        timezone="UTC",
        now=EIGHT,
    )
    assert (found.evening, found.morning) == (after(9 * HOUR), after(19 * HOUR))
    (stop,) = found.stops
    assert (stop.device_id, stop.battery, stop.rate, stop.left) == ("tab-101", 40, 4, 0)
    assert stop.empty_at == EIGHT + timedelta(hours=10)


def test_it_is_walked_floor_by_floor_and_room_by_number() -> None:
    places = [("1010", "10"), ("99", "2"), ("101", "2"), ("bar", None), ("3", "-1"), ("7b", "2"), ("7a", "2")]
    tablets = [(standing(room, floor), emptying(10, 5)) for room, floor in places]
    found = round_of(tablets, timezone="UTC", now=EIGHT)
    assert [stop.room_id for stop in found.stops] == ["3", "7a", "7b", "99", "101", "1010", "bar"]


def test_the_hyphen_of_a_room_is_no_minus() -> None:
    tablets = [(standing(room), emptying(10, 5)) for room in ("2-10", "A-12", "2-9", "A-9", "10-1")]
    found = round_of(tablets, timezone="UTC", now=EIGHT)
    assert [stop.room_id for stop in found.stops] == ["2-9", "2-10", "10-1", "A-9", "A-12"]


def test_whoever_is_told_of_stays_on_it_until_it_is_sure_to_last() -> None:
    state = emptying(50, 4)  # 6 % will be left
    assert round_of([(standing("1"), state)], timezone="UTC", now=EIGHT).stops == ()
    told = replace(state, drain=replace(state.drain, dying_until=after(19 * HOUR)))
    assert len(round_of([(standing("1"), told)], timezone="UTC", now=EIGHT).stops) == 1


def test_two_tablets_of_a_room_stand_in_order_of_their_names() -> None:
    both = [(standing("1", device=name), emptying(5, 5)) for name in ("b", "a")]
    found = round_of(both, timezone="UTC", now=NOON)
    assert [stop.device_id for stop in found.stops] == [DeviceId("a"), DeviceId("b")]
