"""Tonight's round: which tablets will be empty before the morning, in the order in which one walks past them.

The list is that of 21:00; before that it is what the list will be if all goes on as it does. Whoever is being charged,
or whose rate nobody knows yet, is not on it.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from rules import drain
from rules.ids import DeviceId, RoomId
from rules.night import Night, night_of
from rules.policy import Assignment
from rules.state import DeviceState

_HOUR = timedelta(hours=1)
_PARTS = re.compile(r"^-?\d+|\d+|\D+")

Word = tuple[int, int, str]
Walked = tuple[bool, list[Word]]


class Stop(Struct, frozen=True, rename="camel", kw_only=True):
    """One tablet to charge. `battery` (percent) was seen at `seen_at`; it loses `rate` percent an hour.

    `left` is what it would have in the morning, `empty_at` when it would have nothing.
    """

    device_id: DeviceId
    room_id: RoomId | None
    floor: str | None
    battery: float
    seen_at: datetime
    rate: float
    left: float
    empty_at: datetime | None


class Round(Struct, frozen=True, rename="camel", kw_only=True):
    """The night from `evening` to `morning`, and who should be charged before it."""

    evening: datetime
    morning: datetime
    stops: tuple[Stop, ...]


def round_of(tablets: Iterable[tuple[Assignment, DeviceState]], *, timezone: str, now: datetime) -> Round:
    """The round of the night that is on at `now`, or of the next; `timezone` is the hotel's (IANA)."""
    night = night_of(now, timezone=timezone)
    stops = [stop for assignment, state in tablets if (stop := _stop(assignment, state, night=night)) is not None]
    stops.sort(key=lambda stop: (walked(stop.floor), walked(stop.room_id), stop.device_id))
    return Round(evening=night.evening, morning=night.morning, stops=tuple(stops))


def _stop(assignment: Assignment, state: DeviceState, *, night: Night) -> Stop | None:
    memory, policy = state.drain, assignment.policy
    left = drain.forecast(memory, at=night.morning)
    if left is None or memory.rate is None:
        return None
    if left >= policy.battery_tonight and memory.dying_until != night.morning:
        return None
    newest = memory.recent[-1]
    return Stop(
        device_id=assignment.device_id,
        room_id=assignment.place.room_id,
        floor=assignment.place.floor,
        battery=newest.percent,
        seen_at=newest.noted_at,
        rate=round(max(memory.rate, 0.0), 1),
        left=round(left, 1),
        empty_at=newest.noted_at + _HOUR * (newest.percent / memory.rate) if memory.rate > 0 else None,
    )


def walked(text: str | None) -> Walked:
    """What sorts floors and rooms as people count: 9 before 10, the cellar first, what has no name last."""
    if text is None:
        return True, []
    return False, [
        (0, int(part), "") if part.lstrip("-").isdecimal() else (1, 0, part) for part in _PARTS.findall(text)
    ]
