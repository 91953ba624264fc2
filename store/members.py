"""A hotel's people, as whoever runs the hotel sees and changes them.

An account spans hotels, a manager does not. So what concerns the whole account (disabling it, a link for a new
password) can be done from a hotel only to somebody who belongs to that hotel and to no other, and is no administrator:
else the manager of one hotel would get into another by way of a person who works in both.
"""

from datetime import datetime

from rules.ids import HotelId, UserName
from store import audit, cursors, facts, people, revocations
from store.audit import Actor, Deed
from store.database import Database
from store.errors import BeyondHotel, NotFound
from store.records import Member, MemberRole, Page
from store.times import moment
from store.transaction import Row, Transaction

_MEMBERS = (
    "SELECT account.name, membership.role, account.admin, account.disabled, account.temporary,"
    " account.password_hash IS NOT NULL, membership.created_at,"
    " EXISTS (SELECT 1 FROM membership AS other WHERE other.account_name = account.name"
    " AND other.hotel_key <> membership.hotel_key)"
    " FROM hotel JOIN membership ON membership.hotel_key = hotel.key"
    " JOIN account ON account.name = membership.account_name WHERE hotel.id = :hotel"
)

_RANK = {MemberRole.VIEWER: 0, MemberRole.STAFF: 1, MemberRole.MANAGER: 2}


class Members:
    _database: Database

    async def members(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 100) -> Page[Member]:
        """In order of name, the disabled too. Raises BadCursor."""
        after = "" if cursor is None else cursors.decode(cursor, str)
        return await self._database.read(lambda transaction: _members(transaction, hotel_id, after=after, limit=limit))

    async def member(self, hotel_id: HotelId, name: UserName) -> Member | None:
        """One of the hotel's people, disabled or not."""
        return await self._database.read(lambda transaction: _member(transaction, hotel_id, name))

    async def change_role(
        self, hotel_id: HotelId, name: UserName, role: MemberRole, *, by: Actor, now: datetime
    ) -> Member:
        """Let a member do more or less in this hotel. Less: what they are logged in to it by is void at once.

        Raises NotFound.
        """
        return await self._database.write(
            lambda transaction: _change_role(transaction, hotel_id, name, role, by=by, now=now)
        )

    async def remove_user(self, hotel_id: HotelId, name: UserName, *, by: Actor, now: datetime) -> None:
        """End a membership, and void what the person is logged in to this hotel by.

        Who belongs to no hotel any more, and is no administrator, has no password any more either: whoever adds the
        name again, for somebody else perhaps, lets nobody of before in. Raises NotFound.
        """
        await self._database.write(lambda transaction: _remove(transaction, hotel_id, name, by=by, now=now))

    async def disable_member(self, hotel_id: HotelId, name: UserName, *, by: Actor, now: datetime) -> bool:
        """As `disable_user`, for somebody who belongs to this hotel alone. Raises NotFound, BeyondHotel."""
        return await self._database.write(
            lambda transaction: _disable_member(transaction, hotel_id, name, by=by, now=now)
        )

    async def enable_member(self, hotel_id: HotelId, name: UserName, *, by: Actor, now: datetime) -> bool:
        """As `enable_user`, for somebody who belongs to this hotel alone. Raises NotFound, BeyondHotel."""
        return await self._database.write(
            lambda transaction: _enable_member(transaction, hotel_id, name, by=by, now=now)
        )


def hold_own(transaction: Transaction, hotel_id: HotelId, name: UserName) -> None:
    """Keep the account as it is until the end, and make sure that it is this hotel's alone.

    Raises NotFound (not a member), BeyondHotel.
    """
    member = _held(transaction, hotel_id, name)
    if member.admin:
        raise BeyondHotel(name, "is an administrator")
    if member.elsewhere:
        raise BeyondHotel(name, "belongs to other hotels too")


def _members(transaction: Transaction, hotel_id: HotelId, *, after: str, limit: int) -> Page[Member]:
    limit = cursors.bounded(limit)
    rows = transaction.rows(
        f"{_MEMBERS} AND account.name > :after ORDER BY account.name LIMIT :limit",
        hotel=hotel_id,
        after=after,
        limit=limit + 1,
    )
    return cursors.page(rows, _read, limit=limit, place=lambda row: row[0])


def _member(transaction: Transaction, hotel_id: HotelId, name: UserName) -> Member | None:
    row = transaction.row(f"{_MEMBERS} AND account.name = :name", hotel=hotel_id, name=name)
    return None if row is None else _read(row)


def _read(row: Row) -> Member:
    return Member(
        name=UserName(row[0]),
        role=MemberRole(row[1]),
        admin=bool(row[2]),
        disabled=bool(row[3]),
        temporary=bool(row[4]),
        has_password=bool(row[5]),
        since=moment(row[6]),
        elsewhere=bool(row[7]),
    )


def _change_role(
    transaction: Transaction, hotel_id: HotelId, name: UserName, role: MemberRole, *, by: Actor, now: datetime
) -> Member:
    before = _held(transaction, hotel_id, name)
    transaction.run(
        "UPDATE membership SET role = :role WHERE account_name = :name AND hotel_key = :hotel",
        role=role,
        name=name,
        hotel=facts.hotel_key(transaction, hotel_id),
    )
    if before.role != role:
        detail = {"role": role.value, "before": before.role.value}
        audit.note(transaction, hotel_id, Deed.USER_ROLE_CHANGED, by=by, subject=name, now=now, detail=detail)
    if _RANK[role] < _RANK[before.role] and not before.admin:
        revocations.note_member(transaction, hotel_id, name, now=now)
    after = _member(transaction, hotel_id, name)
    assert after is not None  # noqa: S101 - held above
    return after


def _remove(transaction: Transaction, hotel_id: HotelId, name: UserName, *, by: Actor, now: datetime) -> None:
    gone = _held(transaction, hotel_id, name)
    transaction.run(
        "DELETE FROM membership WHERE account_name = :name AND hotel_key = :hotel",
        name=name,
        hotel=facts.hotel_key(transaction, hotel_id),
    )
    audit.note(transaction, hotel_id, Deed.USER_REMOVED, by=by, subject=name, now=now, detail={"role": gone.role.value})
    if gone.admin:
        return
    if gone.elsewhere:
        revocations.note_member(transaction, hotel_id, name, now=now)
    else:
        people.take_password(transaction, name)


def _held(transaction: Transaction, hotel_id: HotelId, name: UserName) -> Member:
    """Return a member who stays as they are until the end. Raises NotFound."""
    transaction.hold("SELECT 1 FROM account WHERE name = :name", name=name)
    member = _member(transaction, hotel_id, name)
    if member is None:
        raise NotFound("user", name)
    return member


def _disable_member(transaction: Transaction, hotel_id: HotelId, name: UserName, *, by: Actor, now: datetime) -> bool:
    hold_own(transaction, hotel_id, name)
    return people.disable(transaction, hotel_id, name, by=by, now=now)


def _enable_member(transaction: Transaction, hotel_id: HotelId, name: UserName, *, by: Actor, now: datetime) -> bool:
    hold_own(transaction, hotel_id, name)
    return people.enable(transaction, hotel_id, name, by=by, now=now)
