"""Storing messages, each once: the part of a batch that every heartbeat goes through.

On SQLite a unique index says whether a message is there already. On PostgreSQL messages go by days, each with a unique
index of its own (`store.partitions`), so those of the days before are asked in the statement that inserts: one round
trip stores a batch, or refuses it because a message of it is stored already, or because its bridge has lost its lease
(docs/adr/0020). Only the one bridge inserts, so nothing comes between the question and the row.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from rules.ids import HotelId, MessageId
from rules.inputs import InputKind
from store.batch import StoredMessage
from store.errors import Duplicate
from store.known import Known
from store.partitions import DAY, day_of
from store.records import DeviceKey
from store.times import maybe_micros, micros
from store.transaction import Dialect, Row, Transaction

HORIZON: Final = 7
"""Days for which a message is stored once only, whenever it comes again."""

_COLUMNS: Final = {
    "hotel_key": "bigint",
    "device_key": "bigint",
    "kind": "varchar",
    "message_id": "varchar",
    "received_at": "bigint",
    "ts": "bigint",
    "late": "boolean",
    "rssi": "float8",
    "bssid": "varchar",
    "battery": "float8",
    "charging": "boolean",
    "body": "bytea",
}
_NAMES: Final = ", ".join(_COLUMNS)
INSERT: Final = f"INSERT INTO message ({_NAMES})"
LISTS: Final = ", ".join(f":{name}::{type_}[]" for name, type_ in _COLUMNS.items())

# Lists out of a query are lists of unknown length: PostgreSQL plans once, and not anew for each batch.
_STORED: Final = (
    "SELECT 1 FROM unnest((SELECT :message_id::varchar[]), (SELECT :device_key::bigint[])) AS asked (name, device)"
    " JOIN message ON message.message_id = asked.name AND message.device_key = asked.device"
)


def insert(transaction: Transaction, messages: Sequence[StoredMessage], *, known: Known) -> None:
    """Insert them in this order. Raises Duplicate, DataRefused. On PostgreSQL `known` must suffice for them."""
    if transaction.dialect is Dialect.SQLITE:
        hotels = {hotel_id: known.hotel_key(transaction, hotel_id) for hotel_id in {one.hotel_id for one in messages}}
        transaction.fill(f"{INSERT} VALUES", _rows(messages, hotels))
        return
    inserted = transaction.run(
        f"{INSERT} SELECT * FROM unnest({LISTS}) WHERE NOT EXISTS ({stored(messages, known)})",  # noqa: S608 - our own words
        **columns(messages, known),
    )
    refuse_unless(inserted == len(messages))


def stored(messages: Sequence[StoredMessage], known: Known) -> str:
    """What finds a row when one of the messages whose `columns` are given is stored on another day already.

    Raises Duplicate when that would not find it.
    """
    days = {day_of(message.received_at) for message in messages}
    if len(days) > 1:
        _refuse_twins(messages)
    known.last_day = max(known.last_day, *days)
    return f"{_STORED} WHERE {_days_besides(days, last_day=known.last_day)}"


def refuse_unless(all_are_new: bool) -> None:  # noqa: FBT001 - the condition is its name
    """Raises Duplicate."""
    if not all_are_new:
        raise Duplicate("a message is stored already, on another day")


def _rows(messages: Sequence[StoredMessage], hotels: Mapping[HotelId, int]) -> list[Row]:
    """What SQLite stores of them. Its driver takes a bool for something unknown, and long over it."""
    beat, word = InputKind.HEARTBEAT, InputKind.HEARTBEAT.value  # to ask a member for its value takes a call
    return [
        (
            hotels[message.hotel_id],
            message.device_key,
            word if message.kind is beat else message.kind.value,
            message.message_id,
            micros(message.received_at),
            maybe_micros(message.ts),
            1 if message.late else 0,
            message.rssi,
            message.bssid,
            message.battery,
            None if message.charging is None else 1 if message.charging else 0,
            message.body,
        )
        for message in messages
    ]


def columns(messages: Sequence[StoredMessage], known: Known) -> dict[str, list[Any]]:
    """What PostgreSQL stores of them, by column; `known` suffices for them."""
    beat, word = InputKind.HEARTBEAT, InputKind.HEARTBEAT.value  # to ask a member for its value takes a call
    return {
        "hotel_key": [known.hotels[message.hotel_id] for message in messages],
        "device_key": [message.device_key for message in messages],
        "kind": [word if message.kind is beat else message.kind.value for message in messages],
        "message_id": [message.message_id for message in messages],
        "received_at": [micros(message.received_at) for message in messages],
        "ts": [maybe_micros(message.ts) for message in messages],
        "late": [message.late for message in messages],
        "rssi": [message.rssi for message in messages],
        "bssid": [message.bssid for message in messages],
        "battery": [message.battery for message in messages],
        "charging": [message.charging for message in messages],
        "body": [message.body for message in messages],
    }


def _days_besides(days: set[int], *, last_day: int) -> str:
    """Where else a message of these days may be stored already, for the unique index of one day sees that one only.

    The days after are asked too, up to the last one that has messages: the clock may have been set back.
    """
    first, last = min(days) - HORIZON, max(max(days) + 1, last_day)
    if len(days) > 1:
        return _between(first, last)
    (day,) = days
    return f"({_between(first, day - 1)} OR {_between(day + 1, last)})"


def _between(first: int, last: int) -> str:
    return f"message.received_at >= {first * DAY} AND message.received_at < {(last + 1) * DAY}"


def _refuse_twins(messages: Sequence[StoredMessage]) -> None:
    """A statement does not see its own rows, and two days have two indexes."""
    ids = [(message.device_key, message.message_id) for message in messages if message.device_key is not None]
    if len(set(ids)) < len(ids):
        raise Duplicate("a message stands in a batch twice")


def known(transaction: Transaction, ids: Collection[tuple[DeviceKey, MessageId]]) -> set[tuple[DeviceKey, MessageId]]:
    """Return those of `ids` that are stored."""
    if transaction.dialect is Dialect.POSTGRES:
        rows = transaction.rows(
            "SELECT message.device_key, message.message_id"
            " FROM unnest(:devices::bigint[], :names::varchar[]) AS asked (device, id)"
            " JOIN message ON message.message_id = asked.id AND message.device_key = asked.device",
            devices=[device for device, _ in ids],
            names=[name for _, name in ids],
        )
    else:
        # One statement, whatever their number; CROSS JOIN keeps SQLite from walking the messages instead.
        rows = transaction.rows(
            "SELECT asked.value ->> 0, asked.value ->> 1 FROM json_each(:asked) AS asked CROSS JOIN message"
            " ON message.message_id = asked.value ->> 1 AND message.device_key = asked.value ->> 0",
            asked=msgspec.json.encode(list(ids)).decode(),
        )
    return {(DeviceKey(row[0]), MessageId(row[1])) for row in rows}
