"""Alerts: the list, one with its life so far, and what people answer: that they have it, whose it is, not now."""

import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import partial

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from api.gate import Caller, needs
from api.parameters import PAGE, Cursor, Limit, Name, alert_named, checked
from api.problems import Refused, Trouble, problems
from api.records import Acknowledge, AddNote, AlertDetail, Answer, Assign, Resolve, Snooze
from broker.tokens import Role
from rules.alerts import AlertSnapshot, AlertStatus
from rules.ids import DeviceId, HotelId, RoomId, UserName
from store import Actor, Store
from store.records import MemberRole, Page

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


_answered = partial(post, tags=["alerts"], opt=needs(Role.STAFF), status_code=200)
"""A route by which somebody answers an alert."""

_ANSWERS = problems(400, 401, 403, 404, 409, 410, 413, 415, 503)


@_answered("/alerts/{alert_id:str}/acknowledge", responses=_ANSWERS)
async def acknowledge(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    alert_id: Name,
    data: JSONBody[Acknowledge],
) -> AlertSnapshot:
    """Take an alert on. The first one wins; the next gets 409 with `by` and `at`. A resolved one is 410.

    While the alert is critical this lapses after an hour. `ifRevision`, here as in all answers: if the alert is no
    longer of that revision, 409 with who changed it (`by`, null where its condition did), when (`at`), and `revision`.
    """
    alert = await store.acknowledge(
        hotel_id, alert_named(alert_id), by=by, note=data.note, now=clock(), if_revision=data.if_revision
    )
    return taken_on(alert, hotel_id=hotel_id, by=by)


@_answered("/alerts/{alert_id:str}/unacknowledge", responses=_ANSWERS)
async def unacknowledge(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    alert_id: Name,
    data: JSONBody[Answer],
) -> AlertSnapshot:
    """Give an alert back, whoever has it: notices that were held back for it are sent after all."""
    alert = await store.unacknowledge(hotel_id, alert_named(alert_id), by=by, now=clock(), if_revision=data.if_revision)
    return _said("alert given back", alert, hotel_id=hotel_id, by=by)


@_answered("/alerts/{alert_id:str}/assign", responses=_ANSWERS)
async def assign(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    alert_id: Name,
    data: JSONBody[Assign],
) -> AlertSnapshot:
    """Say whose an alert is to be, by user name; null: nobody's. It is not acknowledged by that."""
    checked(assignee=data.assignee)
    name = None if data.assignee is None else UserName(data.assignee)
    alert = await store.assign_alert(
        hotel_id, alert_named(alert_id), name, by=by, now=clock(), if_revision=data.if_revision
    )
    return _said("alert assigned", alert, hotel_id=hotel_id, by=by)


@_answered("/alerts/{alert_id:str}/note", responses=_ANSWERS)
async def add_note(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    alert_id: Name,
    data: JSONBody[AddNote],
) -> AlertSnapshot:
    """Add a line to an alert's timeline."""
    alert = await store.note_alert(
        hotel_id, alert_named(alert_id), data.note, by=by, now=clock(), if_revision=data.if_revision
    )
    return _said("alert noted", alert, hotel_id=hotel_id, by=by)


@_answered("/alerts/{alert_id:str}/snooze", responses=_ANSWERS)
async def snooze(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    alert_id: Name,
    data: JSONBody[Snooze],
) -> AlertSnapshot:
    """Have nobody told of what is known of an alert until a time, 7 days off at most, an hour if it is critical.

    Null ends it. When it is over and nobody has acknowledged the alert, the hotel's channels hear of it again.
    """
    alert = await store.snooze_alert(
        hotel_id, alert_named(alert_id), data.until, by=by, now=clock(), if_revision=data.if_revision
    )
    return _said("alert snoozed", alert, hotel_id=hotel_id, by=by)


@_answered("/alerts/{alert_id:str}/resolve", responses=_ANSWERS)
async def resolve(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    caller: NamedDependency[Caller],
    clock: NamedDependency[Callable[[], datetime]],
    alert_id: Name,
    data: JSONBody[Resolve],
) -> AlertSnapshot:
    """End an alert by hand. Only a manager ends what is critical, or of the families tamper and identity.

    While its condition lasts nobody is told of it again, unless it becomes more severe than it is now.
    """
    role = MemberRole.STAFF if caller.role is Role.STAFF else MemberRole.MANAGER
    alert = await store.resolve_alert(
        hotel_id,
        alert_named(alert_id),
        by=by,
        role=role,
        note=data.note,
        now=clock(),
        if_revision=data.if_revision,
    )
    return _said("alert resolved by hand", alert, hotel_id=hotel_id, by=by)


class Moved(msgspec.Struct, frozen=True, rename="camel"):
    """A tablet, and the room that it belongs to from now on."""

    device_id: DeviceId
    room_id: RoomId


class Fixed(msgspec.Struct, frozen=True, rename="camel"):
    """What was done about the cause of an alert."""

    moved: tuple[Moved, ...]


@post(
    "/alerts/{alert_id:str}/fix",
    tags=["alerts"],
    opt=needs(Role.MANAGER),
    status_code=200,
    responses=_ANSWERS,
)
async def fix(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    alert_id: Name,
    data: JSONBody[Answer],
) -> Fixed:
    """Of two tablets that are in each other's room (`room.swapped`), give each the other's room.

    The alert has a note of it, and ends when they are heard in what is now their room. 409 where one of them is not
    in the room that the alert was about any more, so also the second time. An alert of anything else is 400.
    """
    alert = alert_named(alert_id)
    moved = await store.fix_swap(hotel_id, alert, by=by, now=clock(), if_revision=data.if_revision)
    log.info("two tablets swapped", {"hotel": hotel_id, "alert": alert, "user": by.name, "request": by.request_id})
    return Fixed(tuple(Moved(device.id, device.room_id) for device in moved))


def _said(event: str, alert: AlertSnapshot, *, hotel_id: HotelId, by: Actor) -> AlertSnapshot:
    log.info(event, {"hotel": hotel_id, "alert": alert.id, "user": by.name, "request": by.request_id})
    return alert


def taken_on(alert: AlertSnapshot, *, hotel_id: HotelId, by: Actor) -> AlertSnapshot:
    """Log that somebody took an alert on, by whichever address."""
    return _said("alert acknowledged", alert, hotel_id=hotel_id, by=by)
