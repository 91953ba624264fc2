"""Channels: by whom and how a hotel is told. One that is taken away tells nobody what it was still to tell, and what it
told stays in the ledger.
"""

from datetime import datetime

import msgspec

from rules.ids import HotelId
from store import audit, facts
from store.audit import Actor, Deed
from store.database import Database
from store.errors import NotFound
from store.records import Channel, ChannelId, ChannelRow
from store.revisions import changed_hotel
from store.transaction import Transaction

_REMOVED = "the channel was removed"


class Channels:
    _database: Database

    async def add_channel(self, hotel_id: HotelId, channel: Channel, *, by: Actor, now: datetime) -> ChannelRow:
        """Raises NotFound (hotel)."""
        return await self._database.write(
            lambda transaction: add_channel(transaction, hotel_id, channel, by=by, now=now)
        )

    async def channels(self, hotel_id: HotelId) -> tuple[ChannelRow, ...]:
        """In order of making."""
        return await self._database.read(lambda transaction: facts.channels(transaction, hotel_id))

    async def remove_channel(self, hotel_id: HotelId, channel_id: ChannelId, *, by: Actor, now: datetime) -> None:
        """Tell nobody by this channel any more, and cancel what waits for it. Raises NotFound."""
        await self._database.write(lambda transaction: _remove(transaction, hotel_id, channel_id, by=by, now=now))


def add_channel(
    transaction: Transaction, hotel_id: HotelId, channel: Channel, *, by: Actor, now: datetime
) -> ChannelRow:
    key = transaction.insert(
        "INSERT INTO channel (hotel_key, kind, settings, created_at)"
        " VALUES (:hotel, :kind, :settings, :now) RETURNING key",
        hotel=changed_hotel(transaction, hotel_id),
        kind=channel.kind,
        settings=msgspec.json.encode(channel).decode(),
        now=now,
    )
    audit.note(
        transaction, hotel_id, Deed.CHANNEL_ADDED, by=by, subject=str(key), now=now, detail={"kind": channel.kind}
    )
    return ChannelRow(ChannelId(key), channel)


def _remove(transaction: Transaction, hotel_id: HotelId, channel_id: ChannelId, *, by: Actor, now: datetime) -> None:
    hotel = facts.hotel_key(transaction, hotel_id)
    # First, as everybody does who tells of this hotel's notices: two that wait for each other would have to start over.
    transaction.run("UPDATE hotel SET revision = revision + 1 WHERE key = :hotel", hotel=hotel)
    row = transaction.row(
        "UPDATE channel SET removed_at = :now WHERE key = :channel AND hotel_key = :hotel AND removed_at IS NULL"
        " RETURNING kind",
        now=now,
        channel=channel_id,
        hotel=hotel,
    )
    if row is None:
        raise NotFound("channel", str(channel_id))
    # Also what a worker has in hand: it finds its claim lost, and does not try again.
    transaction.run(
        "UPDATE notification SET state = 'cancelled', due_at = NULL, leased_by = NULL, finished_at = :now,"
        " last_error = :why WHERE channel_key = :channel AND hotel_key = :hotel AND due_at IS NOT NULL",
        now=now,
        why=_REMOVED,
        channel=channel_id,
        hotel=hotel,
    )
    audit.note(
        transaction, hotel_id, Deed.CHANNEL_REMOVED, by=by, subject=str(channel_id), now=now, detail={"kind": row[0]}
    )
    transaction.news = True
