"""Tickets: what opens one event stream, once, for who cannot send a token in a header.

A ticket stands in an address, and addresses are written down in many places. So it is worth nothing a minute later, or
when it was used, in whichever process. The database has only its hash.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from store.database import Database
from store.transaction import Transaction

LIFE: Final = timedelta(seconds=60)


class Tickets:
    _database: Database

    async def make_ticket(self, claims: bytes, *, now: datetime) -> str:
        """Return a new ticket for whoever these claims stand for; the store does not read them."""
        ticket = secrets.token_urlsafe(32)
        await self._database.write(lambda transaction: _make(transaction, ticket, claims, now=now))
        return ticket

    async def take_ticket(self, ticket: str, *, now: datetime) -> bytes | None:
        """Return the claims and forget the ticket; None: it was used, has expired, or is none."""
        return await self._database.write(lambda transaction: _take(transaction, ticket, now=now))


def _make(transaction: Transaction, ticket: str, claims: bytes, *, now: datetime) -> None:
    transaction.run("DELETE FROM ticket WHERE expires_at <= :now", now=now)
    transaction.run(
        "INSERT INTO ticket (secret_hash, claims, expires_at) VALUES (:hash, :claims, :expires)",
        hash=_hashed(ticket),
        claims=claims,
        expires=now + LIFE,
    )


def _take(transaction: Transaction, ticket: str, *, now: datetime) -> bytes | None:
    row = transaction.row(
        "DELETE FROM ticket WHERE secret_hash = :hash AND expires_at > :now RETURNING claims",
        hash=_hashed(ticket),
        now=now,
    )
    return None if row is None else bytes(row[0])


def _hashed(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
