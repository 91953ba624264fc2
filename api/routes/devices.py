"""Devices: how each is now, and what it sent over time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from api.gate import needs
from api.parameters import PAGE, Cursor, Limit, Name, device_named
from api.problems import Refused, Trouble, invalid, problems
from api.records import DeviceView, History, device_view
from broker.tokens import Role
from rules.ids import HotelId
from store import Store
from store.records import DeviceRow, Page

LONGEST = timedelta(days=400)
"""Of a history: longer than heartbeats are kept."""

_From = Annotated[datetime | None, QueryParameter(name="from", description="Start; a day before the end if absent.")]
_To = Annotated[datetime | None, QueryParameter(name="to", description="End, exclusive; now if absent.")]
_Points = Annotated[int, QueryParameter(ge=1, le=1000, description="Slices, at most.")]


@get("/devices", tags=["devices"], opt=needs(Role.VIEWER, scope="rooms"), responses=problems(400, 401, 403, 503))
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
    start, end = _span(from_, to, now=clock())
    return History(tuple(await store.history(hotel_id, device.id, start=start, end=end, points=points)))


def _span(start: datetime | None, end: datetime | None, *, now: datetime) -> tuple[datetime, datetime]:
    """Return the span with its defaults; raises Refused (400) for one without zone, upside down or too long."""
    for field, moment in (("from", start), ("to", end)):
        if moment is not None and moment.tzinfo is None:
            raise invalid(field, "needs a time zone")
    try:
        end = (end or now).astimezone(UTC)
        start = (start or end - timedelta(days=1)).astimezone(UTC)
        if not timedelta() < end - start <= LONGEST:
            raise invalid("from", f"must lie before `to`, and not more than {LONGEST.days} days")
    except OverflowError:
        raise invalid("from", "lies outside of the calendar") from None
    return start, end


async def _device(store: Store, hotel_id: HotelId, device_id: str) -> DeviceRow:
    row = await store.device(hotel_id, device_named(device_id))
    if row is None:
        raise Refused(Trouble.NOT_FOUND)
    return row
