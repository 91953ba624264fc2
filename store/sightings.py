"""How strongly tablets heard access points, by day and room: what calibration learns from.

Gathered from heartbeats with the minutes (`store.gathering`), in the same transactions, so that each is counted once.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from rules.calibration import Calibration, Sighting, calibrate
from rules.ids import HotelId, RoomId
from rules.place import normal_bssid, policy_of
from store import facts
from store.audit import Actor
from store.database import Database
from store.errors import NotFound, NothingProposed, SeenOtherwise
from store.records import Hotel, Room, RoomChanges
from store.rooms import change_room
from store.times import micros
from store.transaction import Dialect, Row, Transaction, Value

DAY: Final = 86_400_000_000
LEARNED_FROM: Final = timedelta(days=7)
KEPT: Final = timedelta(days=30)
"""Of each tablet: when more of it is heard, and for a retired one in any case."""

_OBJECT: Final = {
    Dialect.SQLITE: "json_group_object(CAST(dbm AS TEXT), count)",
    Dialect.POSTGRES: "json_object_agg(dbm, count)::text",
}
_HEARD: Final = {
    dialect: f"""
    SELECT device_key, day, bssid, {signals}
    FROM (
        SELECT device_key, received_at / :day AS day, bssid, CAST(round(rssi) AS INTEGER) AS dbm, count(*) AS count
        FROM message
        WHERE id > :upto AND id <= :target AND device_key > :device AND kind = 'heartbeat' AND NOT late
            AND bssid IS NOT NULL AND rssi IS NOT NULL
        GROUP BY device_key, received_at / :day, bssid, CAST(round(rssi) AS INTEGER)
    ) AS heard
    GROUP BY device_key, day, bssid
    ORDER BY device_key
    """  # noqa: S608 - ours
    for dialect, signals in _OBJECT.items()
}

_AMONG: Final = {
    Dialect.SQLITE: "IN (SELECT value FROM json_each(:devices))",
    Dialect.POSTGRES: "= ANY(:devices::bigint[])",
}
_KNOWN: Final = {
    dialect: "SELECT device_key, day, bssid, room_key, signals FROM sighting"  # noqa: S608 - ours
    f" WHERE day >= :first AND device_key {among}"
    for dialect, among in _AMONG.items()
}
_OLD: Final = {
    dialect: f"DELETE FROM sighting WHERE day < :old AND device_key {among}"  # noqa: S608 - ours
    for dialect, among in _AMONG.items()
}
_ROOMS: Final = {
    dialect: f"SELECT key, room_key FROM device WHERE key {among}"  # noqa: S608 - ours
    for dialect, among in _AMONG.items()
}
_OF_HOTEL: Final = """
    SELECT room.id, sighting.day, sighting.bssid, sighting.signals FROM sighting
    JOIN room ON room.key = sighting.room_key JOIN hotel ON hotel.key = room.hotel_key
    WHERE hotel.id = :hotel AND sighting.day >= :first
    ORDER BY room.id, sighting.day, sighting.bssid
