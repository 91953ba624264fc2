"""Calibration: what rooms' own tablets heard, the floors and access points that follow, and setting them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from api.gate import needs
from api.parameters import Name, room_named
from api.problems import Refused, Trouble, problems
from broker.tokens import Role
from rules.calibration import DAYS, SAMPLES, Calibration, proposal_of
from rules.ids import HotelId
from rules.proposal import Proposal
from store import Actor, NothingProposed, Store


class Needed(Struct, frozen=True):
    """What it takes to learn a room: so many usable samples, on so many dates (UTC)."""

    samples: int
    days: int


class CalibrationView(Struct, frozen=True):
    """What was learned of each room, and all that is ready as a proposal: for `POST /api/replay`, before it is set."""

    needed: Needed
    rooms: tuple[Calibration, ...]
    proposal: Proposal


class Seen(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """`if_revision` is the `revision` of what is proposed for the room, as it was shown."""

    if_revision: Annotated[str, Meta(min_length=1, max_length=64)]


@get("/calibration", tags=["replay"], opt=needs(Role.VIEWER), responses=problems(401, 403, 404, 503))
async def show_calibration(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
) -> CalibrationView:
    """What the last week taught of the hotel's rooms. One of which too little was heard has no `rssiFloor` here."""
    learned = await store.calibrations(hotel_id, now=clock())
    return CalibrationView(Needed(SAMPLES, DAYS), tuple(learned), proposal_of(learned))


@post(
    "/calibration/{room_id:str}/apply",
    tags=["replay"],
    status_code=200,
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def apply_calibration(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    room_id: Name,
    data: JSONBody[Seen],
) -> Calibration:
    """Set a room's floor and access points to what is proposed; what that was.

    409 where it is not what was seen any more: more was heard since, or the room is set otherwise.
    """
    room, now = room_named(room_id), clock()
    try:
        return await store.apply_calibration(hotel_id, room, if_revision=data.if_revision, by=by, now=now)
    except NothingProposed as error:
        raise Refused(Trouble.NOTHING_PROPOSED, str(error)) from None
