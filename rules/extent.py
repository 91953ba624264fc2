"""How far an outage reaches: which spot of a hotel is out, and what of it is known to be out already."""

from collections.abc import Mapping
from datetime import datetime
from math import ceil
from typing import Final

from rules.absence import Absent, Spot
from rules.incident import Scope
from rules.outages import Incident, Outages
from rules.silences import WITHIN

FEWEST: Final = 3
SHARE: Final = 0.4
"""Of those that were online in an area."""

HOTEL_SHARE: Final = 0.6


def best(
    outages: Outages, absent: Absent, *, joined: Incident | None, crowd: Mapping[Spot, int], at: datetime
) -> Spot | None:
    """The spot that is out and not yet known to be: of several the one of which most is gone, the widest if all is.

    What is as wide as can be (we, then the hotel) comes before all others. `crowd` is how many are online at each.
    """
    gone = {spot: outages.lately.near(at, spot) for spot in absent.spots}
    out = [spot for spot in absent.spots if gone[spot] >= least(spot, gone=gone[spot], crowd=crowd)]
    if joined is not None:
        out = [spot for spot in out if spot.scope.width > joined.spot.scope.width]
    for scope in (Scope.OWN, Scope.HOTEL):
        widest = next((spot for spot in out if spot.scope is scope), None)
        if widest is not None:
            return widest
    out = [spot for spot in out if _rest_is_out(spot, outages, crowd=crowd, at=at)]
    return max(out, key=lambda spot: (_share(gone[spot], _online(spot, crowd)), -spot.scope.width), default=None)


def least(spot: Spot, *, gone: int, crowd: Mapping[Spot, int]) -> int:
    """How many of a spot must be gone for it to be out, of those that were online there."""
    share = HOTEL_SHARE if spot.scope is Scope.HOTEL else SHARE
    return _enough(gone + _online(spot, crowd), share)


def inside(outages: Outages, spot: Spot, *, at: datetime) -> list[Incident]:
    """The incidents of this moment most of whose silent ones are at a spot that is wider."""
    return [
        one
        for one in outages.incidents
        if one.spot.scope.width < spot.scope.width
        and 2 * len(one.silent.there(spot)) > len(one.silent)
        and one.silent.near(at)
    ]


def _rest_is_out(spot: Spot, outages: Outages, *, crowd: Mapping[Spot, int], at: datetime) -> bool:
    """Whether a place is out beyond what is known to be out inside it. A floor is not, for one access point of it."""
    known = {one.spot for one in inside(outages, spot, at=at)}
    if len(known) != 1:
        return True
    (part,) = known
    gone = sum(
        part not in one.spots and at - WITHIN < one.since < at + WITHIN for one in outages.lately.there(spot).values()
    )
    return gone >= _enough(gone + max(_online(spot, crowd) - _online(part, crowd), 0), SHARE)


def _share(gone: int, online: int) -> float:
    return gone / (gone + online)


def _enough(online: int, share: float) -> int:
    return max(FEWEST, ceil(share * online))


def _online(spot: Spot, crowd: Mapping[Spot, int]) -> int:
    return crowd.get(Spot(Scope.HOTEL) if spot.scope is Scope.OWN else spot, 0)
