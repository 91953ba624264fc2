"""Incidents: many silences with one cause. The list, one with its tablets, and taking one on."""

import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from msgspec.structs import asdict

from api.gate import Caller, needs
from api.parameters import PAGE, Cursor, Limit, Name, incident_named
from api.problems import Refused, Trouble, problems
from broker.tokens import Role
from rules.alerts import AlertSnapshot
from rules.ids import HotelId
from rules.incident import IncidentSnapshot
from store import Actor, AlertGone, Store
from store.records import IncidentStep, Page

log = logging.getLogger(__name__)


class Lasting(StrEnum):
    OPEN = "open"
    ALL = "all"


class IncidentDetail(IncidentSnapshot, frozen=True, rename="camel", kw_only=True):
    """An incident with the alerts of its tablets, the oldest first; and its life, step by step.

    What was told to whom is for the hotel's people: an integrator sees no steps of that sort.
    """

    alerts: tuple[AlertSnapshot, ...]
    timeline: tuple[IncidentStep, ...]


@get(
    "/incidents",
    tags=["incidents"],
    opt=needs(Role.VIEWER, scope="alerts"),
    responses=problems(400, 401, 403, 404, 503),
)
async def list_incidents(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    status: FromQuery[Lasting] = Lasting.ALL,
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Page[IncidentSnapshot]:
    """The hotel's incidents, newest first; `status=open`: those that are not over."""
    return await store.incidents(hotel_id, open_only=status is Lasting.OPEN, cursor=cursor, limit=limit)


@get(
    "/incidents/{incident_id:str}",
    tags=["incidents"],
    opt=needs(Role.VIEWER, scope="alerts"),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_incident(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    incident_id: Name,
) -> IncidentDetail:
    """One incident with the alerts of its tablets and its timeline, oldest step first."""
    incident = await store.incident(hotel_id, incident_named(incident_id))
    if incident is None:
        raise Refused(Trouble.NOT_FOUND)
    alerts = await store.incident_alerts(hotel_id, incident.id)
    steps = await store.incident_steps(hotel_id, incident.id)
    timeline = tuple(step for step in steps if step.channel is None or caller.role is not None)
    return IncidentDetail(**asdict(incident), alerts=tuple(alerts), timeline=timeline)


@post(
    "/incidents/{incident_id:str}/acknowledge",
    tags=["incidents"],
    opt=needs(Role.STAFF),
    status_code=200,
    responses=problems(400, 401, 403, 404, 409, 410, 503),
)
async def acknowledge_incident(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    incident_id: Name,
) -> IncidentSnapshot:
    """Take an incident on; its pending notices are not sent. First wins: the next gets 409, and 410 when it is over.

    The alerts of its tablets stay as they are.
    """
    try:
        incident = await store.acknowledge_incident(hotel_id, incident_named(incident_id), by=by, now=clock())
    except AlertGone:
        raise Refused(Trouble.OVER, "There is nothing left to take on.") from None
    log.info(
        "incident acknowledged",
        {"hotel": hotel_id, "incident": incident.id, "user": by.name, "request": by.request_id},
    )
    return incident
