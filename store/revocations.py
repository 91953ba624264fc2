"""Who is shut out, as a broker is told it.

Every deed that voids tokens (`revoke_device`, `disable_user`, `suspend_hotel`, a new password, …) writes one row in its
own transaction. A row is its subject's newest and gets the highest revision of all, so that whoever remembers the
highest one it has seen is told of each later deed.
"""

from datetime import datetime

from rules.ids import HotelId, UserName
from rules.revoked import Revoked, Subject
from store.database import Database
from store.transaction import Row, Transaction

_NO_HOTEL = "_"
"""Stands for no hotel where a key needs one: no hotel may be called so."""


class Revocations:
    _database: Database

    async def revoked(self, after: int) -> tuple[int, tuple[Revoked, ...]]:
        """Return the newest revision there is, and in their order the deeds after the revision `after`; 0: all.

        A newest one below `after` means that the database is another one than before: ask again from 0.
        """
        return await self._database.read(lambda transaction: _revoked(transaction, after))


def note(transaction: Transaction, kind: Subject, hotel_id: HotelId | None, name: str, *, gen: int) -> None:
    """Write, in the transaction of the deed, that tokens of this subject need the generation `gen` from now on.

    Do it last but for events: from here to the commit nobody else can note anything, which keeps the revisions in the
    order of the commits.
    """
    transaction.hold_table("revocation")
    transaction.run(
        "INSERT INTO revocation (kind, hotel_id, name, gen, revision)"
        " VALUES (:kind, :hotel, :name, :gen, (SELECT coalesce(max(revision), 0) + 1 FROM revocation))"
        " ON CONFLICT (kind, hotel_id, name) DO UPDATE SET gen = excluded.gen, revision = excluded.revision",
        kind=kind,
        hotel=hotel_id or _NO_HOTEL,
        name=name,
        gen=gen,
    )
    transaction.news = True


def note_member(transaction: Transaction, hotel_id: HotelId, name: UserName, *, now: datetime) -> None:
    """As `note`: what a person's tokens of before were worth in this hotel is over; elsewhere nothing changes.

    By the time of issue, and not by a generation: that one is the account's, and raising it would let the manager of
    one hotel log somebody out of another.
    """
    note(transaction, Subject.USER, hotel_id, name, gen=int(now.timestamp()))


def _revoked(transaction: Transaction, after: int) -> tuple[int, tuple[Revoked, ...]]:
    ((newest,),) = transaction.rows("SELECT coalesce(max(revision), 0) FROM revocation")
    rows = transaction.rows(
        "SELECT kind, hotel_id, name, gen, revision FROM revocation WHERE revision > :after ORDER BY revision",
        after=after,
    )
    return newest, tuple(_deed(row) for row in rows)


def _deed(row: Row) -> Revoked:
    hotel_id = None if row[1] == _NO_HOTEL else HotelId(row[1])
    return Revoked(kind=Subject(row[0]), hotel_id=hotel_id, name=row[2], gen=row[3], revision=row[4])
