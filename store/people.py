"""Accounts with their memberships, and integrators: who may hold a token."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from rules.ids import HotelId, IntegratorName, UserName
from rules.revoked import Subject
from store import audit, facts, revocations
from store.audit import Actor, Deed
from store.database import Database
from store.errors import Exists, NotFound
from store.records import Account, Integrator, MemberRole, Membership
from store.transaction import Row, Transaction

_INTEGRATORS = (
    "SELECT hotel.id, integrator.name, integrator.scopes, integrator.gen FROM integrator"
    " JOIN hotel ON hotel.key = integrator.hotel_key WHERE hotel.id = :hotel"
)

_scopes = msgspec.json.Decoder(tuple[str, ...])


class People:
    _database: Database

    async def add_user(
        self,
        hotel_id: HotelId,
        name: UserName,
        *,
        role: MemberRole,
        password_hash: str | None,
        by: Actor,
        now: datetime,
        admin: bool = False,
    ) -> Account:
        """Add a person, or give an existing one a further membership: then password and admin stay as they are.

        Raises NotFound (hotel), Exists (already a member of this hotel).
        """
        new = Account(name=name, password_hash=password_hash, admin=admin, gen=1, disabled=False, memberships=())
        return await self._database.write(
            lambda transaction: _add_user(transaction, hotel_id, new, role=role, by=by, now=now)
        )

    async def find_account(self, name: UserName) -> Account | None:
        """A person and the hotels she is a member of, disabled or not."""
        return await self._database.read(lambda transaction: _account(transaction, name))

    async def members(self, hotel_id: HotelId) -> tuple[tuple[UserName, MemberRole], ...]:
        """The hotel's people in order of name."""
        rows = await self._database.read(
            lambda transaction: transaction.rows(
                "SELECT membership.account_name, membership.role FROM membership"
                " JOIN hotel ON hotel.key = membership.hotel_key WHERE hotel.id = :hotel"
                " ORDER BY membership.account_name",
                hotel=hotel_id,
            )
        )
        return tuple((UserName(row[0]), MemberRole(row[1])) for row in rows)

    async def membership(self, hotel_id: HotelId, name: UserName) -> Membership | None:
        """What a person is in this hotel now; None: not a member, or disabled."""
        account = await self.find_account(name)
        if account is None or account.disabled:
            return None
        return next((membership for membership in account.memberships if membership.hotel_id == hotel_id), None)

    async def set_password(self, name: UserName, password_hash: str, *, by: Actor, now: datetime) -> None:
        """Raise the generation too: who knew the old password is logged in no more. Raises NotFound."""
        await self._database.write(lambda transaction: _set_password(transaction, name, password_hash, by=by, now=now))

    async def disable_user(self, name: UserName, *, by: Actor, now: datetime) -> bool:
        """Void every token that the person has, in all hotels, and let nobody log in by the name.

        False: it was so already. Raises NotFound.
        """
        return await self._database.write(lambda transaction: _disable_user(transaction, name, by=by, now=now))

    async def enable_user(self, name: UserName, *, by: Actor, now: datetime) -> bool:
        """Let the person log in again; the old tokens stay void. False: the account was not disabled.

        Raises NotFound.
        """
        return await self._database.write(lambda transaction: _enable_user(transaction, name, by=by, now=now))

    async def add_integrator(
        self, hotel_id: HotelId, name: IntegratorName, *, scopes: Collection[str], by: Actor, now: datetime
    ) -> Integrator:
        """Raises NotFound (hotel), Exists."""
        new = Integrator(hotel_id=hotel_id, name=name, scopes=tuple(scopes))
        await self._database.write(lambda transaction: _add_integrator(transaction, new, by=by, now=now))
        return new

    async def find_integrator(self, hotel_id: HotelId, name: IntegratorName) -> Integrator | None:
        return await self._database.read(lambda transaction: _find_integrator(transaction, hotel_id, name))

    async def revoke_integrator(
        self, hotel_id: HotelId, name: IntegratorName, *, by: Actor, now: datetime
    ) -> Integrator:
        """Void every token that the integrator has; return it with its new generation. Raises NotFound."""
        return await self._database.write(
            lambda transaction: _revoke_integrator(transaction, hotel_id, name, by=by, now=now)
        )

    async def integrators(self, hotel_id: HotelId) -> tuple[Integrator, ...]:
        """In order of name."""
        rows = await self._database.read(
            lambda transaction: transaction.rows(_INTEGRATORS + " ORDER BY integrator.name", hotel=hotel_id)
        )
        return tuple(_integrator(row) for row in rows)


