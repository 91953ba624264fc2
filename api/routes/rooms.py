"""Rooms, and the tablets in each."""

from litestar import get
from litestar.di import NamedDependency

from api.gate import needs
from api.parameters import PAGE, Cursor, Limit
from api.problems import problems
from api.records import RoomView, room_view
from broker.tokens import Role
from rules.ids import DeviceId, HotelId, RoomId
from store import Store
from store.records import Page


@get("/rooms", tags=["rooms"], opt=needs(Role.VIEWER, scope="rooms"), responses=problems(400, 401, 403, 404, 503))
async def list_rooms(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], cursor: Cursor = None, limit: Limit = PAGE
) -> Page[RoomView]:
    """The hotel's rooms in order of id."""
    page = await store.rooms(hotel_id, cursor=cursor, limit=limit)
    residents = await _residents(store, hotel_id)
    return Page(tuple(room_view(room, tuple(residents.get(room.id, ()))) for room in page.items), page.next)


async def _residents(store: Store, hotel_id: HotelId) -> dict[RoomId, list[DeviceId]]:
    residents: dict[RoomId, list[DeviceId]] = {}
    for row in (await store.load_hotel(hotel_id)).devices:
        residents.setdefault(row.device.room_id, []).append(row.device.id)
    return residents
