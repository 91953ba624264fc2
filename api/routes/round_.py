"""Tonight's round: the tablets to charge before the night, in walking order."""

from collections.abc import Callable
from datetime import datetime

from litestar import get
from litestar.di import NamedDependency

from api.gate import needs
from api.problems import problems
from broker.tokens import Role
from rules.forecast import Round
from rules.ids import HotelId
from store import Store


@get("/round", tags=["devices"], opt=needs(Role.VIEWER), responses=problems(400, 401, 403, 404, 503))
async def show_round(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
) -> Round:
    """Tablets that will be nearly empty before 07:00 in the hotel, of this night or the next: floor by floor."""
    return await store.round(hotel_id, at=clock())
