"""Tablets: adding them, and what the bridge reads of all of them. What becomes of one later is in `store.lives`."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from rules.ids import DeviceId, HotelId, RoomId
from store import audit, cursors, events, facts
from store.audit import Actor, Deed, Detail
from store.database import Database
from store.errors import Exists, NotFound, Retired
from store.events import Entry
from store.records import Device, DeviceKey, DeviceRow, EventType, HotelFacts, Installation, NewDevice, Page
from store.revisions import changed_hotel
from store.rooms import insert_rooms
from store.times import micros
from store.transaction import Transaction


class Fleet:
    _database: Database

    async def add_device(
        self,
        hotel_id: HotelId,
        device_id: DeviceId,
        *,
        room_id: RoomId,
        name: str | None = None,
        by: Actor,
        now: datetime,
    ) -> Device:
        """Add a tablet to a room that is there; event device.added. Raises NotFound (hotel, room), Exists."""
        return await self._database.write(
            lambda transaction: put_device(transaction, hotel_id, device_id, room_id=room_id, name=name, by=by, now=now)
        )

    async def add_devices(
        self, hotel_id: HotelId, devices: Sequence[NewDevice], *, by: Actor, now: datetime
    ) -> tuple[Device, ...]:
        """Add tablets, each with a new room, all or none; one event device.added each, one line in the audit for all.

        Raises NotFound, Exists.
        """
        return await self._database.write(
            lambda transaction: _add_devices(transaction, hotel_id, devices, by=by, now=now)
        )

    async def find_device(self, hotel_id: HotelId, device_id: DeviceId) -> Device | None:
        """Return one device, retired or not; None if the hotel never had it (or there is no such hotel)."""
        return await self._database.read(lambda transaction: facts.find_device(transaction, hotel_id, device_id))

    async def devices(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 100) -> Page[DeviceRow]:
        """In order of id, without the retired. Raises BadCursor."""
        after = "" if cursor is None else cursors.decode(cursor, str)
        return await self._database.read(
            lambda transaction: facts.devices(transaction, hotel_id, after=after, limit=limit)
        )

    async def device(self, hotel_id: HotelId, device_id: DeviceId) -> DeviceRow | None:
        """One device with its state; None if unknown or retired."""
        return await self._database.read(lambda transaction: facts.device(transaction, hotel_id, device_id))

    async def load(self) -> Installation:
        """Everything that the bridge keeps in memory, read at one moment."""
        return await self._database.read(facts.load)

    async def load_hotel(self, hotel_id: HotelId) -> HotelFacts:
        """Raises NotFound."""
        return await self._database.read(lambda transaction: facts.load_hotel(transaction, hotel_id))


def put_device(
    transaction: Transaction,
    hotel_id: HotelId,
    device_id: DeviceId,
    *,
    room_id: RoomId,
    name: str | None = None,
    by: Actor,
    now: datetime,
) -> Device:
    key = changed_hotel(transaction, hotel_id)
    if not transaction.row("SELECT 1 FROM room WHERE hotel_key = :hotel AND id = :id", hotel=key, id=room_id):
        raise NotFound("room", room_id)
    audit.note(transaction, hotel_id, Deed.DEVICE_ADDED, by=by, subject=device_id, now=now, detail={"roomId": room_id})
    (device,) = insert_devices(transaction, hotel_id, [(device_id, room_id)], key=key, now=now)
    if name is None:
        return device
    transaction.run(
        "UPDATE device SET name = :name WHERE hotel_key = :hotel AND key = :device",
        name=name,
        hotel=key,
        device=device.key,
    )
    return replace(device, name=name)


def _add_devices(
    transaction: Transaction, hotel_id: HotelId, devices: Sequence[NewDevice], *, by: Actor, now: datetime
) -> tuple[Device, ...]:
    key = changed_hotel(transaction, hotel_id)
    if devices:
        detail: Detail = {"roomId": devices[0].room.id, "count": len(devices), "last": devices[-1].id}
        audit.note(transaction, hotel_id, Deed.DEVICE_ADDED, by=by, subject=devices[0].id, now=now, detail=detail)
    rooms = [device.room for device in devices]
    _check_new(transaction, "room", [room.id for room in rooms], key=key)
    insert_rooms(transaction, key, rooms, now=now)
    return insert_devices(transaction, hotel_id, [(one.id, one.room.id) for one in devices], key=key, now=now)


def insert_devices(
    transaction: Transaction,
    hotel_id: HotelId,
    placed: Sequence[tuple[DeviceId, RoomId]],
    *,
    key: int,
    now: datetime,
) -> tuple[Device, ...]:
    """Add tablets to rooms that are there; `key` is the hotel's. Raises Exists."""
    _check_new(transaction, "device", [device_id for device_id, _ in placed], key=key)
    at = micros(now)
    transaction.many(
        # A name that somebody else had keeps the generation that those tokens were voided by.
        "INSERT INTO device (hotel_key, id, room_key, gen, added_at)"
        " VALUES (?1, ?2, (SELECT key FROM room WHERE hotel_key = ?1 AND id = ?3), coalesce((SELECT gen FROM revocation"
        " WHERE kind = 'device' AND hotel_id = ?5 AND name = ?6), 1), ?4)",
        [(key, device_id, room_id, at, hotel_id, device_id) for device_id, room_id in placed],
    )
    rows = transaction.rows(
        "SELECT id, key, gen FROM device WHERE hotel_key = :hotel AND added_at = :at", hotel=key, at=at
    )
    made = {row[0]: (DeviceKey(row[1]), row[2]) for row in rows}
    events.append(transaction, hotel_id, [_added(device_id, room_id, now=now) for device_id, room_id in placed])
    return tuple(
        Device(
            key=made[device_id][0],
            hotel_id=hotel_id,
            id=device_id,
            room_id=room_id,
            gen=made[device_id][1],
            added_at=now,
        )
        for device_id, room_id in placed
    )


def _check_new(transaction: Transaction, what: str, ids: Sequence[str], *, key: int) -> None:
    """Raises Exists for the first id that the hotel has already, or that stands twice among `ids`."""
    statement = {
        "room": "SELECT id, NULL FROM room WHERE hotel_key = :hotel",
        "device": "SELECT id, retired_at FROM device WHERE hotel_key = :hotel",
    }[what]
    taken: dict[str, int | None] = dict(transaction.rows(statement, hotel=key))
    for one in ids:
        if taken.get(one) is not None:
            raise Retired(one)
        if one in taken:
            raise Exists(what, one)
        taken[one] = None


def _added(device_id: DeviceId, room_id: RoomId, *, now: datetime) -> Entry:
    data = events.encoded({"deviceId": device_id, "roomId": room_id})
    return Entry(at=now, type=EventType.DEVICE_ADDED, subject=device_id, data=data)