"""

_signals = msgspec.json.Decoder(dict[int, int])
_Key = tuple[int, int, str, int]


_OF_ROOM: Final = _OF_HOTEL.replace("ORDER BY", "AND room.id = :room ORDER BY")


class Sightings:
    _database: Database

    async def sightings(self, hotel_id: HotelId, *, since: datetime) -> list[Sighting]:
        """What a hotel's tablets heard in their rooms, from the day of `since` on, by room and day."""
        rows = await self._database.ask(_OF_HOTEL, hotel=hotel_id, first=micros(since) // DAY)
        return [_sighting(row) for row in rows]

    async def calibrations(self, hotel_id: HotelId, *, now: datetime) -> list[Calibration]:
        """What was learned in the last week of each room of which anything was heard, by room."""
        heard: dict[RoomId, list[Sighting]] = defaultdict(list)
        for one in await self.sightings(hotel_id, since=now - LEARNED_FROM):
            heard[one.room_id].append(one)
        return await self._database.read(lambda transaction: _learned(transaction, hotel_id, heard))

    async def apply_calibration(
        self, hotel_id: HotelId, room_id: RoomId, *, if_revision: str, by: Actor, now: datetime
    ) -> Calibration:
        """Set a room's floor and access points to what is proposed, if that is what somebody saw; what it was.

        Raises NotFound, NothingProposed, SeenOtherwise.
        """
        return await self._database.write(
            lambda transaction: _apply(transaction, hotel_id, room_id, if_revision=if_revision, by=by, now=now)
        )


def _learned(
    transaction: Transaction, hotel_id: HotelId, heard: Mapping[RoomId, Sequence[Sighting]]
) -> list[Calibration]:
    hotel = facts.hotel(transaction, hotel_id)
    rooms = [facts.room(transaction, hotel_id, room_id) for room_id in heard]
    return [_learn(room, heard[room.id], hotel=hotel) for room in rooms if room is not None]


def _learn(room: Room, heard: Sequence[Sighting], *, hotel: Hotel) -> Calibration:
    margin = policy_of(room, profile=hotel.profile, policy=hotel.policy).rssi_recovery_margin
    return calibrate(room.id, heard, floor=room.rssi_floor, margin=margin, access_points=room.access_points)


def _apply(
    transaction: Transaction, hotel_id: HotelId, room_id: RoomId, *, if_revision: str, by: Actor, now: datetime
) -> Calibration:
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    room = facts.room(transaction, hotel_id, room_id)
    if room is None:
        raise NotFound("room", room_id)
    first = micros(now - LEARNED_FROM) // DAY
    rows = transaction.rows(_OF_ROOM, hotel=hotel_id, room=room_id, first=first)
    found = _learn(room, [_sighting(row) for row in rows], hotel=facts.hotel(transaction, hotel_id))
    if not found.ready:
        raise NothingProposed(f"nothing is proposed for room {room_id}: too little was heard in it, or it is set so")
    if found.revision != if_revision:
        raise SeenOtherwise("the proposal")
    changes = RoomChanges(rssi_floor=found.rssi_floor, access_points=found.access_points)
    change_room(transaction, hotel_id, room_id, changes, by=by, now=now)
    return found


def _sighting(row: Row) -> Sighting:
    return Sighting(RoomId(row[0]), row[1], row[2], _signals.decode(row[3]))


def heard_since(transaction: Transaction, *, upto: int, target: int, device_key: int) -> list[Row]:
    """One row for each access point that a device heard on a day, in order of device, with how often how strongly.

    Of the messages after `upto` up to `target`, those of devices after `device_key`.
    """
    return transaction.rows(_HEARD[transaction.dialect], day=DAY, upto=upto, target=target, device=device_key)


def add(transaction: Transaction, heard: Sequence[Row]) -> None:
    """Add rows of `heard_since` to what is known; a device counts for the room in which it is now."""
    if not heard:
        return
    devices = _listed(transaction, sorted({row[0] for row in heard}))
    rooms: dict[int, int] = dict(transaction.rows(_ROOMS[transaction.dialect], devices=devices))
    first = min(row[1] for row in heard)
    known: dict[_Key, dict[int, int]] = {
        (row[0], row[1], row[2], row[3]): _signals.decode(row[4])
        for row in transaction.rows(_KNOWN[transaction.dialect], devices=devices, first=first)
    }
    changed: dict[_Key, dict[int, int]] = {}
    names = {said: normal_bssid(said) for said in {row[2] for row in heard}}
    for device, day, said, strengths in heard:
        bssid = names[said]
        if bssid is not None and device in rooms:
            key = device, day, bssid, rooms[device]
            signals = changed.setdefault(key, known.get(key, {}))
            for dbm, count in _signals.decode(strengths).items():
                signals[dbm] = signals.get(dbm, 0) + count
    if changed:
        rows = [(*key, sum(signals.values()), _encoded(signals)) for key, signals in sorted(changed.items())]
        transaction.fill(
            "INSERT INTO sighting (device_key, day, bssid, room_key, count, signals) VALUES",
            rows,
            "ON CONFLICT (device_key, day, bssid, room_key)"
            " DO UPDATE SET count = excluded.count, signals = excluded.signals",
        )
    transaction.run(_OLD[transaction.dialect], devices=devices, old=first - KEPT.days)


def _encoded(signals: dict[int, int]) -> str:
    return msgspec.json.encode({dbm: signals[dbm] for dbm in sorted(signals)}).decode()


def _listed(transaction: Transaction, keys: Collection[int]) -> Value:
    return list(keys) if transaction.dialect is Dialect.POSTGRES else msgspec.json.encode(keys).decode()
