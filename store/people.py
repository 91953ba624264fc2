"""Accounts with their memberships, and integrators: who may hold a token."""

from collections.abc import Collection
from datetime import datetime

from rules.ids import HotelId, IntegratorName, UserName
from store.records import Account, Integrator, MemberRole, Membership


class People:
    async def add_user(
        self,
        hotel_id: HotelId,
        name: UserName,
        *,
        role: MemberRole,
        password_hash: str | None,
        now: datetime,
        admin: bool = False,
    ) -> Account:
        """Add a person, or give an existing one a further membership: then password and admin stay as they are.

        Raises NotFound (hotel), Exists (already a member of this hotel).
        """
        raise NotImplementedError

    async def find_account(self, name: UserName) -> Account | None:
        """A person and the hotels she is a member of, disabled or not."""
        raise NotImplementedError

    async def members(self, hotel_id: HotelId) -> tuple[tuple[UserName, MemberRole], ...]:
        """The hotel's people in order of name."""
        raise NotImplementedError

    async def membership(self, hotel_id: HotelId, name: UserName) -> Membership | None:
        """What a person is in this hotel now; None: not a member, or disabled."""
        raise NotImplementedError

    async def set_password(self, name: UserName, password_hash: str, *, now: datetime) -> None:
        """Raises NotFound."""
        raise NotImplementedError

    async def add_integrator(
        self, hotel_id: HotelId, name: IntegratorName, *, scopes: Collection[str], now: datetime
    ) -> Integrator:
        """Raises NotFound (hotel), Exists."""
        raise NotImplementedError

    async def find_integrator(self, hotel_id: HotelId, name: IntegratorName) -> Integrator | None:
        raise NotImplementedError

    async def integrators(self, hotel_id: HotelId) -> tuple[Integrator, ...]:
        """In order of name."""
        raise NotImplementedError
