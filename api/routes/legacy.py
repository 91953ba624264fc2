"""The old system's addresses: what its agents ask for in its own words, and its people's in the new shape.

The agents' stay as they were (docs/contract.md, "HTTP"). The people's are the new routes by their old addresses.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct

from api.gate import Caller, needs, needs_agent
from api.parameters import PAGE, Cursor, Limit, Name, alert_named, device_named
from api.problems import Refused, Trouble, invalid, problems
from api.records import DeviceView, RoomView, device_view, room_view
from api.routes.alerts import taken_on
from api.settings import ApiSettings
from api.speakers import Speakers
from broker.tokens import Role
from rules.alerts import AlertSnapshot
from rules.ids import NO_ID, DeviceId, HotelId, RoomId, is_id
from rules.place import normal_bssid
from rules.texts import LINE, LINES
from store import Actor, Exists, Store
from store.records import Page, Room, RoomChanges

Called = Annotated[str, Meta(min_length=1, max_length=200, pattern=LINE)]
Storey = Annotated[str, Meta(min_length=1, max_length=64, pattern=LINE)]


class OldRoom(Struct, frozen=True, rename="camel"):
    """One access point of the room, null where none is known; dBm below which the old agent reports itself."""

    bssid: str | None
    ssid: None
    min_rssi: float


class OldThresholds(Struct, frozen=True, rename="camel"):
    """Percent, and seconds."""

    battery_low: int
    breach_grace_sec: int


class OldConfig(Struct, frozen=True, kw_only=True):
    """What an agent of the old system asks for at its start. There is no PIN here: tablets are locked by command."""

    room: OldRoom
    pin: None = None
    thresholds: OldThresholds


class OldAcknowledge(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """`alert_id` is an alert's id, or the number that an imported one had in the old system."""

    alert_id: Annotated[str, Meta(max_length=64)] | Annotated[int, Meta(ge=0, le=2**63 - 1)]
    notes: Annotated[str, Meta(max_length=2000, pattern=LINES)] | None = None


class RoomSaid(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A room in the old system's words: one access point, and the signal (dBm) below which its tablet has left it."""

    room_id: Annotated[str, Meta(max_length=64)]
    name: Called | None = None
    floor: Storey | None = None
    bssid: Annotated[str, Meta(max_length=64)] | None = None
    min_rssi: Annotated[float, Meta(ge=-126, le=0)] | None = None


class QuickAdd(RoomSaid, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A tablet, and its room, which is made where it is missing. `name` is the room's."""

    device_id: Annotated[str, Meta(max_length=64)]


@get(
    "/config/{device_id:str}",
    tags=["telemetry"],
    opt=needs_agent(),
    responses=problems(400, 401, 403, 404, 503),
)
async def old_config(
    store: NamedDependency[Store],
    speakers: NamedDependency[Speakers],
    caller: NamedDependency[Caller],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    device_id: Name,
) -> OldConfig:
    """What a tablet of the old system needs to know of its room."""
    device = await speakers.device_of(caller, device_id)
    home = await store.home(hotel_id, device)
    if home is None:
        raise Refused(Trouble.NOT_FOUND)
    await speakers.heard(caller, device, now=clock())
    policy = home.policy
    floor = policy.rssi_default_floor if policy.rssi_floor is None else policy.rssi_floor
    return OldConfig(
        room=OldRoom(bssid=home.access_points[0] if home.access_points else None, ssid=None, min_rssi=floor),
        thresholds=OldThresholds(
            battery_low=round(policy.battery_low), breach_grace_sec=round(policy.breach_min_span.total_seconds())
        ),
    )


@get(
    "/alerts/recent",
    tags=["alerts"],
    opt=needs(Role.VIEWER, scope="alerts"),
    responses=problems(400, 401, 403, 404, 503),
)
async def recent_alerts(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], cursor: Cursor = None, limit: Limit = PAGE
) -> Page[AlertSnapshot]:
    """As `GET /api/alerts?status=all`: open or not, newest first."""
    return await store.alerts(hotel_id, cursor=cursor, limit=limit)


@post(
    "/alerts/acknowledge",
    tags=["alerts"],
    opt=needs(Role.STAFF),
    status_code=200,
    responses=problems(400, 401, 403, 404, 409, 410, 413, 415, 503),
)
async def acknowledge_by_number(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    data: JSONBody[OldAcknowledge],
) -> AlertSnapshot:
    """Take an alert on, as `POST /api/alerts/{id}/acknowledge`; an imported one too, which is over already."""
    if isinstance(data.alert_id, int):
        number, now = data.alert_id, clock()
        alert = await store.acknowledge_imported(hotel_id, number, by=by, note=data.notes, now=now)
    else:
        alert = await store.acknowledge(hotel_id, alert_named(data.alert_id), by=by, note=data.notes, now=clock())
    return taken_on(alert, hotel_id=hotel_id, by=by)


@post(
    "/devices/quick-add",
    tags=["devices"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def quick_add(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    settings: NamedDependency[ApiSettings],
    data: JSONBody[QuickAdd],
) -> DeviceView:
    """Add a tablet, with its room where that is missing.

    Where the token that old tablets share acts in this hotel, it may speak for the new one: that is what this address
    was for. Tablets that come otherwise are enrolled.
    """
    room, device_id, now = room_said(data), _id("deviceId", data.device_id), clock()
    shared = settings.shared_token is not None and settings.shared_token.hotel_id == hotel_id
    await store.quick_add(hotel_id, DeviceId(device_id), room=room, shared_token=shared, by=by, now=now)
    row = await store.device(hotel_id, device_named(device_id))
    if row is None:  # retired by somebody else at this moment
        raise Refused(Trouble.NOT_FOUND)
    return device_view(row)


@post(
    "/rooms/upsert",
    tags=["rooms"],
    opt=needs(Role.MANAGER),
    status_code=200,
    responses=problems(400, 401, 403, 404, 413, 415, 503),
)
async def upsert_room(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    data: JSONBody[RoomSaid],
) -> RoomView:
    """Add a room, or change it where it is there: what is left out, or null, stays as it is."""
    room, now = room_said(data), clock()
    try:
        await store.add_room(hotel_id, room, by=by, now=now)
    except Exists:
        room = await store.change_room(hotel_id, room.id, _changes(room), by=by, now=now)
    residents = await store.residents(hotel_id, first=room.id, last=room.id)
    return room_view(room, residents.get(room.id, ()))


def _changes(room: Room) -> RoomChanges:
    return RoomChanges(
        name=UNSET if room.name is None else room.name,
        floor=UNSET if room.floor is None else room.floor,
        access_points=room.access_points or UNSET,
        rssi_floor=UNSET if room.rssi_floor is None else room.rssi_floor,
    )


def room_said(said: RoomSaid) -> Room:
    """Return the room that is meant. Raises Refused (400)."""
    bssid = None if said.bssid is None else normal_bssid(said.bssid)
    if said.bssid is not None and bssid is None:
        raise invalid("bssid", "is no BSSID such as a4:2b:b0:c1:d2:e3")
    return Room(
        id=RoomId(_id("roomId", said.room_id)),
        name=said.name,
        floor=said.floor,
        access_points=() if bssid is None else (bssid,),
        rssi_floor=said.min_rssi,
    )


def _id(field: str, text: str) -> str:
    if not is_id(text):
        raise invalid(field, NO_ID)
    return text
