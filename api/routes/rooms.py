"""Rooms, and the tablets in each."""

from litestar import get
from litestar.di import NamedDependency

from api.gate import needs
from api.parameters import PAGE, Cursor, Limit
from api.problems import problems
from api.records import RoomView, room_view
from broker.tokens import Role
from rules.ids import HotelId
from store import Store
from store.records import Page


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
