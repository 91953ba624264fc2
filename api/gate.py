"""The one guard: who is calling, and may they use this route?

Every route behind it declares its `Access`; one that forgets is refused when the application is built. The token's
hotel is the only hotel a caller has. What a person may do is what the token says *and* the account still allows, so
that somebody who was demoted, disabled or revoked is so within seconds.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from api.accounts import Accounts, Standing, rank
from api.metrics import ApiMetrics
from api.problems import Refused, Trouble, unauthorized
from broker.shared_token import SharedToken
from broker.tokens import Claims, KeyRing, Role, TokenReason, TokenRefused, TokenType
from rules.ids import HotelId

Connection = ASGIConnection[Any, Any, Any, Any]


class Caller(Struct, frozen=True, kw_only=True):
    """Who calls, by a token that is genuine and stands for somebody at this moment."""

    claims: Claims
    standing: Standing

    @property
    def name(self) -> str:
        return self.claims.name

    @property
    def role(self) -> Role | None:
        """A person's; None for everybody else."""
        return self.standing.role


class Access(Struct, frozen=True, kw_only=True):
    """Whom a route serves: people from `role` upwards, integrators with `scope`; with a token for a hotel, or any.

    Without a role it serves devices, for which nothing else is open, or with a scope integrators alone. `shared`: the
    token too that old ones share.
    `ticket`: who has no token in a header comes in by a ticket in the address (`store.tickets`).
    """

    role: Role | None
    scope: str | None = None
    hotel: bool = True
    shared: bool = False
    ticket: bool = False


def needs(role: Role, *, scope: str | None = None, hotel: bool = True) -> dict[str, Access]:
    """Declare a route's access: `@get(..., opt=needs(Role.VIEWER, scope="alerts"))`."""
    return {"access": Access(role=role, scope=scope, hotel=hotel)}


def needs_token_or_ticket(role: Role, *, scope: str | None = None) -> dict[str, Access]:
    """Declare a route's access as `needs` does, and that a ticket opens it too, once."""
    return {"access": Access(role=role, scope=scope, ticket=True)}


def needs_device() -> dict[str, Access]:
    """Declare that a route is for devices, each for itself, and nobody else."""
    return {"access": Access(role=None)}


def needs_integrator(scope: str) -> dict[str, Access]:
    """Declare that a route is for integrators with a scope, and nobody else."""
    return {"access": Access(role=None, scope=scope)}


def needs_agent() -> dict[str, Access]:
    """Declare that a route is for devices and for the token that old ones share: who speaks for which is asked there.

    See `api.speakers`.
    """
    return {"access": Access(role=None, shared=True)}


class RouteWithoutAccess(Exception):
    """A route behind the guard does not say whom it serves: a mistake of ours."""


class Gate:
    """Lets in whom a route serves; raises Refused with 401 or 403."""

    def __init__(
        self,
        *,
        keys: KeyRing,
        accounts: Accounts,
        clock: Callable[[], datetime],
        metrics: ApiMetrics,
        tickets: Callable[[str], Awaitable[bytes | None]],
        shared: SharedToken | None = None,
    ) -> None:
        self._keys = keys
        self._metrics = metrics
        self._accounts = accounts
        self._clock = clock
        self._tickets = tickets
        self._shared = shared

    async def check(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """The guard itself: leaves the caller at `connection.state.caller`."""
        access = handler.opt.get("access")
        ticket = _ticket(connection) if isinstance(access, Access) and access.ticket else None
        caller = await (self.identify(connection) if ticket is None else self._redeem(ticket))
        if access is not None:
            admit(caller, access)
        elif connection.scope.get("method") != "OPTIONS":  # Litestar answers that one itself, with the path's methods.
            raise RouteWithoutAccess(str(handler))
        connection.state.caller = caller

    async def identify(self, connection: Connection) -> Caller:
        """Return who is calling; raises Refused (401)."""
        token = bearer(connection)
        if self._shared is not None and self._shared.is_(token):
            return Caller(claims=self._shared.claims(self._clock()), standing=Standing(shared=True))
        return await self.current(self._claims(token))

    async def current(self, claims: Claims) -> Caller:
        """Return who a genuine token stands for at this moment; raises Refused when it no longer stands for anybody."""
        if claims.exp <= self._clock():
            raise unauthorized(Trouble.TOKEN_EXPIRED)
        if not self._keys.knows(claims.kid, self._clock()):  # taken out since the token was verified: that of a stream
            raise unauthorized(Trouble.TOKEN_REVOKED)
        standing = await self._accounts.standing(claims)
        if standing is None:
            raise unauthorized(Trouble.TOKEN_REVOKED)
        return Caller(claims=claims, standing=standing)

    async def _redeem(self, ticket: str) -> Caller:
        """Return whom a ticket was made for; raises Refused (401) for one that opens nothing."""
        claims = await self._tickets(ticket)
        if claims is None:
            raise unauthorized(Trouble.TICKET_INVALID)
        return await self.current(msgspec.json.decode(claims, type=Claims))

    def _claims(self, token: str) -> Claims:
        try:
            return self._keys.verify(token, audience="api", now=self._clock())
        except TokenRefused as refused:
            self._metrics.tokens_refused.labels(refused.reason).inc()
            expired = refused.reason is TokenReason.EXPIRED
            raise unauthorized(Trouble.TOKEN_EXPIRED if expired else Trouble.TOKEN_INVALID) from None


def _ticket(connection: Connection) -> str | None:
    """The ticket in the address of a request that has no token."""
    return None if "authorization" in connection.headers else connection.query_params.get("ticket")


def admit(caller: Caller, access: Access) -> None:
    """Return when the route serves this caller; raises Refused with 403 and the reason."""
    claims = caller.claims
    if caller.standing.shared and not access.shared:
        raise Refused(Trouble.FORBIDDEN, "the shared token opens nothing here")
    if access.role is None and access.scope is None:
        if claims.type is not TokenType.DEVICE:
            raise Refused(Trouble.FORBIDDEN, "is for devices")
    elif claims.type is TokenType.INTEGRATOR:
        if access.scope is None or access.scope not in caller.standing.scopes:
            raise Refused(Trouble.FORBIDDEN, f"needs the scope {access.scope}" if access.scope else "is for staff")
    elif access.role is None:
        raise Refused(Trouble.FORBIDDEN, f"is for integrators with the scope {access.scope}")
    elif caller.role is None:
        raise Refused(Trouble.FORBIDDEN, f"a token of type {claims.type} opens nothing here")
    elif rank(caller.role) < rank(access.role):
        raise Refused(Trouble.FORBIDDEN, f"needs the role {access.role}")
    if access.hotel and claims.hotel_id is None:
        raise Refused(Trouble.NO_HOTEL, "POST /api/auth/switch trades it for a token of a hotel")


def hotel_of(caller: Caller) -> HotelId:
    """Return the hotel that a route may touch, which is never any other than the token's."""
    hotel_id = caller.claims.hotel_id
    if hotel_id is None:
        raise Refused(Trouble.NO_HOTEL)
    return hotel_id


def bearer(connection: Connection) -> str:
    """Return what somebody shows; raises Refused (401) for nothing."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorized(Trouble.TOKEN_MISSING)
    return token.strip()
