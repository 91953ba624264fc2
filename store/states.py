"""Device states: written when something happened, caught up with their heartbeats in bulk, read as of the last of them.

A heartbeat as usual moves three figures of its device's state, and all three stand in its own row. To write the state
as well would cost as much as the row itself, on a page that no other message touches (docs/adr/0017). So the bridge
writes such a state later, many at once, and says how far it has come; whoever reads a state meanwhile, or after a
crash, adds what the heartbeats since then say. What it gets is what the bridge had in memory.

"""

from collections.abc import Mapping, Sequence

import msgspec

from rules.ids import HotelId
from rules.state import DeviceState, caught_up
from store.database import Database
from store.records import DeviceKey
from store.times import moment
from store.transaction import Dialect, Row, Transaction

Latest = Mapping[int, Row]
"""By device: key, message, time of receipt, rssi and battery of the last live heartbeat since the states caught up."""

_SINCE = """
    FROM message
    WHERE id > (SELECT upto FROM caught_up) AND id < (SELECT 9223372036854775807)
        AND kind = 'heartbeat' AND NOT late AND hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel)
"""
"""PostgreSQL plans without knowing the bound. Of one it expects a third of the table, and walks all of it, by several
processes at once; of two it expects a few rows, and asks the index.
"""

_OF_SOME = {
    Dialect.SQLITE: " AND device_key IN (SELECT value FROM json_each(:devices))",
    Dialect.POSTGRES: " AND device_key = ANY(:devices::bigint[])",  # no join, which it would choose as badly
}


def _newest(dialect: Dialect, condition: str) -> str:
    """The last row of each device."""
    if dialect is Dialect.SQLITE:  # which with max(id) takes the other columns from the same row
        return f"SELECT device_key, max(id), received_at, rssi, battery {condition} GROUP BY device_key"
    columns = "DISTINCT ON (device_key) device_key, id, received_at, rssi, battery"
    return f"SELECT {columns} {condition} ORDER BY device_key, id DESC"


_LATEST = {dialect: _newest(dialect, _SINCE) for dialect in Dialect}
_LATEST_OF = {dialect: _newest(dialect, _SINCE + _OF_SOME[dialect]) for dialect in Dialect}

_states = msgspec.msgpack.Decoder(DeviceState)
_encode = msgspec.msgpack.Encoder().encode
_NEVER_SEEN = DeviceState()


class States:
    _database: Database

    async def newest_message(self) -> int:
        """Return the row of the newest stored message, 0 where there is none."""
        rows = await self._database.ask("SELECT max(id) FROM message")
        return int(rows[0][0] or 0)


def write(transaction: Transaction, states: Mapping[DeviceKey, DeviceState]) -> None:
    if states:
        transaction.fill(
            "INSERT INTO device_state (device_key, state) VALUES",
            rows(states),
            "ON CONFLICT (device_key) DO UPDATE SET state = excluded.state",
        )


def rows(states: Mapping[DeviceKey, DeviceState]) -> list[tuple[DeviceKey, bytes]]:
    """What is written of them, in order of key: neighbours share a page."""
    return [(key, _encode(states[key])) for key in sorted(states)]


def have_caught_up(transaction: Transaction, upto: int) -> None:
    """Say that the states that are stored hold every heartbeat up to this row."""
    transaction.run("UPDATE caught_up SET upto = :upto WHERE upto < :upto", upto=upto)


def latest(transaction: Transaction, hotel_id: HotelId) -> Latest:
    """What the states of a hotel lag behind."""
    return {row[0]: row for row in transaction.rows(_LATEST[transaction.dialect], hotel=hotel_id)}


def latest_of(transaction: Transaction, hotel_id: HotelId, device_keys: Sequence[int]) -> Latest:
    """What the states of some devices of a hotel lag behind."""
    listed = transaction.dialect is Dialect.POSTGRES
    devices = list(device_keys) if listed else msgspec.json.encode(device_keys).decode()
    rows = transaction.rows(_LATEST_OF[transaction.dialect], hotel=hotel_id, devices=devices)
    return {row[0]: row for row in rows}


def read(stored: bytes | None, heard: Row | None) -> DeviceState:
    """The state as it is: what was stored, and the device's row of `Latest`."""
    if stored is None:
        return _NEVER_SEEN
    state: DeviceState = _states.decode(stored)
    if heard is None or (state.last_heard is not None and moment(heard[2]) <= state.last_heard):
        return state  # The state was written with that heartbeat, or after it.
    return caught_up(state, last_heard=moment(heard[2]), rssi=heard[3], battery=heard[4])
