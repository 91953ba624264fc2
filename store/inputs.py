"""What was stored of the inputs of the rules, read again in their order: for a replay, and for whoever asks why.

Rows are read by ranges of their ids and not by times, which have no index: an id is found from a time by halving. So a
hotel's inputs of an hour cost what everybody's of that hour cost, and each question to the database takes some tens of
milliseconds, however long the history is.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Final

from msgspec import Struct

from rules.ids import DeviceId, HotelId, MessageId
from rules.inputs import InputKind, StoredInput
from store import facts
from store.database import Database
from store.errors import NotFound
from store.times import micros
from store.transaction import Row, Transaction

STRIDE: Final = 20_000
"""Ids that one question goes over: as many rows at most, some 15 MB of them."""

_KINDS: Final = {kind.value: kind for kind in InputKind}  # to make a member of a word takes a call

_INPUTS: Final = """
    SELECT id, device_key, kind, message_id, received_at, ts, late, body FROM message
    WHERE hotel_key = :hotel AND id > :after AND id <= :upto
"""
_OF_ONE: Final = f"""
    {_INPUTS} AND (device_key = :device OR device_key IS NULL OR kind = 'assignment'
        OR (kind = 'checkpoint' AND message_id = :first)) ORDER BY id
"""
_FIRST: Final = """
    SELECT message_id FROM message
    WHERE hotel_key = :hotel AND id > :after AND id <= :upto AND kind = 'checkpoint' AND device_key IS NULL
    ORDER BY id LIMIT 1
"""
_OF_ALL: Final = f"{_INPUTS} ORDER BY id"

_CHECKPOINT: Final = """
    SELECT id FROM message
    WHERE hotel_key = :hotel AND id <= :upto AND kind = 'checkpoint' AND device_key IS NULL
    ORDER BY id DESC LIMIT 1
"""


class Span(Struct, frozen=True):
    """Rows of `message`: those after `after` up to `upto`. `begins` is the first one that was received in time.

    It is from a checkpoint on, if there is one before that: `whole` says so, or that nothing was stored before it.
    """

    after: int
    begins: int
    upto: int
    whole: bool


class InputPage(Struct, frozen=True):
    """The inputs of a hotel up to the row `upto`."""

    upto: int
    inputs: list[StoredInput]


class Inputs:
    _database: Database

    async def span(self, hotel_id: HotelId, *, start: datetime, end: datetime) -> Span:
        """Where the inputs of [start, end) lie, and where a replay of them has to begin. Raises NotFound (hotel)."""
        return await self._database.read(lambda transaction: _span(transaction, hotel_id, start=start, end=end))

    async def inputs(
        self, hotel_id: HotelId, span: Span, *, device_id: DeviceId | None = None, stride: int = STRIDE
    ) -> AsyncIterator[InputPage]:
        """A hotel's inputs in the order in which they counted; if one device is named, its own, those of the hotel as a
        whole, and where the others live: their assignments, and their first checkpoint.

        Reads in pages, holds no transaction between them. Raises NotFound (hotel, device).
        """
        devices = await self._database.read(partial(_devices, hotel_id=hotel_id))
        device = None
        if device_id is not None:
            device = next((key for key, name in devices.items() if name == device_id), None)
            if device is None:
                raise NotFound("device", device_id)
        first = None if device is None else await self._database.read(partial(_first, hotel_id=hotel_id, span=span))
        after = span.after
        while after < span.upto:
            upto = min(after + stride, span.upto)
            page = partial(_page, hotel_id=hotel_id, device=device, first=first, after=after, upto=upto)
            rows = await self._database.read(page)
            yield InputPage(upto, [_input(row, devices) for row in rows])
            after = upto

    async def inputs_of(self, hotel_id: HotelId, device_id: DeviceId, span: Span) -> list[StoredInput]:
        """All that one device was judged by in a span, and from the last checkpoint before it.

        Raises NotFound (hotel, device).
        """
        pages = self.inputs(hotel_id, span, device_id=device_id)
        return [one async for page in pages for one in page.inputs]


def _span(transaction: Transaction, hotel_id: HotelId, *, start: datetime, end: datetime) -> Span:
    hotel = facts.hotel_key(transaction, hotel_id)
    begins, upto = _row_at(transaction, start), _row_at(transaction, end) - 1
    checkpoint = transaction.row(_CHECKPOINT, hotel=hotel, upto=begins)
    if checkpoint is not None:
        return Span(int(checkpoint[0]) - 1, begins, upto, whole=True)
    oldest = transaction.row("SELECT id, received_at FROM message ORDER BY id LIMIT 1")
    made = transaction.row("SELECT created_at FROM hotel WHERE key = :hotel", hotel=hotel)
    if oldest is None or made is None:
        return Span(0, begins, upto, whole=True)
    return Span(oldest[0] - 1, begins, upto, whole=oldest[0] == 1 or made[0] >= oldest[1])


def _row_at(transaction: Transaction, at: datetime) -> int:
    """The first row that was received at `at` or later; the one after the last where none was.

    The clock may have been set back in between: then it is one of those, and all before and after are not in order.
    """
    low, high = transaction.row("SELECT min(id) FROM message"), transaction.row("SELECT max(id) FROM message")
    if low is None or high is None or low[0] is None:
        return 1
    first, last, wanted = int(low[0]), int(high[0]) + 1, micros(at)
    while first < last:
        middle = (first + last) // 2
        row = transaction.row("SELECT id, received_at FROM message WHERE id >= :id ORDER BY id LIMIT 1", id=middle)
        if row is None or row[1] >= wanted:
            last = middle
        else:
            first = int(row[0]) + 1
    return first


def _devices(transaction: Transaction, hotel_id: HotelId) -> Mapping[int, DeviceId]:
    """All that there ever were, by key, and by which id they go now."""
    hotel = facts.hotel_key(transaction, hotel_id)
    rows = transaction.rows("SELECT key, id FROM device WHERE hotel_key = :hotel", hotel=hotel)
    return {row[0]: DeviceId(row[1]) for row in rows}


def _first(transaction: Transaction, *, hotel_id: HotelId, span: Span) -> str:
    """How the first checkpoint in a span is named: those of all its tablets are named alike. Empty: there is none."""
    hotel = facts.hotel_key(transaction, hotel_id)
    row = transaction.row(_FIRST, hotel=hotel, after=span.after, upto=span.upto)
    return "" if row is None else str(row[0])


def _page(
    transaction: Transaction, *, hotel_id: HotelId, device: int | None, first: str | None, after: int, upto: int
) -> list[Row]:
    hotel = facts.hotel_key(transaction, hotel_id)
    if device is None:
        return transaction.rows(_OF_ALL, hotel=hotel, after=after, upto=upto)
    return transaction.rows(_OF_ONE, hotel=hotel, after=after, upto=upto, device=device, first=first)


def _input(row: Row, devices: Mapping[int, DeviceId]) -> StoredInput:
    return StoredInput(
        row[0],
        row[1],
        None if row[1] is None else devices[row[1]],
        _KINDS[row[2]],
        MessageId(row[3]),
        _moment(row[4]),
        None if row[5] is None else _moment(row[5]),
        bool(row[6]),
        row[7],
    )


def _moment(value: int) -> datetime:
    """As `store.times.moment`, in a quarter of the time; a float of this size has a microsecond to spare until 2255."""
    return datetime.fromtimestamp(value / 1_000_000, UTC)
