"""What a hotel's own systems say, from their topic or from the inbox to a matter of the intake.

Of a message only the fields of `rules.room_status.PmsMessage` are ever kept, and of one that is refused nothing at all
but its id: whoever maps a booking to our words may have put a guest's name anywhere. References of stays are sealed
before anything is stored.
"""

from typing import TypeGuard

import msgspec

from broker.topics import Kind
from device_bridge.decode import Refused, Rejected, read
from device_bridge.fleet import Fleet
from device_bridge.matters import Matter, Turned, Word
from device_bridge.queue import Arrived
from rules.ids import HotelId, IntegratorName
from rules.room_status import PmsKind, PmsMessage, PmsRecord, name_of_word, recorded, what_is_wrong
from store import Store
from store.records import PmsLeft

_message = msgspec.json.Decoder(PmsMessage)
_left = msgspec.json.Decoder(PmsLeft)


class HotelSystems:
    """Reads what they say, in its own order. A word is judged alone in its batch, by what the one before left."""

    def __init__(self, *, store: Store, fleet: Fleet) -> None:
        self._store = store
        self._fleet = fleet
        self._keys: dict[HotelId, bytes] = {}

    async def heard(self, item: Arrived) -> Matter:
        """What a message comes to. Raises StoreUnavailable."""
        topic = item.delivery.topic
        said = await self._read(item)
        if isinstance(said, Rejected):
            return Turned(topic, b"", said, item.at, item.inbox_key)
        hotel_id, record = topic.hotel_id, said.record
        if hotel_id is None or not await self._knows(hotel_id, record):
            unknown = Rejected(Refused.UNKNOWN_ROOM, "no such room in this hotel", said.id)
            return Turned(topic, b"", unknown, item.at, item.inbox_key)
        name = name_of_word(record.by, said.id)
        return Word(
            hotel_id=hotel_id,
            id=said.id,
            name=name,
            record=record,
            fleet=self._fleet,
            at=item.at,
            is_repeated=bool(await self._store.known_words(hotel_id, [name])),
            inbox_key=item.inbox_key,
        )

    async def _read(self, item: Arrived) -> PmsLeft | Rejected:
        delivery, topic = item.delivery, item.delivery.topic
        if item.inbox_key is not None:  # which the API has read, and sealed
            return _left.decode(delivery.payload)
        if delivery.retain:
            return Rejected(Refused.RETAINED, "a message with RETAIN set is never taken; publish without it")
        message = read(delivery.payload, _message.decode)
        if isinstance(message, Rejected):
            return message
        kind = PmsKind(topic.rest or "")
        wrong = what_is_wrong(message, kind, at=item.at)
        if wrong is not None:
            return Rejected(Refused.INVALID, str(wrong), None if wrong.field == "id" else message.id)
        if message.hotel_id is not None and message.hotel_id != topic.hotel_id:
            return Rejected(Refused.SPOOFED, "hotelId is not the topic's hotel", message.id)
        if topic.hotel_id not in self._fleet.hotels:
            await self._fleet.refresh()
        if topic.hotel_id is None or topic.hotel_id not in self._fleet.hotels:
            return Rejected(Refused.UNKNOWN_ROOM, "no such hotel", message.id)
        by, key = IntegratorName(topic.subject or ""), await self._key(topic.hotel_id)
        return PmsLeft(message.id, recorded(message, kind=kind, by=by, key=key))

    async def _knows(self, hotel_id: HotelId, record: PmsRecord) -> bool:
        """A room that somebody added a second ago is looked up first."""
        if not self._has_rooms(hotel_id, record):
            await self._fleet.refresh()
        return self._has_rooms(hotel_id, record)

    def _has_rooms(self, hotel_id: HotelId, record: PmsRecord) -> bool:
        return all(self._fleet.has_room(hotel_id, room_id) for room_id in record.rooms)

    async def _key(self, hotel_id: HotelId) -> bytes:
        key = self._keys.get(hotel_id)
        if key is None:
            key = self._keys[hotel_id] = await self._store.stay_key(hotel_id)
        return key


def is_word(item: object) -> TypeGuard[Arrived]:
    """Whether an input of the queue is what a hotel's system said."""
    return isinstance(item, Arrived) and item.delivery.topic.kind is Kind.PMS_IN
