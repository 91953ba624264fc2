"""Choosing a password of one's own: by the one that holds now, or by a link that somebody was given."""

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.callers import Callers
from api.gate import Caller, needs
from api.locksmith import Locksmith
from api.parameters import Asked
from api.people import Link, LinkOf, LinkUse, PasswordChange, PasswordSet
from api.problems import problems
from api.records import Grant
from api.request_ids import request_id
from api.routes.signin import Desk
from broker.tokens import Role
from store import Actor


@post(
    "/auth/password",
    tags=["auth"],
    opt=needs(Role.VIEWER, hotel=False),
    status_code=200,
    responses=problems(400, 401, 403, 413, 415, 429, 503),
)
async def change_password(
    locksmith: NamedDependency[Locksmith],
    desk: NamedDependency[Desk],
    caller: NamedDependency[Caller],
    by: NamedDependency[Actor],
    data: JSONBody[PasswordChange],
) -> Grant:
    """Choose another password, and prove the one that holds now. The token is void then: the answer has a new one."""
    account = await locksmith.change(caller.claims, data, by=by)
    return await desk.grant(account, caller.claims.hotel_id)


@post("/auth/password-link", tags=["auth"], status_code=200, responses=problems(400, 404, 410, 413, 415, 429, 503))
async def look_at_password_link(
    request: Asked, locksmith: NamedDependency[Locksmith], callers: NamedDependency[Callers], data: JSONBody[Link]
) -> LinkOf:
    """Whose password a link sets. 404: it is none, or void; 410: it was used, or has expired."""
    link = await locksmith.look(data.secret, address=callers.address(request))
    return LinkOf(username=link.name, expires_at=link.expires_at)


@post("/auth/password-link/use", tags=["auth"], status_code=200, responses=problems(400, 404, 410, 413, 415, 429, 503))
async def use_password_link(
    request: Asked, locksmith: NamedDependency[Locksmith], callers: NamedDependency[Callers], data: JSONBody[LinkUse]
) -> PasswordSet:
    """Set the password, once. Then log in by it."""
    account = await locksmith.use(data, address=callers.address(request), request_id=request_id(request.scope))
    return PasswordSet(account.name)
