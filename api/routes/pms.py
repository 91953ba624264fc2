"""What a hotel's own systems say of rooms, over HTTP for those that speak no MQTT; and what is known of rooms since.

It goes the way of telemetry: on disk when it is answered, judged by the bridge. What the desk hears at a check-out goes
out by MQTT; who does not listen there asks for the clearance.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from api.gate import Caller, needs, needs_integrator
from api.parameters import PAGE, Cursor, Limit, Name, room_named
from api.problems import Refused, Trouble, invalid, problems, too_many
from api.records import ClearanceView, TakenWord
from broker.tokens import Role
from rules.clearance import clearance
from rules.ids import HotelId, IntegratorName
from rules.room_state import RoomSaid
from rules.room_status import PmsKind, PmsMessage, recorded, what_is_wrong
from store import InboxFull, Store
from store.foretelling import Foretold
from store.records import Page, PmsLeft
from store.records.pms import ClearanceGiven

LARGEST_WORD: Final = 8 * 1024

FULL_FOR: Final = timedelta(seconds=10)
"""When to come again while the inbox is full."""

Kind = Annotated[str, PathParameter(description="checkin, checkout, move or room-status; any other is 404.")]


@post(
    "/pms/{kind:str}",
    tags=["rooms"],
    opt=needs_integrator("pms"),
    status_code=202,
    request_max_body_size=LARGEST_WORD,
    responses=problems(400, 401, 403, 404, 413, 415, 429, 503),
)
async def take_word(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    clock: NamedDependency[Callable[[], datetime]],
    kind: Kind,
    data: JSONBody[PmsMessage],
) -> TakenWord:
    """What a hotel's system says of a room. Fields that are not named here are dropped, and never stored.

    The same `id` again is accepted as a `duplicate` and changes nothing, so whoever heard no answer says it again; and
    so is what is `stale`: older than what the same system said of the room since.
    """
    if kind not in set(PmsKind):
        raise Refused(Trouble.NOT_FOUND, f"The kinds are {', '.join(PmsKind)}.")
    now, said = clock(), PmsKind(kind)
    wrong = what_is_wrong(data, said, at=now)
    if wrong is not None:
        raise invalid(wrong.field, wrong.why)
    if data.hotel_id is not None and data.hotel_id != hotel_id:
        raise invalid("hotelId", "is not the hotel of the token")
    record = recorded(data, kind=said, by=IntegratorName(caller.name), key=await store.stay_key(hotel_id))
    for field, room_id in (("roomId", record.room_id), ("toRoomId", record.to_room_id)):
        if room_id is not None and await store.room(hotel_id, room_id) is None:
            raise invalid(field, "is no room of this hotel")
    try:
        becomes = await store.leave_word(hotel_id, PmsLeft(data.id, record), now=now)
    except InboxFull:
        raise too_many(FULL_FOR) from None
    return TakenWord(data.id, duplicate=becomes is Foretold.DUPLICATE, stale=becomes is Foretold.STALE)


@get(
    "/rooms/{room_id:str}/status",
    tags=["rooms"],
    opt=needs(Role.VIEWER, scope="rooms"),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_status(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], room_id: Name) -> RoomSaid:
    """What the hotel's systems said of a room last; null is unknown."""
    return await store.room_status(hotel_id, room_named(room_id))


@get(
    "/rooms/{room_id:str}/clearance",
    tags=["rooms"],
    opt=needs(Role.STAFF, scope="pms"),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_clearance(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    room_id: Name,
) -> ClearanceView:
    """May the guest of this room go? As it is now, and as the desk was told at the last check-out."""
    room = room_named(room_id)
    tablets = await store.tablets_of_room(hotel_id, room)
    given = (await store.clearances(hotel_id, room, limit=1)).items
    return ClearanceView(now=clearance(room, tablets, at=clock()), given=given[0] if given else None)


@get(
    "/clearances",
    tags=["rooms"],
    opt=needs(Role.STAFF, scope="pms"),
    responses=problems(400, 401, 403, 404, 503),
)
async def list_clearances(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], cursor: Cursor = None, limit: Limit = PAGE
) -> Page[ClearanceGiven]:
    """What the desk was told at check-outs, newest first."""
    return await store.clearances(hotel_id, cursor=cursor, limit=limit)
