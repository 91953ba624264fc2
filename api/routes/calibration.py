"""Calibration: what rooms' own tablets heard, the floors and access points that follow, and setting them."""

from collections.abc import Callable
from datetime import datetime

from litestar import get, post
from litestar.di import NamedDependency
from msgspec import Struct

from api.gate import needs
from api.parameters import Name, room_named
from api.problems import Refused, Trouble, problems
from broker.tokens import Role
from rules.calibration import Calibration, proposal_of
from rules.ids import HotelId
from rules.proposal import Proposal
from store import Actor, NotFound, Store
from store.records import RoomChanges


class CalibrationView(Struct, frozen=True):
    """What was learned of each room, and all that is ready as a proposal: for `POST /api/replay`, before it is set."""

    rooms: tuple[Calibration, ...]
    proposal: Proposal


@get("/calibration", tags=["replay"], opt=needs(Role.VIEWER), responses=problems(401, 403, 404, 503))
async def show_calibration(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
) -> CalibrationView:
    """What the last week taught of the hotel's rooms. One of which too little was heard has no `rssiFloor` here."""
    learned = await store.calibrations(hotel_id, now=clock())
    return CalibrationView(tuple(learned), proposal_of(learned))


@post(
    "/calibration/{room_id:str}/apply",
    tags=["replay"],
    status_code=200,
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 409, 503),
)
async def apply_calibration(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    room_id: Name,
) -> Calibration:
    """Set a room's floor and access points to what is proposed now; what that was."""
    room, now = room_named(room_id), clock()
    if await store.room(hotel_id, room) is None:
        raise NotFound("room", room)
    found = next((one for one in await store.calibrations(hotel_id, now=now) if one.room_id == room), None)
    if found is None or not found.ready:
        raise Refused(Trouble.NOTHING_PROPOSED, "too little was heard in this room, or it is set so already")
    changes = RoomChanges(rssi_floor=found.rssi_floor, access_points=found.access_points)
    await store.change_room(hotel_id, room, changes, by=by, now=now)
    return found
