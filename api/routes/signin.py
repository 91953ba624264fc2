"""Logging in, and trading a token for a fresh one or for one of another hotel."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from api.accounts import role_in
from api.actors import acting
from api.attempts import Attempts
from api.callers import Callers
from api.gate import Caller, needs
from api.metrics import ApiMetrics
from api.parameters import Asked
from api.passwords import Passwords, PasswordsBusy
from api.problems import Refused, Trouble, problems, too_many, unauthorized
from api.records import Grant, HotelChoice, LogIn, Switch
from broker.tokens import KeyRing, Role, mint_user
from rules.ids import HotelId, UserName, is_id
from store import Actor, ActorKind, Deed, NotFound, Store
from store.records import Account

log = logging.getLogger(__name__)


class Desk:
    """Hands out tokens for people."""

    def __init__(self, *, store: Store, keys: KeyRing, clock: Callable[[], datetime], life: timedelta) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._life = life

    async def choices(self, account: Account) -> tuple[HotelChoice, ...]:
        """Return the hotels that the account may have a token for: its memberships; for an admin, all.

        Without those that are suspended.
        """
        if account.admin:
            hotels = await self._store.hotels()
            return tuple(HotelChoice(one.id, one.name, Role.ADMIN) for one in hotels if one.suspended_at is None)
        return tuple(
            HotelChoice(one.hotel_id, one.hotel_name, Role(one.role))
            for one in account.memberships
            if not one.suspended
        )

    async def grant(self, account: Account, hotel_id: HotelId | None) -> Grant:
        """Return a token for a hotel, or for none (admins). Raises Refused (403) unless it is one of the choices."""
        choices = await self.choices(account)
        role = role_in(account, hotel_id)
        if role is None:
            raise Refused(Trouble.NOT_A_MEMBER)
        if hotel_id is not None and all(choice.id != hotel_id for choice in choices):
            raise await self._no_choice(hotel_id)
        token = mint_user(
            self._keys,
            hotel_id=hotel_id,
            name=account.name,
            role=role,
            gen=account.gen,
            now=self._clock(),
            ttl=self._life,
        )
        return Grant(token=token, expires_in=int(self._life.total_seconds()), hotel_id=hotel_id, hotels=choices)

    async def _no_choice(self, hotel_id: HotelId) -> Refused:
        try:
            hotel = await self._store.hotel(hotel_id)
        except NotFound:
            return Refused(Trouble.NOT_A_MEMBER)
        if hotel.suspended_at is None:  # a hidden one
            return Refused(Trouble.NOT_A_MEMBER)
        return Refused(Trouble.SUSPENDED, f"Ask whoever runs Innwatch for {hotel.name}.")

    async def again(self, caller: Caller, hotel_id: HotelId | None) -> Grant:
        """Return a fresh token for whoever has a good one; raises Refused when the account is no longer what it was."""
        account = await self._store.find_account(UserName(caller.name))
        if account is None or account.disabled or account.gen != caller.claims.gen:
            raise unauthorized(Trouble.TOKEN_REVOKED)
        return await self.grant(account, hotel_id)

    async def note(self, deed: Deed, grant: Grant, *, by: Actor) -> None:
        """Put into the audit of the hotel that somebody has a token of it now; of an admin, into the log too."""
        role = next((choice.role for choice in grant.hotels if choice.id == grant.hotel_id), Role.ADMIN)
        await self._store.write_audit(
            grant.hotel_id, deed, by=by, subject=by.name, now=self._clock(), detail={"role": role.value}
        )
        if role is Role.ADMIN:
            log.info("an admin took a token", {"user": by.name, "hotel": grant.hotel_id, "request": by.request_id})


@post("/auth/user-token", tags=["auth"], status_code=200, responses=problems(400, 401, 403, 413, 415, 429, 503))
async def log_in(
    request: Asked,
    store: NamedDependency[Store],
    desk: NamedDependency[Desk],
    attempts: NamedDependency[Attempts],
    passwords: NamedDependency[Passwords],
    metrics: NamedDependency[ApiMetrics],
    callers: NamedDependency[Callers],
    data: JSONBody[LogIn],
) -> Grant:
    """Trade name and password for a token of one hotel. The answer names the others."""
    address = callers.address(request)
    wait = attempts.begin(account=data.username, address=address)
    if wait is not None:
        metrics.log_ins.labels("limited").inc()
        raise too_many(wait)
    account = await _verified(data, store=store, passwords=passwords)
    if account is None:
        metrics.log_ins.labels("refused").inc()
        raise unauthorized(Trouble.WRONG_PASSWORD)
    attempts.succeeded(account=data.username, address=address)
    metrics.log_ins.labels("accepted").inc()
    grant = await desk.grant(account, _chosen(data, account))
    await desk.note(Deed.LOGGED_IN, grant, by=acting(request, ActorKind.USER, account.name, callers))
    return grant


@post(
    "/auth/renew",
    opt=needs(Role.VIEWER, hotel=False),
    tags=["auth"],
    status_code=200,
    responses=problems(400, 401, 403, 413, 415, 503),
)
async def renew(desk: NamedDependency[Desk], caller: NamedDependency[Caller]) -> Grant:
    """Trade a token that is still good for a fresh one of the same hotel. No body."""
    return await desk.again(caller, caller.claims.hotel_id)


@post(
    "/auth/switch",
    opt=needs(Role.VIEWER, hotel=False),
    tags=["auth"],
    status_code=200,
    responses=problems(400, 401, 403, 413, 415, 503),
)
async def switch(
    desk: NamedDependency[Desk],
    caller: NamedDependency[Caller],
    by: NamedDependency[Actor],
    data: JSONBody[Switch],
) -> Grant:
    """Trade a token for one of another hotel, where the account is a member (an admin: of any)."""
    grant = await desk.again(caller, HotelId(data.hotel_id))
    await desk.note(Deed.HOTEL_ENTERED, grant, by=by)
    return grant


async def _verified(data: LogIn, *, store: Store, passwords: Passwords) -> Account | None:
    """Return the account if the password is its own. Takes as long for a name that nobody has."""
    account = await store.find_account(UserName(data.username)) if is_id(data.username) else None
    if account is not None and account.disabled:
        account = None
    try:
        right = await passwords.match(data.password, account.password_hash if account else None)
    except PasswordsBusy:
        raise too_many(timedelta(seconds=2)) from None
    return account if right else None


def _chosen(data: LogIn, account: Account) -> HotelId | None:
    if data.hotel_id is not None:
        return HotelId(data.hotel_id)
    serving = [one for one in account.memberships if not one.suspended] or account.memberships
    return serving[0].hotel_id if serving else None
