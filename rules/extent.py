"""How far an outage reaches: which spot of a hotel is out, and what of it is known to be out already."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from rules.absence import Absent, Spot
from rules.ids import DeviceId
from rules.incident import Scope
from rules.outages import Incident, Outages

WITHIN: Final = timedelta(seconds=90)
"""So near to each other silences must begin to have one cause."""

FEWEST: Final = 3
SHARE: Final = 0.4
"""Of those that were online in an area."""

HOTEL_SHARE: Final = 0.6


def is_near(absent: Absent, at: datetime) -> bool:
    """Whether a silence began near enough to this moment to have the same cause as one that began then."""
    return at - WITHIN < absent.since < at + WITHIN


def lately_of(outages: Outages, at: datetime) -> dict[DeviceId, Absent]:
    """Who fell silent lately, whatever explains it."""
    members = {name: one for incident in outages.incidents for name, one in incident.silent.items()}
    return {name: one for name, one in (members | dict(outages.alone)).items() if is_near(one, at)}


def best(
    outages: Outages, absent: Absent, *, joined: Incident | None, crowd: Mapping[Spot, int], at: datetime
) -> Spot | None:
    """The spot that is out and not yet known to be: of several the one of which most is gone, the widest if all is.

    What is as wide as can be (we, then the hotel) comes before all others.
    """
    lately = lately_of(outages, at)
    out = [spot for spot in absent.spots if _is_out(spot, lately, crowd)]
    if joined is not None:
        out = [spot for spot in out if spot.scope.width > joined.spot.scope.width]
    for scope in (Scope.OWN, Scope.HOTEL):
        widest = next((spot for spot in out if spot.scope is scope), None)
        if widest is not None:
            return widest
    out = [spot for spot in out if _rest_is_out(spot, outages, lately, crowd, at=at)]
    return max(out, key=lambda spot: (_share(spot, lately, crowd), -spot.scope.width), default=None)


def _is_out(spot: Spot, lately: Mapping[DeviceId, Absent], crowd: Mapping[Spot, int]) -> bool:
    gone = gone_at(spot, lately)
    return gone >= least(spot, gone=gone, crowd=crowd)


def _rest_is_out(
    spot: Spot, outages: Outages, lately: Mapping[DeviceId, Absent], crowd: Mapping[Spot, int], *, at: datetime
) -> bool:
    """Whether a place is out beyond what is known to be out inside it. A floor is not, for one access point of it."""
    inside = [one.spot for one in outages.incidents if has_lately(one, at) and is_inside(one, spot)]
    if not inside:
        return True
    rest = {name: one for name, one in lately.items() if not any(known in one.spots for known in inside)}
    online = max(_online(spot, crowd) - sum(_online(known, crowd) for known in inside), 0)
    gone = gone_at(spot, rest)
    several = len(set(inside)) > 1
    return several or gone >= _enough(gone + online, SHARE)


def _enough(online: int, share: float) -> int:
    return max(FEWEST, ceil(share * online))


def gone_at(spot: Spot, lately: Mapping[DeviceId, Absent]) -> int:
    """How many of these silences are at a spot."""
    return sum(spot in one.spots for one in lately.values())


def _online(spot: Spot, crowd: Mapping[Spot, int]) -> int:
    return crowd.get(Spot(Scope.HOTEL) if spot.scope is Scope.OWN else spot, 0)


def _share(spot: Spot, lately: Mapping[DeviceId, Absent], crowd: Mapping[Spot, int]) -> float:
    gone = gone_at(spot, lately)
    return gone / (gone + _online(spot, crowd))


def has_lately(incident: Incident, at: datetime) -> bool:
    """Whether anybody of an incident fell silent near to this moment."""
    return any(is_near(one, at) for one in incident.silent.values())


def is_inside(incident: Incident, spot: Spot) -> bool:
    """Whether most of an incident's silent ones are at a spot that is wider."""
    if incident.spot.scope.width >= spot.scope.width:
        return False
    there = sum(spot in one.spots for one in incident.silent.values())
    return 2 * there > len(incident.silent)


def least(spot: Spot, *, gone: int, crowd: Mapping[Spot, int]) -> int:
    """How many of a spot must be gone for it to be out, of those that were online there."""
    share = HOTEL_SHARE if spot.scope is Scope.HOTEL else SHARE
    return _enough(gone + _online(spot, crowd), share)
