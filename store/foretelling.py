"""What will become of a word that a hotel's system says over HTTP, told as it is left for the bridge.

The bridge judges words in the order in which they came: one is held against what is known of its rooms, and against
those that wait before it. What comes by MQTT meanwhile may still be before it; what counts is what the bridge finds.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from rules.ids import HotelId, RoomId
from rules.room_status import RoomStatus, name_of_word, news
from store import room_status
from store.records import InboxKind, PmsLeft
from store.times import moment
from store.transaction import Transaction

LATELY: Final = 200
"""Words that wait, of which one may be said again: more wait only while no bridge is there."""

_WAITING: Final = (
    "SELECT inbox.payload, inbox.received_at FROM inbox JOIN hotel ON hotel.key = inbox.hotel_key"
    " WHERE hotel.id = :hotel AND inbox.kind = :kind ORDER BY inbox.id DESC LIMIT :limit"
)

_left = msgspec.json.Decoder(PmsLeft)


class Foretold(StrEnum):
    """`duplicate`: it is stored, or waits to be. `stale`: it is older than what its sender said of the room since."""

    NEWS = "news"
    DUPLICATE = "duplicate"
    STALE = "stale"


def foretold(transaction: Transaction, hotel_id: HotelId, word: PmsLeft, *, now: datetime) -> Foretold:
    """What will become of a word that is left now."""
    name = name_of_word(word.record.by, word.id)
    rows = transaction.rows(_WAITING, hotel=hotel_id, kind=InboxKind.PMS.value, limit=LATELY)
    waiting = [(_left.decode(bytes(row[0])), moment(row[1])) for row in reversed(rows)]
    if any((one.record.by, one.id) == (word.record.by, word.id) for one, _ in waiting):
        return Foretold.DUPLICATE
    if room_status.stored_words(transaction, hotel_id, [name]):
        return Foretold.DUPLICATE
    known: dict[RoomId, RoomStatus] = {}

    def status(room_id: RoomId) -> RoomStatus:
        if room_id not in known:
            known[room_id] = room_status.status(transaction, hotel_id, room_id)
        return known[room_id]

    for one, at in waiting:
        if not set(one.record.rooms).isdisjoint(word.record.rooms):
            known.update(news(one.record, known=status, at=at))
    return Foretold.NEWS if news(word.record, known=status, at=now) else Foretold.STALE
