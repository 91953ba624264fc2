"""Access points that no person listed and that were learned: what IT may put into the rooms' lists."""

from litestar import get
from litestar.di import NamedDependency
from msgspec import Struct

from api.gate import needs
from api.problems import problems
from broker.tokens import Role
from rules.ids import HotelId
from store import Store
from store.records import LearnedAccessPoint


class LearnedList(Struct, frozen=True):
    """All of them, in order of BSSID."""

    items: tuple[LearnedAccessPoint, ...]
    next: None = None


@get(
    "/access-points", tags=["rooms"], opt=needs(Role.VIEWER, scope="rooms"), responses=problems(400, 401, 403, 404, 503)
)
async def list_access_points(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId]) -> LearnedList:
    """Those on which tablets of several rooms were heard while they were in their rooms."""
    return LearnedList(tuple(await store.learned_access_points(hotel_id)))
