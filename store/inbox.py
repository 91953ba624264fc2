"""Messages that came over HTTP, on their way to the bridge (docs/adr/0023).

Whoever serves HTTP leaves them here, and answers when they are on disk. The bridge takes them in order and deletes each
in the transaction that stores it (`Batch.drained`), so the end of any process loses none and doubles none.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

import msgspec

from rules.ids import DeviceId, HotelId
from rules.state import DeviceState
from store import states
from store.database import Database
from store.errors import InboxFull, NotFound
from store.foretelling import Foretold, foretold
from store.records import InboxKey, InboxKind, InboxRow, PmsLeft
from store.times import moment
from store.transaction import Row, Transaction

OF_DEVICE: Final = 200
"""Messages of one device that may wait: half an hour of heartbeats."""

OF_HOTEL: Final = 10_000


class Inbox:
    _database: Database

    async def leave(
        self, hotel_id: HotelId, device_id: DeviceId, kind: InboxKind, payload: bytes, *, now: datetime
    ) -> DeviceState:
        """Keep a message for the bridge; return what is known of its device, but for the last samples.

        Durable on disk when it returns. Raises NotFound (device; a retired one too), InboxFull. Several at once may go
        over the limits by as many.
        """
        return await self._database.write(
            lambda transaction: _leave(transaction, hotel_id, device_id, kind=kind, payload=payload, now=now)
        )

    async def leave_word(self, hotel_id: HotelId, word: PmsLeft, *, now: datetime) -> Foretold:
        """Keep what a hotel's system said of a room for the bridge; what will become of it. Durable when it returns.

        One that is stored already, or waits, is not left again. Raises NotFound (hotel), InboxFull.
        """
        return await self._database.write(lambda transaction: _leave_word(transaction, hotel_id, word, now=now))

    async def left(self, *, limit: int) -> list[InboxRow]:
        """Return what waits, the oldest first, of all hotels."""
        return [_row(row) for row in await self._database.ask(_LEFT, limit=limit)]


def leave_deed(transaction: Transaction, hotel_key: int, *, alert_key: int, payload: bytes, now: datetime) -> None:
    """Keep for the bridge what a person did about an alert, in that deed's own transaction: there are few of them."""
    transaction.run(
        "INSERT INTO inbox (hotel_key, device_key, kind, payload, received_at)"
        " VALUES (:hotel, (SELECT alert.device_key FROM alert WHERE alert.hotel_key = :hotel AND alert.key = :alert),"
        " :kind, :payload, :now)",
        kind=InboxKind.DEED.value,
        payload=payload,
        now=now,
        hotel=hotel_key,
        alert=alert_key,
    )
    transaction.news = True


def _leave(
    transaction: Transaction,
    hotel_id: HotelId,
    device_id: DeviceId,
    *,
    kind: InboxKind,
    payload: bytes,
    now: datetime,
) -> DeviceState:
    device = transaction.row(_OF_WHOM, hotel=hotel_id, device=device_id, of_device=OF_DEVICE, of_hotel=OF_HOTEL)
    if device is None:
        raise NotFound("device", device_id)
    key, hotel_key, state, of_device, of_hotel = device
    if of_device >= OF_DEVICE:
        raise InboxFull(f"{OF_DEVICE} messages of {device_id} wait already")
    if of_hotel >= OF_HOTEL:
        raise InboxFull(f"{OF_HOTEL} messages of {hotel_id} wait already")
    transaction.run(
        "INSERT INTO inbox (hotel_key, device_key, kind, payload, received_at)"
        " VALUES (:hotel, :device, :kind, :payload, :now)",
        hotel=hotel_key,
        device=key,
        kind=kind.value,
        payload=payload,
        now=now,
    )
    transaction.news = True
    return states.read(state, None)


def _leave_word(transaction: Transaction, hotel_id: HotelId, word: PmsLeft, *, now: datetime) -> Foretold:
    row = transaction.row(_OF_HOTEL, hotel=hotel_id, of_hotel=OF_HOTEL)
    if row is None:
        raise NotFound("hotel", hotel_id)
    hotel_key, waiting = row
    if waiting >= OF_HOTEL:
        raise InboxFull(f"{OF_HOTEL} messages of {hotel_id} wait already")
    becomes = foretold(transaction, hotel_id, word, now=now)
    if becomes is Foretold.DUPLICATE:
        return becomes
    transaction.run(
        "INSERT INTO inbox (hotel_key, kind, payload, received_at) VALUES (:hotel, :kind, :payload, :now)",
        hotel=hotel_key,
        kind=InboxKind.PMS.value,
        payload=msgspec.json.encode(word),
        now=now,
    )
    transaction.news = True
    return becomes


_OF_HOTEL = (
    "SELECT hotel.key,"
    " (SELECT count(*) FROM (SELECT 1 FROM inbox WHERE inbox.hotel_key = hotel.key LIMIT :of_hotel) AS every)"
    " FROM hotel WHERE hotel.id = :hotel"
)

_OF_WHOM = (
    "SELECT device.key, device.hotel_key, device_state.state,"
    " (SELECT count(*) FROM (SELECT 1 FROM inbox WHERE inbox.device_key = device.key LIMIT :of_device) AS own),"
    " (SELECT count(*) FROM (SELECT 1 FROM inbox WHERE inbox.hotel_key = device.hotel_key LIMIT :of_hotel) AS every)"
    " FROM device JOIN hotel ON hotel.key = device.hotel_key"
    " LEFT JOIN device_state ON device_state.device_key = device.key"
    " WHERE hotel.id = :hotel AND device.id = :device AND device.retired_at IS NULL"
)
"""A device, its state, and how much of its own and of its hotel waits, counted up to the limits."""

_LEFT = (
    "SELECT inbox.id, hotel.id, device.id, inbox.kind, inbox.payload, inbox.received_at FROM inbox"
    " JOIN hotel ON hotel.key = inbox.hotel_key LEFT JOIN device ON device.key = inbox.device_key"
    " ORDER BY inbox.id LIMIT :limit"
)


def _row(row: Row) -> InboxRow:
    return InboxRow(
        key=InboxKey(row[0]),
        hotel_id=HotelId(row[1]),
        device_id=None if row[2] is None else DeviceId(row[2]),
        kind=InboxKind(row[3]),
        payload=bytes(row[4]),
        received_at=moment(row[5]),
    )


def drain(transaction: Transaction, keys: Collection[InboxKey]) -> None:
    """Forget what is stored."""
    if keys:
        transaction.many("DELETE FROM inbox WHERE id = ?", [(key,) for key in keys])
