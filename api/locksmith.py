"""Choosing a password: by the one that holds now, or by a link. Guesses are counted like those at logging in."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from api.attempts import Attempts
from api.passwords import Passwords, PasswordsBusy
from api.people import LinkUse, PasswordChange
from api.problems import Refused, Trouble, invalid, too_many, unauthorized
from broker.tokens import Claims
from rules.ids import UserName
from store import Actor, ActorKind, LinkRefused, LinkTrouble, NotFound, Store
from store.records import Account, PasswordLink


class Locksmith:
    """Puts new passwords in the place of old ones. Whoever was logged in by the old one is so no more."""

    def __init__(
        self, *, store: Store, attempts: Attempts, passwords: Passwords, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._attempts = attempts
        self._passwords = passwords
        self._clock = clock

    async def change(self, claims: Claims, data: PasswordChange, *, by: Actor) -> Account:
        """Raises Refused: 400 for a wrong current password, 401 when the account is no longer what it was, 429."""
        name, address = UserName(claims.name), by.address or "?"
        _make_sure_of(data.password, name=name)
        _wait(self._attempts.begin(account=name, address=address))
        account = await self._store.find_account(name)
        if account is None or account.disabled or account.gen != claims.gen:
            raise unauthorized(Trouble.TOKEN_REVOKED)
        async with _in_turn():
            if not await self._passwords.match(data.current, account.password_hash):
                raise invalid("current", "is not your password")
            self._attempts.succeeded(account=name, address=address)
            if data.password == data.current:  # whoever chose it may know it, and would be asked for no other
                raise invalid("password", "is the one that you have now")
            password_hash = await self._passwords.hash(data.password)
        try:
            return await self._store.choose_password(name, password_hash, gen=account.gen, by=by, now=self._clock())
        except NotFound:
            raise unauthorized(Trouble.TOKEN_REVOKED) from None

    async def look(self, secret: str, *, address: str) -> PasswordLink:
        """Return whose password a link sets. Raises Refused: 404, 410, 429."""
        _wait(self._attempts.begin_at(address))
        return await self._link(secret)

    async def use(self, data: LinkUse, *, address: str, request_id: str | None) -> Account:
        """Set the password that a link stands for. Raises Refused: 400, 404, 410, 429."""
        link = await self.look(data.secret, address=address)
        _make_sure_of(data.password, name=link.name)
        account = await self._store.find_account(link.name)
        async with _in_turn():
            if account is not None and account.temporary:
                await self._make_sure_of_another(data.password, account)
            password_hash = await self._passwords.hash(data.password)
        by = Actor(ActorKind.USER, link.name, address=address, request_id=request_id)
        try:
            return await self._store.use_password_link(data.secret, password_hash, by=by, now=self._clock())
        except LinkRefused as refused:
            raise _refusal(refused) from None

    async def _make_sure_of_another(self, password: str, account: Account) -> None:
        if await self._passwords.match(password, account.password_hash):
            raise invalid("password", "is the one that somebody else chose")

    async def _link(self, secret: str) -> PasswordLink:
        try:
            return await self._store.password_link(secret, now=self._clock())
        except LinkRefused as refused:
            raise _refusal(refused) from None


def _make_sure_of(password: str, *, name: str) -> None:
    """Raise Refused (400) for a password that anybody would try first."""
    if password.casefold() == name.casefold():
        raise invalid("password", "is the user name")


def _refusal(refused: LinkRefused) -> Refused:
    match refused.why:
        case LinkTrouble.USED:
            return Refused(Trouble.LINK_USED, "If it was not you, tell whoever gave it to you.")
        case LinkTrouble.EXPIRED:
            return Refused(Trouble.LINK_EXPIRED, "Ask for another one.")
        case LinkTrouble.UNKNOWN:
            return Refused(Trouble.NOT_FOUND, "The link is not valid, or not valid any more.")


def _wait(wait: timedelta | None) -> None:
    if wait is not None:
        raise too_many(wait)


@asynccontextmanager
async def _in_turn() -> AsyncIterator[None]:
    try:
        yield
    except PasswordsBusy:
        raise too_many(timedelta(seconds=2)) from None
