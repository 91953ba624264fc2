"""What the holder of a token may do now, remembered for two seconds: the guard asks for every request.

So a revocation, or the suspension of a hotel, is felt within two seconds, without a query per request.
"""

import time
from collections import OrderedDict
from datetime import datetime

from msgspec import Struct

from broker.tokens import Claims, Role, TokenType
from rules.ids import DeviceId, HotelId, IntegratorName, UserName
from store import NotFound, Store
from store.records import Account

REMEMBERED_FOR = 2.0
"""Seconds of the machine's own kind: a clock that tests move does not reach here."""

REMEMBERED = 4096


class Standing(Struct, frozen=True):
    """A person's role in the token's hotel, or an integrator's scopes. Devices have neither.

    `shared`: it is the token that all old tablets have, which names none of them (`broker.shared_token`).
    `void_until`: tokens issued up to then are worth nothing, the person having been allowed more than now.
    """

    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    shared: bool = False
    void_until: datetime | None = None


class Accounts:
    """Reads what people and integrators may do; the `remembered` last used are kept for a moment."""

    def __init__(self, store: Store, *, remembered: int = REMEMBERED) -> None:
        self._store = store
        self._remembered = remembered
        self._known: OrderedDict[tuple[str, int], tuple[float, Standing | None]] = OrderedDict()

    async def standing(self, claims: Claims) -> Standing | None:
        """Return what a genuine token is worth, the lesser of what it says and what holds now; None: nothing."""
        now = await self._now(claims)
        if now is None or (now.role is None) != (claims.role is None):
            return None
        if now.void_until is not None and claims.iat <= now.void_until:
            return None
        role = min(claims.role, now.role, key=rank) if claims.role and now.role else None
        return Standing(role, now.scopes & frozenset(claims.scope))

    async def _now(self, claims: Claims) -> Standing | None:
        key, asked_at = (claims.sub, claims.gen), time.monotonic()
        known = self._known.get(key)
        if known is not None and asked_at - known[0] < REMEMBERED_FOR:
            return known[1]
        standing = await self._read(claims)
        self._known[key] = (asked_at, standing)
        self._known.move_to_end(key)
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return standing

    async def _read(self, claims: Claims) -> Standing | None:
        if claims.hotel_id is not None and await self._is_closed(claims.hotel_id):
            return None
        match claims.type:
            case TokenType.USER:
                account = await self._store.find_account(UserName(claims.name))
                if account is None or account.disabled or account.gen != claims.gen:
                    return None
                return _standing_in(account, claims.hotel_id)
            case TokenType.INTEGRATOR if claims.hotel_id is not None:
                found = await self._store.find_integrator(claims.hotel_id, IntegratorName(claims.name))
                return Standing(scopes=frozenset(found.scopes)) if found and found.gen == claims.gen else None
            case TokenType.DEVICE if claims.hotel_id is not None:
                device = await self._store.find_device(claims.hotel_id, DeviceId(claims.name))
                is_good = device is not None and device.retired_at is None and device.gen == claims.gen
                return Standing() if is_good else None
        return Standing()

    async def _is_closed(self, hotel_id: HotelId) -> bool:
        """Whether the hotel is suspended, or gone."""
        try:
            return (await self._store.hotel(hotel_id)).suspended_at is not None
        except NotFound:
            return True


def role_in(account: Account, hotel_id: HotelId | None) -> Role | None:
    """Return an account's role in a hotel; without one it is an admin's or nothing."""
    standing = _standing_in(account, hotel_id)
    return None if standing is None else standing.role


def _standing_in(account: Account, hotel_id: HotelId | None) -> Standing | None:
    if account.admin:
        return Standing(Role.ADMIN)
    of_hotel = (one for one in account.memberships if one.hotel_id == hotel_id)
    return next((Standing(Role(one.role), void_until=one.void_until) for one in of_hotel), None)


def rank(role: Role) -> int:
    """Order roles: whoever has a higher one may do all that a lower one may."""
    return _RANK[role]


_RANK = {Role.VIEWER: 0, Role.STAFF: 1, Role.MANAGER: 2, Role.ADMIN: 3}
