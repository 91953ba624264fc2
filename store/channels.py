"""Taking a channel away. What it told stays in the ledger; what it was still to tell is told to nobody."""

from datetime import datetime

from rules.ids import HotelId
from store import audit, facts
from store.audit import Actor, Deed
from store.database import Database
from store.errors import NotFound
from store.records import ChannelId
from store.transaction import Transaction

_REMOVED = "the channel was removed"


class Channels:
    _database: Database

    async def remove_channel(self, hotel_id: HotelId, channel_id: ChannelId, *, by: Actor, now: datetime) -> None:
        """Tell nobody by this channel any more, and cancel what waits for it. Raises NotFound."""
        await self._database.write(lambda transaction: _remove(transaction, hotel_id, channel_id, by=by, now=now))


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
