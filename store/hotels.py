"""Hotels: adding one, and shutting one out until it is let in again.

Each change raises the hotel's revision, by which the bridge learns that it must read the hotel again, and is in the
audit with whoever made it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rules.ids import HotelId
from rules.revoked import SUSPENDED, Subject
from store import audit, facts, revocations
from store.audit import Actor, Deed
from store.channels import add_channel
from store.database import Database
from store.errors import Exists
from store.records import Channel, Hotel
from store.revisions import changed_hotel
from store.transaction import Transaction


class Hotels:
    _database: Database

    async def add_hotel(self, hotel: Hotel, *, channels: Sequence[Channel] = (), by: Actor, now: datetime) -> None:
        """Add a hotel with its channels. Raises Exists."""
        await self._database.write(
            lambda transaction: _add_hotel(transaction, hotel, channels=channels, by=by, now=now)
        )

    async def add_hidden_hotel(self, hotel_id: HotelId, *, by: Actor, now: datetime) -> None:
        """Add a hotel that is ours: the bridge knows it, and it stands in no list of hotels. Raises Exists."""
        hotel = Hotel(id=hotel_id, name=hotel_id)
        await self._database.write(
            lambda transaction: _add_hotel(transaction, hotel, channels=(), by=by, now=now, hidden=True)
        )

    async def suspend_hotel(self, hotel_id: HotelId, *, by: Actor, now: datetime) -> bool:
        """Shut out every token of the hotel until it is resumed. False: it was so already. Raises NotFound."""
        return await self._database.write(lambda transaction: _suspend(transaction, hotel_id, by=by, now=now))

    async def resume_hotel(self, hotel_id: HotelId, *, by: Actor, now: datetime) -> bool:
        """Let the hotel's tokens in again, as far as they are good. False: it was not suspended. Raises NotFound."""
        return await self._database.write(lambda transaction: _resume(transaction, hotel_id, by=by, now=now))

    async def hotels(self) -> tuple[Hotel, ...]:
        """Every hotel but the hidden ones, in order of id."""
        return await self._database.read(facts.hotels)

    async def hotel(self, hotel_id: HotelId) -> Hotel:
        """Raises NotFound."""
        return await self._database.read(lambda transaction: facts.hotel(transaction, hotel_id))

    async def revisions(self) -> dict[HotelId, int]:
        """Return the revision of each hotel, raised by each change of its rooms, devices, policy or channels."""
        rows = await self._database.ask("SELECT id, revision FROM hotel")
        return {HotelId(row[0]): row[1] for row in rows}


def _add_hotel(
    transaction: Transaction,
    hotel: Hotel,
    *,
    channels: Iterable[Channel],
    by: Actor,
    now: datetime,
    hidden: bool = False,
) -> None:
    added = transaction.run(
        "INSERT INTO hotel (id, name, timezone, profile, policy, revision, last_event_id, created_at, hidden)"
        " VALUES (:id, :name, :timezone, :profile, :policy, 1, 0, :now, :hidden) ON CONFLICT (id) DO NOTHING",
        id=hotel.id,
        name=hotel.name,
        timezone=hotel.timezone,
        profile=hotel.profile,
        policy=facts.policy_text(hotel.policy),
        now=now,
        hidden=hidden,
    )
    if not added:
        raise Exists("hotel", hotel.id)
    audit.note(transaction, hotel.id, Deed.HOTEL_ADDED, by=by, subject=hotel.id, now=now, detail={"name": hotel.name})
    for channel in channels:
        add_channel(transaction, hotel.id, channel, by=by, now=now)
    transaction.news = True


def _suspend(transaction: Transaction, hotel_id: HotelId, *, by: Actor, now: datetime) -> bool:
    if _held(transaction, hotel_id).suspended_at is not None:
        return False
    _set_suspended(transaction, hotel_id, now)
    audit.note(transaction, hotel_id, Deed.HOTEL_SUSPENDED, by=by, subject=hotel_id, now=now)
    revocations.note(transaction, Subject.HOTEL, hotel_id, hotel_id, gen=SUSPENDED)
    return True


def _resume(transaction: Transaction, hotel_id: HotelId, *, by: Actor, now: datetime) -> bool:
    if _held(transaction, hotel_id).suspended_at is None:
        return False
    _set_suspended(transaction, hotel_id, None)
    audit.note(transaction, hotel_id, Deed.HOTEL_RESUMED, by=by, subject=hotel_id, now=now)
    revocations.note(transaction, Subject.HOTEL, hotel_id, hotel_id, gen=0)
    return True


def _held(transaction: Transaction, hotel_id: HotelId) -> Hotel:
    """Return the hotel, which nobody else changes until the end of the transaction. Raises NotFound."""
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    return facts.hotel(transaction, hotel_id)


def _set_suspended(transaction: Transaction, hotel_id: HotelId, at: datetime | None) -> None:
    key = changed_hotel(transaction, hotel_id)
    transaction.run("UPDATE hotel SET suspended_at = :at WHERE key = :hotel", hotel=key, at=at)
