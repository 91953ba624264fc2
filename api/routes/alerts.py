"""Alerts: the list, one with its life so far, and saying "I have it"."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from api.gate import needs
from api.parameters import PAGE, Cursor, Limit, Name, alert_named
from api.problems import Refused, Trouble, problems
from api.records import Acknowledge, AlertDetail
from broker.tokens import Role
from rules.alerts import Acknowledgment, AlertSnapshot, AlertStatus
from rules.ids import HotelId
from store import Actor, AlertGone, AlreadyAcknowledged, Store
from store.records import Page

log = logging.getLogger(__name__)


class Which(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


@get("/alerts", tags=["alerts"], opt=needs(Role.VIEWER, scope="alerts"), responses=problems(400, 401, 403, 404, 503))
async def list_alerts(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    status: FromQuery[Which] = Which.OPEN,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Page[AlertSnapshot]:
    """The hotel's alerts, newest first."""
    chosen = None if status is Which.ALL else AlertStatus(status)
    return await store.alerts(hotel_id, status=chosen, cursor=cursor, limit=limit)


@get(
    "/alerts/{alert_id:str}",
    tags=["alerts"],
    opt=needs(Role.VIEWER, scope="alerts"),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_alert(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], alert_id: Name) -> AlertDetail:
    """One alert with its timeline, oldest step first."""
    snapshot = await store.alert(hotel_id, alert_named(alert_id))
    if snapshot is None:
        raise Refused(Trouble.NOT_FOUND)
    timeline = await store.timeline(hotel_id, snapshot.id)
    return AlertDetail(**msgspec.structs.asdict(snapshot), timeline=tuple(timeline))


@post(
    "/alerts/{alert_id:str}/acknowledge",
    tags=["alerts"],
    opt=needs(Role.STAFF),
    status_code=200,
    responses=problems(400, 401, 403, 404, 409, 410, 413, 415, 503),
)
async def acknowledge(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    alert_id: Name,
    data: JSONBody[Acknowledge],
) -> AlertSnapshot:
    """Take an alert on. The first one wins; the next gets 409 with `by` and `at`. A resolved one is 410."""
    taking = store.acknowledge(hotel_id, alert_named(alert_id), by=by, note=data.note, now=clock())
    return await taken_on(taking, hotel_id=hotel_id, by=by)


async def taken_on(taking: Awaitable[AlertSnapshot], *, hotel_id: HotelId, by: Actor) -> AlertSnapshot:
    """Return what the store says to a try to take an alert on. Raises Refused (409, 410)."""
    try:
        taken = await taking
    except AlertGone:
        raise Refused(Trouble.RESOLVED, "Its condition has ended; there is nothing left to acknowledge.") from None
    except AlreadyAcknowledged as first:
        raise Refused(Trouble.ACKNOWLEDGED, acknowledged=Acknowledgment(first.by, first.at)) from None
    log.info(
        "alert acknowledged",
        {"hotel": hotel_id, "alert": taken.id, "user": by.name, "request": by.request_id},
    )
    return taken
