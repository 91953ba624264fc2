"""What a room's own tablets heard there, and the floor and access points that follow from it. A person applies them.

A floor is good when a tablet that lies in its room is never below it for long, and one that is carried off soon is. So
it is put under the weakest signals that are usual there, by the recovery margin at least: whatever is usual in the room
ends an alert there, also for a tablet that lies still. Nothing is taken away from what people said: an access point of
theirs stays, heard or not.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct

from rules.fingerprint import fingerprint
from rules.ids import RoomId
from rules.proposal import Proposal

SAMPLES: Final = 1000
"""Fewer tell too little of a room: at an interval of ten seconds it is three hours."""

DAYS: Final = 3
"""Dates (UTC) on which it was heard: a whole day lies between, with its night, and one quiet hour teaches nothing."""

SHARE: Final = 0.05
"""Of its samples; an access point with fewer is passed by, not lived with."""

WEAKEST: Final = 0.01
"""Of its samples may be weaker than what the floor is put under."""

BELOW_DB: Final = 3
"""At least, however small the margin is."""

HIGHEST: Final = -45
LOWEST: Final = -126
"""No signal is below it: in a room where all of them are too weak to tell, the floor raises nothing."""


class Sighting(Struct, frozen=True):
    """How often an access point was heard in a room on one day (since 1970), by dBm."""

    room_id: RoomId
    day: int
    bssid: str
    signals: Mapping[int, int]


class HeardPoint(Struct, frozen=True, rename="camel"):
    """An access point as a room's tablets heard it: its share of their samples, and the one in the middle, in dBm."""

    bssid: str
    share: float
    median: int


class Calibration(Struct, frozen=True, rename="camel", kw_only=True):
    """What was learned of a room. `ready`: there is enough, and it is something else than what is set.

    Of `samples`, `usable` are those on access points that are the room's or become so. Without `rssi_floor` too little
    was heard yet: fewer of these than SAMPLES, or on fewer `days` than DAYS.
    `weakest` is the signal that 1 % are weaker than, `median` the one in the middle; `rssi_floor` and `access_points`
    are what is proposed, `was_floor` and `was_access_points` what is set. Signals are dBm. `revision` is another one
    when what is proposed is, or what it would replace: whoever applies it says which they saw.
    """

    room_id: RoomId
    samples: int
    usable: int
    days: int
    heard: tuple[HeardPoint, ...]
    weakest: int | None
    median: int | None
    was_floor: float | None
    was_access_points: tuple[str, ...]
    rssi_floor: float | None
    access_points: tuple[str, ...]
    ready: bool
    revision: str


def calibrate(
    room_id: RoomId,
    sightings: Iterable[Sighting],
    *,
    floor: float | None,
    margin: float,
    access_points: Collection[str],
) -> Calibration:
    """Learn from a room's sightings; `floor` and `access_points` are what is set now.

    `margin` (dB) is by how much a signal must be above the floor in this room to end an alert.
    """
    days: set[int] = set()
    points: dict[str, dict[int, int]] = {}
    for one in sightings:
        days.add(one.day)
        heard = points.setdefault(one.bssid, {})
        for dbm, count in one.signals.items():
            heard[dbm] = heard.get(dbm, 0) + count
    samples = sum(sum(heard.values()) for heard in points.values())
    was = tuple(sorted(access_points))
    lived_with = {bssid for bssid, heard in points.items() if sum(heard.values()) >= SHARE * samples}
    proposed = tuple(sorted({*was, *lived_with}))
    own = _summed(heard for bssid, heard in points.items() if bssid in proposed)
    usable = sum(own.values())
    enough = usable >= SAMPLES and len(days) >= DAYS
    new_floor = _floor_under(quantile(own, WEAKEST), margin=margin) if enough else None
    access_points = proposed if enough else was
    return Calibration(
        room_id=room_id,
        samples=samples,
        usable=usable,
        days=len(days),
        heard=tuple(
            HeardPoint(bssid, round(sum(heard.values()) / samples, 4), quantile(heard, 0.5))
            for bssid, heard in sorted(points.items(), key=lambda item: -sum(item[1].values()))
        ),
        weakest=quantile(own, WEAKEST) if own else None,
        median=quantile(own, 0.5) if own else None,
        was_floor=floor,
        was_access_points=was,
        rssi_floor=new_floor,
        access_points=access_points,
        ready=enough and (new_floor != floor or proposed != was),
        revision=fingerprint(room_id, floor, was, new_floor, access_points),
    )


def lacking(one: Calibration) -> str:
    """How far it is, of a room in which too little was heard yet."""
    return f"{one.usable:,} of {SAMPLES:,} heartbeats, on {one.days} of {DAYS} days"


def nothing_ready(calibrations: Collection[Calibration]) -> str:
    """Why nothing is proposed, in a sentence: of rooms in which too little was heard, how far the nearest is."""
    if not calibrations:
        return "nothing was heard yet of any room"
    few = [one for one in calibrations if one.rssi_floor is None]
    if not few:
        return "nothing to change: all that was learned is set so already"
    nearest = max(few, key=lambda one: (min(one.days, DAYS), one.usable))
    told = f"{lacking(nearest)} in room {nearest.room_id}"
    if len(few) == len(calibrations):
        return f"too little heard yet: {told}" + (", which is the nearest" if len(few) > 1 else "")
    return f"nothing to change where enough was heard; too little yet in {len(few)} more: {told}"


def proposal_of(calibrations: Iterable[Calibration]) -> Proposal:
    """All that is ready, to be tried by a replay before it is applied."""
    ready = [one for one in calibrations if one.ready]
    return Proposal(
        floors={one.room_id: one.rssi_floor for one in ready if one.rssi_floor is not None},
        access_points={one.room_id: one.access_points for one in ready},
    )


def revision_of(calibrations: Iterable[Calibration]) -> str:
    """Of all that is ready, as `Calibration.revision` is of one room."""
    return fingerprint(sorted((one.room_id, one.revision) for one in calibrations if one.ready))


def quantile(signals: Mapping[int, int], share: float) -> int:
    """The weakest signal that more than `share` of the samples do not exceed. `signals` must not be empty."""
    left = share * sum(signals.values())
    for dbm in sorted(signals):
        left -= signals[dbm]
        if left < 0:
            return dbm
    return max(signals)


def _floor_under(weakest: int, *, margin: float) -> float:
    return min(max(weakest - max(margin, BELOW_DB), LOWEST), HIGHEST)


def _summed(all_heard: Iterable[Mapping[int, int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for heard in all_heard:
        for dbm, count in heard.items():
            found[dbm] = found.get(dbm, 0) + count
    return found
