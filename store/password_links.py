"""Links by which a person sets a password that nobody else knows: for the first one, and when it is forgotten.

The database has only the hash of what stands in a link. One link of a person holds at a time, and whatever changes what
an account is worth (a new password, a further hotel, disabling) makes it void: who was given it for one hotel shall not
get into another.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from rules.ids import HotelId, UserName
from store import audit, members, people
from store.audit import Actor, Deed
from store.database import Database
from store.errors import LinkRefused, LinkTrouble
from store.records import Account, PasswordLink
from store.times import moment
from store.transaction import Transaction

LIFE: Final = timedelta(hours=24)

REMEMBERED_FOR: Final = timedelta(days=30)
"""How long a used link is known for one that was used."""


class PasswordLinks:
    _database: Database

    async def make_password_link(self, name: UserName, *, by: Actor, now: datetime) -> PasswordLink:
        """Let whoever gets the link set a person's password within a day; an earlier link is void.

        Raises NotFound (also for a disabled account).
        """
        return await self._database.write(lambda transaction: _make(transaction, None, name, by=by, now=now))

    async def make_member_link(self, hotel_id: HotelId, name: UserName, *, by: Actor, now: datetime) -> PasswordLink:
        """As `make_password_link`, for somebody who belongs to this hotel alone. Raises NotFound, BeyondHotel."""
        return await self._database.write(lambda transaction: _make_own(transaction, hotel_id, name, by=by, now=now))

    async def password_link(self, secret: str, *, now: datetime) -> PasswordLink:
        """Whose password a link sets, and until when. Raises LinkRefused."""
        return await self._database.read(lambda transaction: _find(transaction, secret, now=now))

    async def use_password_link(self, secret: str, password_hash: str, *, by: Actor, now: datetime) -> Account:
        """Set the password, as the person's own choice; what they were logged in by is void. Raises LinkRefused."""
        return await self._database.write(lambda transaction: _use(transaction, secret, password_hash, by=by, now=now))


def _make_own(transaction: Transaction, hotel_id: HotelId, name: UserName, *, by: Actor, now: datetime) -> PasswordLink:
    members.hold_own(transaction, hotel_id, name)
    return _make(transaction, hotel_id, name, by=by, now=now)


def _make(
    transaction: Transaction, hotel_id: HotelId | None, name: UserName, *, by: Actor, now: datetime
) -> PasswordLink:
    people.hold_enabled(transaction, name)
    link = PasswordLink(name=name, secret=secrets.token_urlsafe(32), expires_at=now + LIFE)
    people.void_links(transaction, name)
    transaction.run(
        "DELETE FROM password_link WHERE account_name = :name AND expires_at < :old",
        name=name,
        old=now - REMEMBERED_FOR,
    )
    transaction.run(
        "INSERT INTO password_link (secret_hash, account_name, created_by, created_at, expires_at)"
        " VALUES (:hash, :name, :by, :now, :expires)",
        hash=_hashed(link.secret),
        name=name,
        by=by.shown,
        now=now,
        expires=link.expires_at,
    )
    audit.note(transaction, hotel_id, Deed.PASSWORD_LINK_MADE, by=by, subject=name, now=now)
    return link


def _find(transaction: Transaction, secret: str, *, now: datetime) -> PasswordLink:
    row = transaction.row(
        "SELECT account_name, expires_at, used_at IS NOT NULL FROM password_link WHERE secret_hash = :hash",
        hash=_hashed(secret),
    )
    if row is None:
        raise LinkRefused(LinkTrouble.UNKNOWN)
    if row[2]:
        raise LinkRefused(LinkTrouble.USED)
    link = PasswordLink(name=UserName(row[0]), secret=secret, expires_at=moment(row[1]))
    if link.expires_at <= now:
        raise LinkRefused(LinkTrouble.EXPIRED)
    return link


def _use(transaction: Transaction, secret: str, password_hash: str, *, by: Actor, now: datetime) -> Account:
    link = _find(transaction, secret, now=now)
    people.hold_enabled(transaction, link.name)
    _find(transaction, secret, now=now)  # again: while we waited somebody may have been first
    transaction.run("UPDATE password_link SET used_at = :now WHERE secret_hash = :hash", now=now, hash=_hashed(secret))
    return people.set_own_password(transaction, link.name, password_hash, by=by, now=now)


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
