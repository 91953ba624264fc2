"""Devices: how each is now, what it sent over time, and what becomes of it: its room, its hardware, its end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from api.addresses import Addresses
from api.enrolling import IssuedEnrolment, Reception
from api.gate import needs
from api.parameters import PAGE, Asked, Cursor, Limit, Name, checked, device_named, moment_said, named_in_body
from api.problems import Refused, Trouble, problems
from api.records import (
    DeviceView,
    History,
    Move,
    NewTablet,
    Replacement,
    TabletChanges,
    Taken,
    device_view,
)
from broker.tokens import Role
from rules.ids import DeviceId, HotelId, RoomId
from store import Actor, Store
from store.records import DeviceRow, Page

_WRITING = problems(400, 401, 403, 404, 413, 415, 503)

_From = Annotated[
    str | None, QueryParameter(name="from", format="date-time", description="Start; a day before the end if absent.")
]
_To = Annotated[str | None, QueryParameter(name="to", format="date-time", description="End, exclusive; now if absent.")]
_Points = Annotated[int, QueryParameter(ge=1, le=1000, description="Slices, at most.")]


@get("/devices", tags=["devices"], opt=needs(Role.VIEWER, scope="rooms"), responses=problems(400, 401, 403, 404, 503))
async def list_devices(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], cursor: Cursor = None, limit: Limit = PAGE
) -> Page[DeviceView]:
    """The hotel's tablets in order of id."""
    page = await store.devices(hotel_id, cursor=cursor, limit=limit)
    return Page(tuple(device_view(row) for row in page.items), page.next)


@get(
    "/devices/{device_id:str}",
    tags=["devices"],
    opt=needs(Role.VIEWER, scope="rooms"),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_device(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], device_id: Name) -> DeviceView:
    """One tablet."""
    return device_view(await _device(store, hotel_id, device_id))


@get(
    "/devices/{device_id:str}/history",
    tags=["devices"],
    opt=needs(Role.VIEWER, scope="rooms"),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_history(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    device_id: Name,
    from_: _From = None,
    to: _To = None,
    points: _Points = 200,
) -> History:
    """A tablet's signal and battery, summed up in at most `points` equal slices of [from, to)."""
    device = (await _device(store, hotel_id, device_id)).device
    end = clock() if to is None else moment_said("to", to)
    start = _day_before(end) if from_ is None else moment_said("from", from_)
    if start >= end:
        return History(())
    return History(tuple(await store.history(hotel_id, device.id, start=start, end=end, points=points)))


@post("/devices", tags=["devices"], opt=needs(Role.MANAGER), responses=problems(400, 401, 403, 404, 409, 413, 415, 503))
async def add_device(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    data: JSONBody[NewTablet],
) -> DeviceView:
    """Add a tablet to a room; it gets its token by an enrolment."""
    checked(deviceId=data.device_id, roomId=data.room_id)
    with named_in_body(room="roomId"):
        added = await store.add_device(
            hotel_id, DeviceId(data.device_id), room_id=RoomId(data.room_id), name=data.name, by=by, now=clock()
        )
    return device_view(await _device(store, hotel_id, added.id))


@patch("/devices/{device_id:str}", tags=["devices"], opt=needs(Role.MANAGER), responses=_WRITING)
async def change_device(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    device_id: Name,
    data: JSONBody[TabletChanges],
) -> DeviceView:
    """Give a tablet another name for people, or none."""
    changed = await store.rename_device(hotel_id, device_named(device_id), name=data.name, by=by, now=clock())
    return device_view(await _device(store, hotel_id, changed.id))


@delete("/devices/{device_id:str}", tags=["devices"], opt=needs(Role.MANAGER), status_code=200, responses=_WRITING)
async def retire_device(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    device_id: Name,
) -> Taken:
    """Retire a tablet: its tokens are void, its alerts are over, nothing that it sends revives it."""
    await store.retire_device(hotel_id, device_named(device_id), by=by, now=clock())
    return Taken()


@post("/devices/{device_id:str}/move", tags=["devices"], opt=needs(Role.MANAGER), status_code=200, responses=_WRITING)
async def move_device(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    device_id: Name,
    data: JSONBody[Move],
) -> DeviceView:
    """Let a tablet belong to another room. It keeps its token and its history, and hears of it by itself."""
    checked(roomId=data.room_id)
    device, room_id = device_named(device_id), RoomId(data.room_id)
    with named_in_body(room="roomId"):
        moved = await store.move_device(hotel_id, device, room_id=room_id, by=by, now=clock())
    return device_view(await _device(store, hotel_id, moved.id))


@post(
    "/devices/{device_id:str}/replace",
    tags=["devices"],
    opt=needs(Role.MANAGER),
    status_code=200,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def replace_device(
    request: Asked,
    reception: NamedDependency[Reception],
    addresses: NamedDependency[Addresses],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    device_id: Name,
    data: JSONBody[Replacement],
) -> IssuedEnrolment:
    """Let other hardware be this tablet: the old one is shut out at once, the answer is the new one's enrolment."""
    checked(newDeviceId=data.new_device_id)
    new_id = None if data.new_device_id is None else DeviceId(data.new_device_id)
    here = addresses.here(request)
    return await reception.replace(hotel_id, device_named(device_id), new_id=new_id, here=here, by=by)


@post("/devices/{device_id:str}/revoke", tags=["devices"], opt=needs(Role.MANAGER), status_code=200, responses=_WRITING)
async def revoke_device(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    device_id: Name,
) -> Taken:
    """Void every token that a tablet has, and close its connection within seconds. No body."""
    await store.revoke_device(hotel_id, device_named(device_id), by=by, now=clock())
    return Taken()


def _day_before(end: datetime) -> datetime:
    return end - timedelta(days=1) if end - _FIRST > timedelta(days=1) else _FIRST


_FIRST = datetime.min.replace(tzinfo=UTC)


async def _device(store: Store, hotel_id: HotelId, device_id: str) -> DeviceRow:
    row = await store.device(hotel_id, device_named(device_id))
    if row is None:
        raise Refused(Trouble.NOT_FOUND)
    return row
