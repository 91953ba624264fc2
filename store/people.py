"""Accounts: who may log in, and what ends that. An account spans hotels; as one hotel sees it is in `store.members`."""

from datetime import datetime, timedelta

from rules.ids import HotelId, UserName
from rules.revoked import Subject
from store import audit, facts, revocations
from store.audit import Actor, Deed
from store.database import Database
from store.errors import Exists, NotFound
from store.records import Account, MemberRole, Membership
from store.times import EPOCH
from store.transaction import Row, Transaction


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
        temporary: bool = False,
    ) -> Account:
        """Add a person, or give an existing one a further membership: then password and admin stay as they are.

        `temporary`: somebody else chose the password. Raises NotFound (hotel), Exists (already a member of this hotel).
        """
        new = Account(
            name=name,
            password_hash=password_hash,
            admin=admin,
            gen=1,
            disabled=False,
            temporary=temporary,
            memberships=(),
        )
        return await self._database.write(
            lambda transaction: _add_user(transaction, hotel_id, new, role=role, by=by, now=now)
        )

    async def find_account(self, name: UserName) -> Account | None:
        """A person and the hotels she is a member of, disabled or not."""
        return await self._database.read(lambda transaction: account(transaction, name))

    async def membership(self, hotel_id: HotelId, name: UserName) -> Membership | None:
        """What a person is in this hotel now; None: not a member, or disabled."""
        found = await self.find_account(name)
        if found is None or found.disabled:
            return None
        return next((membership for membership in found.memberships if membership.hotel_id == hotel_id), None)

    async def set_password(self, name: UserName, password_hash: str, *, by: Actor, now: datetime) -> None:
        """Give a person a password that somebody else has chosen: a temporary one.

        Raise the generation too: who knew the old password is logged in no more. Raises NotFound.
        """
        await self._database.write(lambda transaction: _set_password(transaction, name, password_hash, by=by, now=now))

    async def choose_password(
        self, name: UserName, password_hash: str, *, gen: int, by: Actor, now: datetime
    ) -> Account:
        """Take the password that a person has chosen, who proved the old one while the account's generation was `gen`.

        The generation is raised: whoever else was logged in by the old one is so no more. Raises NotFound, also when
        the account is no longer what it was.
        """
        return await self._database.write(
            lambda transaction: _choose_password(transaction, name, password_hash, gen=gen, by=by, now=now)
        )

    async def disable_user(self, name: UserName, *, by: Actor, now: datetime) -> bool:
        """Void every token that the person has, in all hotels, and let nobody log in by the name.

        False: it was so already. Raises NotFound.
        """
        return await self._database.write(lambda transaction: disable(transaction, None, name, by=by, now=now))

    async def enable_user(self, name: UserName, *, by: Actor, now: datetime) -> bool:
        """Let the person log in again; the old tokens stay void. False: the account was not disabled.

        Raises NotFound.
        """
        return await self._database.write(lambda transaction: enable(transaction, None, name, by=by, now=now))


# What `store.members` and `store.password_links` build on.


def account(transaction: Transaction, name: UserName) -> Account | None:
    row = transaction.row(
        "SELECT password_hash, admin, gen, disabled, temporary FROM account WHERE name = :name", name=name
    )
    if row is None:
        return None
    memberships = transaction.rows(
        "SELECT hotel.id, hotel.name, membership.role, hotel.suspended_at IS NOT NULL, revocation.gen"
        " FROM membership JOIN hotel ON hotel.key = membership.hotel_key"
        " LEFT JOIN revocation ON revocation.kind = 'user' AND revocation.hotel_id = hotel.id"
        " AND revocation.name = membership.account_name"
        " WHERE membership.account_name = :name ORDER BY membership.created_at, hotel.key",
        name=name,
    )
    return Account(
        name=name,
        password_hash=row[0],
        admin=bool(row[1]),
        gen=row[2],
        disabled=bool(row[3]),
        temporary=bool(row[4]),
        memberships=tuple(_membership(one) for one in memberships),
    )


def hold_enabled(transaction: Transaction, name: UserName) -> None:
    """Keep an account as it is until the end. Raises NotFound, also where it is disabled."""
    transaction.hold("SELECT 1 FROM account WHERE name = :name", name=name)
    if not transaction.row("SELECT 1 FROM account WHERE name = :name AND NOT disabled", name=name):
        raise NotFound("user", name)


def void_links(transaction: Transaction, name: UserName) -> None:
    """Let nobody use a link that was made for the account as it was (`store.password_links`)."""
    transaction.run("DELETE FROM password_link WHERE account_name = :name AND used_at IS NULL", name=name)


