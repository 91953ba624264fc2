"""The people of a hotel: who they are, what they may do, and links by which they choose a password.

What concerns the whole account, which may belong to other hotels too, a manager does only to people of this hotel
alone; an administrator to anybody in it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.gate import Caller, needs
from api.parameters import PAGE, Cursor, Limit, Name, user_named
from api.people import Joined, LinkMade, NewRole, NewUser
from api.problems import Refused, Trouble, problems
from broker.tokens import Role
from rules.ids import HotelId, UserName
from store import Actor, BeyondHotel, NotFound, Store
from store.records import Member, Page, PasswordLink


@get("/users", tags=["users"], opt=needs(Role.VIEWER), responses=problems(400, 401, 403, 404, 503))
async def list_users(
    store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], cursor: Cursor = None, limit: Limit = PAGE
) -> Page[Member]:
    """The hotel's people in order of name."""
    return await store.members(hotel_id, cursor=cursor, limit=limit)


@get("/users/{name:str}", tags=["users"], opt=needs(Role.VIEWER), responses=problems(400, 401, 403, 404, 503))
async def show_user(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId], name: Name) -> Member:
    """One of the hotel's people."""
    return await _member(store, hotel_id, user_named(name))


@post(
    "/users",
    tags=["users"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def add_user(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    data: JSONBody[NewUser],
) -> Joined:
    """Make somebody a member of the hotel. A name is one account in all of Innwatch.

    `isNew` is false for somebody who had an account already: they get in by the password that they have, and nobody
    here can change it. Else hand them the link.
    """
    name, now = UserName(data.name), clock()
    is_new = await store.find_account(name) is None
    await store.add_user(hotel_id, name, role=data.role, password_hash=None, by=by, now=now)
    user = await _member(store, hotel_id, name)
    if user.has_password or user.disabled:
        return Joined(user=user, is_new=is_new, password=None)
    try:
        link = await store.make_member_link(hotel_id, name, by=by, now=now)
    except BeyondHotel:
        return Joined(user=user, is_new=is_new, password=None)
    return Joined(user=user, is_new=is_new, password=_made(link))


@patch(
    "/users/{name:str}",
    tags=["users"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def change_user(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    name: Name,
    data: JSONBody[NewRole],
) -> Member:
    """Let a member do more, from their next log-in on, or less, at once: they are logged out of this hotel then."""
    _not_oneself(caller, name)
    return await store.change_role(hotel_id, user_named(name), data.role, by=by, now=clock())


@delete("/users/{name:str}", tags=["users"], opt=needs(Role.MANAGER), responses=problems(400, 401, 403, 404, 409, 503))
async def remove_user(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    name: Name,
) -> None:
    """End a membership, and log the person out of this hotel. Other hotels of theirs are not touched."""
    _not_oneself(caller, name)
    await store.remove_user(hotel_id, user_named(name), by=by, now=clock())


@post(
    "/users/{name:str}/disable",
    tags=["users"],
    opt=needs(Role.MANAGER),
    status_code=200,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def disable_user(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    name: Name,
) -> Member:
    """Log somebody out, and let nobody log in by the name. No body. 403 for who belongs to other hotels too."""
    _not_oneself(caller, name)
    member = await _member(store, hotel_id, user_named(name))
    if caller.role is Role.ADMIN:
        await store.disable_user(member.name, by=by, now=clock())
    else:
        with _within_the_hotel():
            await store.disable_member(hotel_id, member.name, by=by, now=clock())
    return await _member(store, hotel_id, member.name)


@post(
    "/users/{name:str}/enable",
    tags=["users"],
    opt=needs(Role.MANAGER),
    status_code=200,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def enable_user(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    name: Name,
) -> Member:
    """Let somebody log in again. No body. 403 for who belongs to other hotels too."""
    member = await _member(store, hotel_id, user_named(name))
    if caller.role is Role.ADMIN:
        await store.enable_user(member.name, by=by, now=clock())
    else:
        with _within_the_hotel():
            await store.enable_member(hotel_id, member.name, by=by, now=clock())
    return await _member(store, hotel_id, member.name)


@post(
    "/users/{name:str}/password-link",
    tags=["users"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def make_password_link(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    caller: NamedDependency[Caller],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    name: Name,
) -> LinkMade:
    """Make a link by which somebody chooses a new password: once, within a day. No body. An earlier one is void.

    The password that they have holds until then. 403 for who belongs to other hotels too.
    """
    _not_oneself(caller, name)
    member = await _member(store, hotel_id, user_named(name))
    if member.disabled:
        raise Refused(Trouble.DISABLED)
    if caller.role is Role.ADMIN:
        return _made(await store.make_password_link(member.name, by=by, now=clock()))
    with _within_the_hotel():
        return _made(await store.make_member_link(hotel_id, member.name, by=by, now=clock()))


async def _member(store: Store, hotel_id: HotelId, name: UserName) -> Member:
    """Raises NotFound."""
    member = await store.member(hotel_id, name)
    if member is None:
        raise NotFound("user", name)
    return member


def _not_oneself(caller: Caller, name: str) -> None:
    """Who locks themselves out by mistake would need somebody else to get in again."""
    if caller.name == name:
        raise Refused(Trouble.ONESELF, "Another manager or an administrator can.")


@contextmanager
def _within_the_hotel() -> Iterator[None]:
    try:
        yield
    except BeyondHotel as beyond:
        raise Refused(Trouble.FORBIDDEN, f"{beyond}; an administrator can do this.") from None


def _made(link: PasswordLink) -> LinkMade:
    return LinkMade(link=f"#password/{link.secret}", expires_at=link.expires_at)
