"""Maintenance windows: when the tablets of a room, of a floor or of the hotel alarm nobody."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct
from msgspec.structs import asdict

from api.gate import needs
from api.parameters import PAGE, Cursor, Limit, Name, checked, named_in_body, window_named
from api.problems import Refused, Trouble, invalid, problems
from api.records import Id, Text, Word
from broker.tokens import Role
from rules.ids import HotelId, RoomId, WindowId
from store import Actor, NoWindow, Store, TooManyWindows
from store.records import MaintenanceWindow, NewWindow, Page, WindowState

Moment = Annotated[datetime, Meta(tz=True)]


class AskedWindow(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """When and where: in a room, on a floor, or (neither) in the whole hotel; from now on, where no start is given."""

    room_id: Id | None = None
    floor: Word | None = None
    starts_at: Moment | None = None
    ends_at: Moment
    reason: Text | None = None


class WindowView(MaintenanceWindow, frozen=True, rename="camel", kw_only=True):
    """A window; `ended_at` is when somebody ended it before its time."""

    state: WindowState


@get("/maintenance", tags=["maintenance"], opt=needs(Role.VIEWER), responses=problems(400, 401, 403, 404, 503))
async def list_windows(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Page[WindowView]:
    """The hotel's maintenance windows, those that are over too, the newest first."""
    page = await store.maintenance(hotel_id, cursor=cursor, limit=limit)
    return Page(tuple(_view(window, now=clock()) for window in page.items), page.next)


@post(
    "/maintenance",
    tags=["maintenance"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def add_window(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    data: JSONBody[AskedWindow],
) -> WindowView:
    """Expect trouble: silence waits for the window's end, and nobody is told of what else happens, tampering apart.

    It begins at once where `startsAt` is past, and lasts 31 days at most.
    """
    checked(roomId=data.room_id)
    if data.room_id is not None and data.floor is not None:
        raise invalid("floor", "is left out where roomId is given")
    now = clock()
    asked = NewWindow(
        room_id=None if data.room_id is None else RoomId(data.room_id),
        floor=data.floor,
        starts_at=data.starts_at,
        ends_at=data.ends_at,
        reason=data.reason,
    )
    try:
        with named_in_body(room="roomId", floor="floor"):
            window = await store.add_window(hotel_id, WindowId(secrets.token_hex(8)), asked, by=by, now=now)
    except NoWindow as error:
        raise invalid("endsAt", str(error)) from None
    except TooManyWindows as error:
        raise Refused(Trouble.TOO_MANY_WINDOWS, str(error)) from None
    return _view(window, now=now)


@post(
    "/maintenance/{window_id:str}/end",
    tags=["maintenance"],
    status_code=200,
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 503),
)
async def end_window(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    window_id: Name,
) -> WindowView:
    """End one that runs, or withdraw one that is to come. One that is over stays as it is."""
    now = clock()
    return _view(await store.end_window(hotel_id, window_named(window_id), by=by, now=now), now=now)


def _view(window: MaintenanceWindow, *, now: datetime) -> WindowView:
    return WindowView(**asdict(window), state=window.state_at(now))
