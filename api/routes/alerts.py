"""Alerts: the list, one with its life so far, and what people answer: that they have it, whose it is, not now."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final, TypedDict

import msgspec
from litestar import get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, JSONBody

from api.gate import Caller, needs
from api.parameters import PAGE, Cursor, Limit, Name, alert_named, checked
from api.problems import Refused, Trouble, problems
from api.records import Acknowledge, AddNote, AlertDetail, Answer, Assign, Resolve, Snooze, of_alert_alone
from broker.tokens import Role
from rules.alerts import AlertSnapshot, AlertStatus
from rules.ids import AlertId, DeviceId, HotelId, RoomId, UserName
from store import Actor, Store
from store.records import MemberRole, Page

log = logging.getLogger(__name__)

TAKEN_ON: Final = "alert acknowledged"


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
async def show_alert(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    alert_id: Name,
) -> AlertDetail:
    """One alert with its timeline, oldest step first; an integrator sees no steps about notices."""
    snapshot = await store.alert(hotel_id, alert_named(alert_id))
    if snapshot is None:
        raise Refused(Trouble.NOT_FOUND)
    timeline = tuple(await store.timeline(hotel_id, snapshot.id))
    if caller.role is None:
        timeline = of_alert_alone(timeline)
    return AlertDetail(**msgspec.structs.asdict(snapshot), timeline=timeline)


class Given(TypedDict):
    """What every answer of a person comes with."""

    by: Actor
    now: datetime
    if_revision: int | None


Give = Callable[[HotelId, AlertId, Given], Awaitable[AlertSnapshot]]


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who answers an alert of their hotel."""

    store: Store
    hotel_id: HotelId
    by: Actor
    now: datetime

    async def answer(self, alert_id: str, data: Answer, give: Give, *, log_as: str) -> AlertSnapshot:
        """Give an answer to an alert that a path names. Raises Refused (404), and what the verb of the store raises."""
        given = Given(by=self.by, now=self.now, if_revision=data.if_revision)
        alert = await give(self.hotel_id, alert_named(alert_id), given)
        _log(log_as, alert.id, hotel_id=self.hotel_id, by=self.by)
        return alert


async def _answering(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
) -> Answering:
    return Answering(store=store, hotel_id=hotel_id, by=by, now=clock())


_ANSWERS = problems(400, 401, 403, 404, 409, 410, 413, 415, 503)
_BY = {"somebody": Provide(_answering)}
_answered = partial(post, tags=["alerts"], opt=needs(Role.STAFF), status_code=200, responses=_ANSWERS, dependencies=_BY)
"""A route by which somebody answers an alert."""


@_answered("/alerts/{alert_id:str}/acknowledge")
async def acknowledge(
    somebody: NamedDependency[Answering], alert_id: Name, data: JSONBody[Acknowledge]
) -> AlertSnapshot:
    """Take an alert on. The first one wins; the next gets 409 with `by` and `at`. A resolved one is 410.

    While the alert is critical this lapses after an hour. `ifRevision`, here as in all answers: if the alert is no
    longer of that revision, 409 with who changed it (`by`, null where its condition did), when (`at`), and `revision`.
    """
    return await somebody.answer(
        alert_id,
        data,
        lambda hotel, alert, given: somebody.store.acknowledge(hotel, alert, note=data.note, **given),
        log_as=TAKEN_ON,
    )


@_answered("/alerts/{alert_id:str}/unacknowledge")
async def unacknowledge(somebody: NamedDependency[Answering], alert_id: Name, data: JSONBody[Answer]) -> AlertSnapshot:
    """Give an alert back, whoever has it: notices that were held back for it are sent after all."""
    return await somebody.answer(
        alert_id,
        data,
        lambda hotel, alert, given: somebody.store.unacknowledge(hotel, alert, **given),
        log_as="alert given back",
    )


@_answered("/alerts/{alert_id:str}/assign")
async def assign(somebody: NamedDependency[Answering], alert_id: Name, data: JSONBody[Assign]) -> AlertSnapshot:
    """Say whose an alert is to be, by user name; null: nobody's. It is not acknowledged by that."""
    checked(assignee=data.assignee)
    name = None if data.assignee is None else UserName(data.assignee)
    return await somebody.answer(
        alert_id,
        data,
        lambda hotel, alert, given: somebody.store.assign_alert(hotel, alert, name, **given),
        log_as="alert assigned",
    )


@_answered("/alerts/{alert_id:str}/note")
async def add_note(somebody: NamedDependency[Answering], alert_id: Name, data: JSONBody[AddNote]) -> AlertSnapshot:
    """Add a line to an alert's timeline."""
    return await somebody.answer(
        alert_id,
        data,
        lambda hotel, alert, given: somebody.store.note_alert(hotel, alert, data.note, **given),
        log_as="alert noted",
    )


@_answered("/alerts/{alert_id:str}/snooze")
async def snooze(somebody: NamedDependency[Answering], alert_id: Name, data: JSONBody[Snooze]) -> AlertSnapshot:
    """Have nobody told of what is known of an alert until a time, 7 days off at most, an hour if it is critical.

    Null ends it. When it is over and nobody has acknowledged the alert, the hotel's channels hear of it again.
    """
    return await somebody.answer(
        alert_id,
        data,
        lambda hotel, alert, given: somebody.store.snooze_alert(hotel, alert, data.until, **given),
        log_as="alert snoozed",
    )


@_answered("/alerts/{alert_id:str}/resolve")
async def resolve(
    somebody: NamedDependency[Answering],
    caller: NamedDependency[Caller],
    alert_id: Name,
    data: JSONBody[Resolve],
) -> AlertSnapshot:
    """End an alert by hand. Only a manager ends what is critical, or of the families tamper and identity.

    While its condition lasts nobody is told of it again, unless it becomes more severe than it is now.
    """
    role = MemberRole.STAFF if caller.role is Role.STAFF else MemberRole.MANAGER
    return await somebody.answer(
        alert_id,
        data,
        lambda hotel, alert, given: somebody.store.resolve_alert(hotel, alert, role=role, note=data.note, **given),
        log_as="alert resolved by hand",
    )


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
    dependencies=_BY,
)
async def fix(somebody: NamedDependency[Answering], alert_id: Name, data: JSONBody[Answer]) -> Fixed:
    """Of two tablets that are in each other's room (`room.swapped`), give each the other's room.

    The alert has a note of it, and ends when they are heard in what is now their room. 409 where one of them is not
    in the room that the alert was about any more, so also the second time. An alert of anything else is 400.
    """
    alert = alert_named(alert_id)
    moved = await somebody.store.fix_swap(
        somebody.hotel_id, alert, by=somebody.by, now=somebody.now, if_revision=data.if_revision
    )
    _log("two tablets swapped", alert, hotel_id=somebody.hotel_id, by=somebody.by)
    return Fixed(tuple(Moved(device.id, device.room_id) for device in moved))


def taken_on(alert: AlertSnapshot, *, hotel_id: HotelId, by: Actor) -> AlertSnapshot:
    """Log that somebody took an alert on by another address than the one above."""
    _log(TAKEN_ON, alert.id, hotel_id=hotel_id, by=by)
    return alert


def _log(event: str, alert_id: AlertId, *, hotel_id: HotelId, by: Actor) -> None:
    log.info(event, {"hotel": hotel_id, "alert": alert_id, "user": by.name, "request": by.request_id})
