"""Rooms, and the tablets in each."""

from collections.abc import Callable
from datetime import datetime

from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import UNSET

from api.gate import needs
from api.parameters import PAGE, Cursor, Limit, Name, bssids, checked, room_named
from api.problems import Refused, Trouble, problems
from api.records import ChangedRoom, NewRoom, RoomView, room_view
from broker.tokens import Role
from rules.ids import HotelId, RoomId
from store import Actor, Store
from store.records import Page, Room, RoomChanges


@get("/rooms", tags=["rooms"], opt=needs(Role.VIEWER, scope="rooms"), responses=problems(400, 401, 403, 404, 503))
async def list_rooms(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], cursor: Cursor = None, limit: Limit = PAGE
) -> Page[RoomView]:
    """The hotel's rooms in order of id."""
    page = await store.rooms(hotel_id, cursor=cursor, limit=limit)
    if not page.items:
        return Page((), page.next)
    residents = await store.residents(hotel_id, first=page.items[0].id, last=page.items[-1].id)
    return Page(tuple(room_view(room, residents.get(room.id, ())) for room in page.items), page.next)


@get(
    "/rooms/{room_id:str}",
    tags=["rooms"],
    opt=needs(Role.VIEWER, scope="rooms"),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_room(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], room_id: Name) -> RoomView:
    """One room."""
    room = await store.room(hotel_id, room_named(room_id))
    if room is None:
        raise Refused(Trouble.NOT_FOUND)
    return await _view(store, hotel_id, room)


@post("/rooms", tags=["rooms"], opt=needs(Role.MANAGER), responses=problems(400, 401, 403, 404, 409, 413, 415, 503))
async def add_room(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    data: JSONBody[NewRoom],
) -> RoomView:
    """Add a room."""
    checked(roomId=data.room_id)
    room = Room(
        id=RoomId(data.room_id),
        name=data.name,
        floor=data.floor,
        access_points=bssids(data.access_points),
        rssi_floor=data.rssi_floor,
        profile=data.profile,
        zone=data.zone,
    )
    await store.add_room(hotel_id, room, by=by, now=clock())
    return room_view(room, ())


@patch(
    "/rooms/{room_id:str}",
    tags=["rooms"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 413, 415, 503),
)
async def change_room(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    room_id: Name,
    data: JSONBody[ChangedRoom],
) -> RoomView:
    """Change a room: what is left out stays, null takes away. Its tablets hear of it by themselves."""
    changes = RoomChanges(
        name=data.name,
        floor=data.floor,
        access_points=UNSET if data.access_points is UNSET else bssids(data.access_points),
        rssi_floor=data.rssi_floor,
        profile=data.profile,
        zone=data.zone,
    )
    room = await store.change_room(hotel_id, room_named(room_id), changes, by=by, now=clock())
    return await _view(store, hotel_id, room)


async def _view(store: Store, hotel_id: HotelId, room: Room) -> RoomView:
    residents = await store.residents(hotel_id, first=room.id, last=room.id)
    return room_view(room, residents.get(room.id, ()))
