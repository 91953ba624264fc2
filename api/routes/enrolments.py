"""Enrolments: one-time codes for tablets, and the yes to one that is known."""

from collections.abc import Callable
from datetime import datetime

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.addresses import Addresses
from api.enrolling import EnrolmentView, IssuedEnrolment, NewEnrolment, Reception, refused, view_of
from api.gate import needs
from api.parameters import PAGE, Asked, Cursor, Limit, Name, checked, enrolment_named, named_in_body
from api.problems import Refused, Trouble, problems
from broker.tokens import Role
from rules.ids import HotelId
from store import Actor, EnrolmentRefused, Store
from store.records import Page


@post(
    "/enrolments", tags=["enrolments"], opt=needs(Role.MANAGER), responses=problems(400, 401, 403, 404, 413, 415, 503)
)
async def make_enrolment(
    request: Asked,
    reception: NamedDependency[Reception],
    addresses: NamedDependency[Addresses],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    data: JSONBody[NewEnrolment],
) -> IssuedEnrolment:
    """Make a code with which one tablet may come to a room within 15 minutes. It is told here and never again."""
    checked(roomId=data.room_id, deviceId=data.device_id)
    with named_in_body(room="roomId"):
        return await reception.issue(hotel_id, data, here=addresses.here(request), by=by)


@get("/enrolments", tags=["enrolments"], opt=needs(Role.MANAGER), responses=problems(400, 401, 403, 404, 503))
async def list_enrolments(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    cursor: Cursor = None,
    limit: Limit = PAGE,
) -> Page[EnrolmentView]:
    """The hotel's enrolments, newest first, without their codes."""
    page, now = await store.enrolments(hotel_id, cursor=cursor, limit=limit), clock()
    return Page(tuple(view_of(one, now) for one in page.items), page.next)


@get(
    "/enrolments/{enrolment_id:str}",
    tags=["enrolments"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 503),
)
async def show_enrolment(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    enrolment_id: Name,
) -> EnrolmentView:
    """One enrolment, and what has become of it."""
    enrolment = await store.enrolment(hotel_id, enrolment_named(enrolment_id))
    if enrolment is None:
        raise Refused(Trouble.NOT_FOUND)
    return view_of(enrolment, clock())


@post(
    "/enrolments/{enrolment_id:str}/approve",
    tags=["enrolments"],
    opt=needs(Role.MANAGER),
    status_code=200,
    responses=problems(400, 401, 403, 404, 409, 410, 413, 415, 503),
)
async def approve_enrolment(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    enrolment_id: Name,
) -> EnrolmentView:
    """Say yes to the known tablet that came with this code; the tokens that it has are void when it comes again."""
    now = clock()
    try:
        return view_of(await store.approve_enrolment(hotel_id, enrolment_named(enrolment_id), by=by, now=now), now)
    except EnrolmentRefused as refusal:
        raise refused(refusal) from None


@post(
    "/enrolments/{enrolment_id:str}/withdraw",
    tags=["enrolments"],
    opt=needs(Role.MANAGER),
    status_code=200,
    responses=problems(400, 401, 403, 404, 410, 413, 415, 503),
)
async def withdraw_enrolment(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    clock: NamedDependency[Callable[[], datetime]],
    by: NamedDependency[Actor],
    enrolment_id: Name,
) -> EnrolmentView:
    """Let nobody use it any more."""
    now = clock()
    try:
        return view_of(await store.withdraw_enrolment(hotel_id, enrolment_named(enrolment_id), by=by, now=now), now)
    except EnrolmentRefused as refusal:
        raise refused(refusal) from None
