"""Policy: the thresholds that the hotel, a room or a tablet decides. What a level leaves out it inherits."""

from collections.abc import Callable
from datetime import datetime

from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from api.gate import needs
from api.parameters import Name, device_named, room_named
from api.problems import problems
from broker.tokens import Role
from rules.ids import HotelId
from rules.policy import PolicyChanges, in_full
from store import Actor, Store
from store.records import LevelPolicy


class PolicyView(Struct, frozen=True):
    """What a level decides, what it inherits, and what it comes to; durations are seconds.

    Without `rssiFloor` the place is not calibrated: a weak signal is info there, below `rssiDefaultFloor`.
    """

    own: PolicyChanges
    inherited: PolicyChanges
    effective: PolicyChanges


@get("/policy", tags=["policy"], opt=needs(Role.VIEWER), responses=problems(400, 401, 403, 404, 503))
async def show_policy(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId]) -> PolicyView:
    """What the hotel decides."""
    return _view(await store.policy(hotel_id))


@put("/policy", tags=["policy"], opt=needs(Role.MANAGER), responses=problems(400, 401, 403, 404, 413, 415, 503))
async def put_policy(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    data: JSONBody[PolicyChanges],
) -> PolicyView:
    """Let the hotel decide just this. A hotel always has a profile: left out, it stays."""
    return _view(await store.put_policy(hotel_id, data, by=by, now=clock()))


@get(
    "/rooms/{room_id:str}/policy",
    tags=["policy"],
    opt=needs(Role.VIEWER),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_room_policy(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], room_id: Name
) -> PolicyView:
    """What a room decides."""
    return _view(await store.policy(hotel_id, room_id=room_named(room_id)))


@put(
    "/rooms/{room_id:str}/policy",
    tags=["policy"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 413, 415, 503),
)
async def put_room_policy(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    room_id: Name,
    data: JSONBody[PolicyChanges],
) -> PolicyView:
    """Let a room decide just this; `profile` and `rssiFloor` are the ones that `PATCH /api/rooms/{id}` sets."""
    return _view(await store.put_policy(hotel_id, data, room_id=room_named(room_id), by=by, now=clock()))


@get(
    "/devices/{device_id:str}/policy",
    tags=["policy"],
    opt=needs(Role.VIEWER),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_device_policy(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], device_id: Name
) -> PolicyView:
    """What is decided of a tablet alone; it keeps that in whichever room it stands."""
    return _view(await store.policy(hotel_id, device_id=device_named(device_id)))


@put(
    "/devices/{device_id:str}/policy",
    tags=["policy"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 413, 415, 503),
)
async def put_device_policy(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    device_id: Name,
    data: JSONBody[PolicyChanges],
) -> PolicyView:
    """Let just this be decided of a tablet alone."""
    return _view(await store.put_policy(hotel_id, data, device_id=device_named(device_id), by=by, now=clock()))


def _view(policy: LevelPolicy) -> PolicyView:
    return PolicyView(policy.own, in_full(policy.inherited), in_full(policy.effective))
