"""Devices: how each is now, and what it sent over time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.gate import needs
from api.parameters import PAGE, Cursor, Limit, Name, device_named
from api.problems import Refused, Trouble, invalid, problems
from api.records import DeviceView, History, device_view
from broker.tokens import Role
from rules.ids import HotelId
from rules.messages import Aware
from store import Store
from store.records import DeviceRow, Page

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
    end = clock() if to is None else _moment("to", to)
    start = _day_before(end) if from_ is None else _moment("from", from_)
    if start >= end:
        return History(())
    return History(tuple(await store.history(hotel_id, device.id, start=start, end=end, points=points)))


def _moment(field: str, text: str) -> datetime:
    """Return a moment in UTC; raises Refused (400) for one without a zone, or outside of the calendar there."""
    try:
        return msgspec.convert(text, Aware).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise invalid(field, "is no RFC 3339 time with a zone") from None


def _day_before(end: datetime) -> datetime:
    return end - timedelta(days=1) if end - _FIRST > timedelta(days=1) else _FIRST


_FIRST = datetime.min.replace(tzinfo=UTC)


async def _device(store: Store, hotel_id: HotelId, device_id: str) -> DeviceRow:
    row = await store.device(hotel_id, device_named(device_id))
    if row is None:
        raise Refused(Trouble.NOT_FOUND)
    return row
