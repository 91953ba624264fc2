"""A hotel's integrators: its other systems, each with its scopes. A token is shown once, when it is made."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.gate import needs
from api.parameters import Name, integrator_named
from api.people import IntegratorView, Issued, NewIntegrator, NewScopes
from api.problems import problems
from broker.tokens import KeyRing, Role, mint_integrator
from rules.ids import HotelId, IntegratorName
from store import Actor, Store
from store.records import Integrator, Page

LIFE: Final = timedelta(days=365)


@get("/integrators", tags=["integrators"], opt=needs(Role.MANAGER), responses=problems(400, 401, 403, 404, 503))
async def list_integrators(store: NamedDependency[Store], hotel_id: NamedDependency[HotelId]) -> Page[IntegratorView]:
    """The hotel's integrators in order of name, on one page: a hotel has a few."""
    found = await store.integrators(hotel_id)
    return Page(tuple(IntegratorView(one.name, one.scopes) for one in found))


@post(
    "/integrators",
    tags=["integrators"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
)
async def add_integrator(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    keys: NamedDependency[KeyRing],
    clock: NamedDependency[Callable[[], datetime]],
    data: JSONBody[NewIntegrator],
) -> Issued:
    """Let another system in, with its first token."""
    name, now = IntegratorName(data.name), clock()
    added = await store.add_integrator(hotel_id, name, scopes=_scopes(data.scopes), by=by, now=now)
    return _issued(added, keys, now=now)


@patch(
    "/integrators/{integrator:str}",
    tags=["integrators"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 413, 415, 503),
)
async def change_integrator(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    keys: NamedDependency[KeyRing],
    clock: NamedDependency[Callable[[], datetime]],
    integrator: Name,
    data: JSONBody[NewScopes],
) -> Issued:
    """Give an integrator other scopes. Its tokens, which have the old ones, are void: here is a new one."""
    now = clock()
    changed = await store.change_scopes(hotel_id, integrator_named(integrator), _scopes(data.scopes), by=by, now=now)
    return _issued(changed, keys, now=now)


@post(
    "/integrators/{integrator:str}/rotate",
    tags=["integrators"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 413, 415, 503),
)
async def rotate_integrator(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    keys: NamedDependency[KeyRing],
    clock: NamedDependency[Callable[[], datetime]],
    integrator: Name,
) -> Issued:
    """Void every token that an integrator has, and make it a new one. No body."""
    now = clock()
    return _issued(await store.revoke_integrator(hotel_id, integrator_named(integrator), by=by, now=now), keys, now=now)


@post(
    "/integrators/{integrator:str}/revoke",
    tags=["integrators"],
    opt=needs(Role.MANAGER),
    status_code=200,
    responses=problems(400, 401, 403, 404, 413, 415, 503),
)
async def revoke_integrator(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    integrator: Name,
) -> IntegratorView:
    """Void every token that an integrator has, and make it none. No body."""
    revoked = await store.revoke_integrator(hotel_id, integrator_named(integrator), by=by, now=clock())
    return IntegratorView(revoked.name, revoked.scopes)


@delete(
    "/integrators/{integrator:str}",
    tags=["integrators"],
    opt=needs(Role.MANAGER),
    responses=problems(400, 401, 403, 404, 503),
)
async def remove_integrator(
    store: NamedDependency[Store],
    hotel_id: NamedDependency[HotelId],
    by: NamedDependency[Actor],
    clock: NamedDependency[Callable[[], datetime]],
    integrator: Name,
) -> None:
    """Forget an integrator; its tokens are void for good."""
    await store.remove_integrator(hotel_id, integrator_named(integrator), by=by, now=clock())


def _scopes(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(given))


def _issued(one: Integrator, keys: KeyRing, *, now: datetime) -> Issued:
    token = mint_integrator(
        keys, hotel_id=one.hotel_id, name=one.name, scope=one.scopes, gen=one.gen, now=now, ttl=LIFE
    )
    return Issued(name=one.name, scopes=one.scopes, token=token, expires_in=int(LIFE.total_seconds()))