def set_own_password(
    transaction: Transaction, name: UserName, password_hash: str, *, by: Actor, now: datetime
) -> Account:
    """Set what the person alone knows. Raises NotFound."""
    gen = _replace(transaction, name, password_hash, temporary=False)
    audit.note(transaction, None, Deed.PASSWORD_CHANGED, by=by, subject=name, now=now)
    changed = account(transaction, name)
    assert changed is not None  # noqa: S101 - written above
    revocations.note(transaction, Subject.USER, None, name, gen=gen)
    return changed


def take_password(transaction: Transaction, name: UserName) -> None:
    """Let nobody log in by the name until it has another password. Raises NotFound."""
    gen = _replace(transaction, name, None, temporary=False)
    revocations.note(transaction, Subject.USER, None, name, gen=gen)


def disable(transaction: Transaction, hotel_id: HotelId | None, name: UserName, *, by: Actor, now: datetime) -> bool:
    """As `disable_user`; the hotel is the one whose manager did it."""
    row = transaction.row(
        "UPDATE account SET disabled = TRUE, gen = gen + 1 WHERE name = :name AND NOT disabled RETURNING gen", name=name
    )
    if row is None:
        _make_sure_of_user(transaction, name)
        return False
    void_links(transaction, name)
    audit.note(transaction, hotel_id, Deed.USER_DISABLED, by=by, subject=name, now=now)
    revocations.note(transaction, Subject.USER, None, name, gen=row[0])
    return True


def enable(transaction: Transaction, hotel_id: HotelId | None, name: UserName, *, by: Actor, now: datetime) -> bool:
    """As `enable_user`; the hotel is the one whose manager did it."""
    if transaction.run("UPDATE account SET disabled = FALSE WHERE name = :name AND disabled", name=name):
        audit.note(transaction, hotel_id, Deed.USER_ENABLED, by=by, subject=name, now=now)
        return True
    _make_sure_of_user(transaction, name)
    return False


def _add_user(
    transaction: Transaction, hotel_id: HotelId, new: Account, *, role: MemberRole, by: Actor, now: datetime
) -> Account:
    key = facts.hotel_key(transaction, hotel_id)
    is_new = transaction.run(
        "INSERT INTO account (name, password_hash, admin, gen, disabled, temporary, created_at)"
        " VALUES (:name, :hash, :admin, :gen, FALSE, :temporary, :now) ON CONFLICT (name) DO NOTHING",
        name=new.name,
        hash=new.password_hash,
        admin=new.admin,
        gen=new.gen,
        temporary=new.temporary,
        now=now,
    )
    transaction.hold("SELECT 1 FROM account WHERE name = :name", name=new.name)
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
    void_links(transaction, new.name)
    detail = {"role": role.value, "new": bool(is_new), "admin": bool(is_new) and new.admin}
    audit.note(transaction, hotel_id, Deed.USER_ADDED, by=by, subject=new.name, now=now, detail=detail)
    added = account(transaction, new.name)
    assert added is not None  # noqa: S101 - written above
    return added


def _membership(row: Row) -> Membership:
    return Membership(
        HotelId(row[0]),
        row[1],
        MemberRole(row[2]),
        suspended=bool(row[3]),
        void_until=None if row[4] is None else EPOCH + timedelta(seconds=row[4]),
    )


def _set_password(transaction: Transaction, name: UserName, password_hash: str, *, by: Actor, now: datetime) -> None:
    gen = _replace(transaction, name, password_hash, temporary=True)
    audit.note(transaction, None, Deed.PASSWORD_CHANGED, by=by, subject=name, now=now, detail={"temporary": True})
    revocations.note(transaction, Subject.USER, None, name, gen=gen)


def _choose_password(
    transaction: Transaction, name: UserName, password_hash: str, *, gen: int, by: Actor, now: datetime
) -> Account:
    hold_enabled(transaction, name)
    if not transaction.row("SELECT 1 FROM account WHERE name = :name AND gen = :gen", name=name, gen=gen):
        raise NotFound("user", name)
    return set_own_password(transaction, name, password_hash, by=by, now=now)


def _replace(transaction: Transaction, name: UserName, password_hash: str | None, *, temporary: bool) -> int:
    """Return the account's new generation. Raises NotFound."""
    row = transaction.row(
        "UPDATE account SET password_hash = :hash, temporary = :temporary, gen = gen + 1 WHERE name = :name"
        " RETURNING gen",
        hash=password_hash,
        temporary=temporary,
        name=name,
    )
    if row is None:
        raise NotFound("user", name)
    void_links(transaction, name)
    return int(row[0])


def _make_sure_of_user(transaction: Transaction, name: UserName) -> None:
    """Raises NotFound."""
    if not transaction.row("SELECT 1 FROM account WHERE name = :name", name=name):
        raise NotFound("user", name)