def _add_user(
    transaction: Transaction, hotel_id: HotelId, new: Account, *, role: MemberRole, by: Actor, now: datetime
) -> Account:
    key = facts.hotel_key(transaction, hotel_id)
    is_new = transaction.run(
        "INSERT INTO account (name, password_hash, admin, gen, disabled, created_at)"
        " VALUES (:name, :hash, :admin, :gen, FALSE, :now) ON CONFLICT (name) DO NOTHING",
        name=new.name,
        hash=new.password_hash,
        admin=new.admin,
        gen=new.gen,
        now=now,
    )
    joined = transaction.run(
        "INSERT INTO membership (account_name, hotel_key, role, created_at) VALUES (:name, :hotel, :role, :now)"
        " ON CONFLICT (account_name, hotel_key) DO NOTHING",
        name=new.name,
        hotel=key,
        role=role,
        now=now,
    )
    if not joined:
        raise Exists("user", new.name)
    detail = {"role": role.value, "new": bool(is_new), "admin": bool(is_new) and new.admin}
    audit.note(transaction, hotel_id, Deed.USER_ADDED, by=by, subject=new.name, now=now, detail=detail)
    added = _account(transaction, new.name)
    assert added is not None  # noqa: S101 - written above
    return added


def _account(transaction: Transaction, name: UserName) -> Account | None:
    row = transaction.row("SELECT password_hash, admin, gen, disabled FROM account WHERE name = :name", name=name)
    if row is None:
        return None
    memberships = transaction.rows(
        "SELECT hotel.id, hotel.name, membership.role, hotel.suspended_at IS NOT NULL"
        " FROM membership JOIN hotel ON hotel.key = membership.hotel_key"
        " WHERE membership.account_name = :name ORDER BY membership.created_at, hotel.key",
        name=name,
    )
    return Account(
        name=name,
        password_hash=row[0],
        admin=bool(row[1]),
        gen=row[2],
        disabled=bool(row[3]),
        memberships=tuple(
            Membership(HotelId(one[0]), one[1], MemberRole(one[2]), suspended=bool(one[3])) for one in memberships
        ),
    )


def _add_integrator(transaction: Transaction, new: Integrator, *, by: Actor, now: datetime) -> None:
    key = facts.hotel_key(transaction, new.hotel_id)
    added = transaction.run(
        "INSERT INTO integrator (hotel_key, name, scopes, gen, created_at) VALUES (:hotel, :name, :scopes, :gen, :now)"
        " ON CONFLICT (hotel_key, name) DO NOTHING",
        hotel=key,
        name=new.name,
        scopes=msgspec.json.encode(new.scopes).decode(),
        gen=new.gen,
        now=now,
    )
    if not added:
        raise Exists("integrator", new.name)
    detail = {"scopes": " ".join(new.scopes)}
    audit.note(transaction, new.hotel_id, Deed.INTEGRATOR_ADDED, by=by, subject=new.name, now=now, detail=detail)


def _set_password(transaction: Transaction, name: UserName, password_hash: str, *, by: Actor, now: datetime) -> None:
    row = transaction.row(
        "UPDATE account SET password_hash = :hash, gen = gen + 1 WHERE name = :name RETURNING gen",
        hash=password_hash,
        name=name,
    )
    if row is None:
        raise NotFound("user", name)
    audit.note(transaction, None, Deed.PASSWORD_CHANGED, by=by, subject=name, now=now)
    revocations.note(transaction, Subject.USER, None, name, gen=row[0])


def _disable_user(transaction: Transaction, name: UserName, *, by: Actor, now: datetime) -> bool:
    row = transaction.row(
        "UPDATE account SET disabled = TRUE, gen = gen + 1 WHERE name = :name AND NOT disabled RETURNING gen", name=name
    )
    if row is None:
        _make_sure_of_user(transaction, name)
        return False
    audit.note(transaction, None, Deed.USER_DISABLED, by=by, subject=name, now=now)
    revocations.note(transaction, Subject.USER, None, name, gen=row[0])
    return True


def _enable_user(transaction: Transaction, name: UserName, *, by: Actor, now: datetime) -> bool:
    if transaction.run("UPDATE account SET disabled = FALSE WHERE name = :name AND disabled", name=name):
        audit.note(transaction, None, Deed.USER_ENABLED, by=by, subject=name, now=now)
        return True
    _make_sure_of_user(transaction, name)
    return False


def _make_sure_of_user(transaction: Transaction, name: UserName) -> None:
    if transaction.row("SELECT 1 FROM account WHERE name = :name", name=name) is None:
        raise NotFound("user", name)


def _revoke_integrator(
    transaction: Transaction, hotel_id: HotelId, name: IntegratorName, *, by: Actor, now: datetime
) -> Integrator:
    transaction.run(
        "UPDATE integrator SET gen = gen + 1 WHERE name = :name"
        " AND hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel)",
        hotel=hotel_id,
        name=name,
    )
    integrator = _find_integrator(transaction, hotel_id, name)
    if integrator is None:
        raise NotFound("integrator", name)
    audit.note(transaction, hotel_id, Deed.INTEGRATOR_REVOKED, by=by, subject=name, now=now)
    revocations.note(transaction, Subject.INTEGRATOR, hotel_id, name, gen=integrator.gen)
    return integrator


def _find_integrator(transaction: Transaction, hotel_id: HotelId, name: IntegratorName) -> Integrator | None:
    row = transaction.row(_INTEGRATORS + " AND integrator.name = :name", hotel=hotel_id, name=name)
    return None if row is None else _integrator(row)


def _integrator(row: Row) -> Integrator:
    return Integrator(hotel_id=HotelId(row[0]), name=IntegratorName(row[1]), scopes=_scopes.decode(row[2]), gen=row[3])
