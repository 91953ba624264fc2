"""Access points that no person listed and that were learned, and a manager's word whether they are the hotel's."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from msgspec import Struct

from api.gate import needs
from api.problems import Refused, Trouble, problems
from broker.tokens import Role
from rules.ids import HotelId
from rules.place import normal_bssid
from store import Actor, Store
from store.records import LearnedAccessPoint

Bssid = Annotated[str, PathParameter(description="Such as a4:2b:b0:c1:d2:e3; one that was not learned is 404.")]


class LearnedList(Struct, frozen=True):
    """All of them, in order of BSSID."""

    items: tuple[LearnedAccessPoint, ...]
    next: None = None


@get(
    "/access-points", tags=["rooms"], opt=needs(Role.VIEWER, scope="rooms"), responses=problems(400, 401, 403, 404, 503)
)
async def list_access_points(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId]) -> LearnedList:
    """Those on which tablets of several rooms were heard while they were in their rooms, and what was said of them."""
    return LearnedList(tuple(await store.learned_access_points(hotel_id)))


@post(
    "/access-points/{bssid:str}/confirm",
    tags=["rooms"],
    status_code=200,
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 503),
)
async def confirm_access_point(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    bssid: Bssid,
) -> LearnedAccessPoint:
    """It is the hotel's: it stands for no access point that nobody knows of any more. What is so already stays."""
    return await store.confirm_access_point(hotel_id, _named(bssid), by=by, now=clock())


@post(
    "/access-points/{bssid:str}/forget",
    tags=["rooms"],
    status_code=200,
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 503),
)
async def forget_access_point(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    bssid: Bssid,
) -> LearnedAccessPoint:
    """It is not the hotel's: a tablet on it is on a foreign network, and it is not learned again."""
    return await store.forget_access_point(hotel_id, _named(bssid), by=by, now=clock())


def _named(text: str) -> str:
    bssid = normal_bssid(text)
    if bssid is None:
        raise Refused(Trouble.NOT_FOUND, "That is no BSSID such as a4:2b:b0:c1:d2:e3.")
    return bssid
