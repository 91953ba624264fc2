"""Hotels, rooms, devices and channels: what people set up, and what the bridge reads back.

Each change raises the hotel's revision, by which the bridge learns that it must read the hotel again, and is in the
audit with whoever made it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

import msgspec
from msgspec import UNSET
from msgspec.structs import asdict, replace

from rules.ids import DeviceId, HotelId, RoomId
from rules.revoked import SUSPENDED, Subject
from store import audit, cursors, events, facts, revocations
from store.audit import Actor, Deed, Detail
from store.database import Database
from store.errors import Exists, NotFound, Retired
from store.events import Entry
from store.records import (
    Channel,
    ChannelId,
    ChannelRow,
    Device,
    DeviceKey,
    DeviceRow,
    EventType,
    Hotel,
    HotelFacts,
    Installation,
    NewDevice,
    Page,
    Room,
    RoomChanges,
)
from store.revisions import changed_hotel
from store.times import micros
from store.transaction import Transaction


class Fleet:
    _database: Database

    async def add_hotel(self, hotel: Hotel, *, channels: Sequence[Channel] = (), by: Actor, now: datetime) -> None:
        """Add a hotel with its channels. Raises Exists."""
        await self._database.write(
            lambda transaction: _add_hotel(transaction, hotel, channels=channels, by=by, now=now)
        )

    async def add_hidden_hotel(self, hotel_id: HotelId, *, by: Actor, now: datetime) -> None:
        """Add a hotel that is ours: the bridge knows it, and it stands in no list of hotels. Raises Exists."""
        hotel = Hotel(id=hotel_id, name=hotel_id)
        await self._database.write(
            lambda transaction: _add_hotel(transaction, hotel, channels=(), by=by, now=now, hidden=True)
        )

    async def add_room(self, hotel_id: HotelId, room: Room, *, by: Actor, now: datetime) -> None:
        """Raises NotFound (hotel), Exists."""
        await self._database.write(lambda transaction: put_room(transaction, hotel_id, room, by=by, now=now))

    async def change_room(
        self, hotel_id: HotelId, room_id: RoomId, changes: RoomChanges, *, by: Actor, now: datetime
    ) -> Room:
        """Change a room and return it as it is now. Raises NotFound."""
        return await self._database.write(
            lambda transaction: change_room(transaction, hotel_id, room_id, changes, by=by, now=now)
        )

    async def room(self, hotel_id: HotelId, room_id: RoomId) -> Room | None:
        return await self._database.read(lambda transaction: facts.room(transaction, hotel_id, room_id))

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

    async def suspend_hotel(self, hotel_id: HotelId, *, by: Actor, now: datetime) -> bool:
        """Shut out every token of the hotel until it is resumed. False: it was so already. Raises NotFound."""
        return await self._database.write(lambda transaction: _suspend(transaction, hotel_id, by=by, now=now))

    async def resume_hotel(self, hotel_id: HotelId, *, by: Actor, now: datetime) -> bool:
        """Let the hotel's tokens in again, as far as they are good. False: it was not suspended. Raises NotFound."""
        return await self._database.write(lambda transaction: _resume(transaction, hotel_id, by=by, now=now))

    async def hotels(self) -> tuple[Hotel, ...]:
        """Every hotel but the hidden ones, in order of id."""
        return await self._database.read(facts.hotels)

    async def hotel(self, hotel_id: HotelId) -> Hotel:
        """Raises NotFound."""
        return await self._database.read(lambda transaction: facts.hotel(transaction, hotel_id))

    async def find_device(self, hotel_id: HotelId, device_id: DeviceId) -> Device | None:
        """Return one device, retired or not; None if the hotel never had it (or there is no such hotel)."""
        return await self._database.read(lambda transaction: facts.find_device(transaction, hotel_id, device_id))

    async def rooms(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 100) -> Page[Room]:
        """In order of id. Raises BadCursor."""
        after = "" if cursor is None else cursors.decode(cursor, str)
        return await self._database.read(
            lambda transaction: facts.rooms(transaction, hotel_id, after=after, limit=limit)
        )

    async def residents(self, hotel_id: HotelId, *, first: RoomId, last: RoomId) -> dict[RoomId, tuple[DeviceId, ...]]:
        """Return the tablets, without the retired, of the rooms from `first` to `last` in order of id.

        A room without any is left out.
        """
        return await self._database.read(lambda transaction: _residents(transaction, hotel_id, first=first, last=last))

    async def devices(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 100) -> Page[DeviceRow]:
        """In order of id, without the retired. Raises BadCursor."""
        after = "" if cursor is None else cursors.decode(cursor, str)
        return await self._database.read(
            lambda transaction: facts.devices(transaction, hotel_id, after=after, limit=limit)
        )

    async def device(self, hotel_id: HotelId, device_id: DeviceId) -> DeviceRow | None:
        """One device with its state; None if unknown or retired."""
        return await self._database.read(lambda transaction: facts.device(transaction, hotel_id, device_id))

    async def add_channel(self, hotel_id: HotelId, channel: Channel, *, by: Actor, now: datetime) -> ChannelRow:
        """Raises NotFound (hotel)."""
        return await self._database.write(
            lambda transaction: _add_channel(transaction, hotel_id, channel, by=by, now=now)
        )

    async def channels(self, hotel_id: HotelId) -> tuple[ChannelRow, ...]:
        """In order of making."""
        return await self._database.read(lambda transaction: facts.channels(transaction, hotel_id))

    async def load(self) -> Installation:
        """Everything that the bridge keeps in memory, read at one moment."""
        return await self._database.read(facts.load)

    async def load_hotel(self, hotel_id: HotelId) -> HotelFacts:
        """Raises NotFound."""
        return await self._database.read(lambda transaction: facts.load_hotel(transaction, hotel_id))

    async def revisions(self) -> dict[HotelId, int]:
        """Return the revision of each hotel, raised by each change of its rooms, devices, policy or channels."""
        rows = await self._database.ask("SELECT id, revision FROM hotel")
        return {HotelId(row[0]): row[1] for row in rows}


def _residents(
    transaction: Transaction, hotel_id: HotelId, *, first: RoomId, last: RoomId
) -> dict[RoomId, tuple[DeviceId, ...]]:
    rows = transaction.rows(
        "SELECT room.id, device.id FROM hotel JOIN room ON room.hotel_key = hotel.key"
        " JOIN device ON device.room_key = room.key"
        " WHERE hotel.id = :hotel AND room.id BETWEEN :first AND :last AND device.retired_at IS NULL"
        " ORDER BY room.id, device.id",
        hotel=hotel_id,
        first=first,
        last=last,
    )
    return {
        RoomId(room_id): tuple(DeviceId(row[1]) for row in devices)
        for room_id, devices in groupby(rows, key=itemgetter(0))
    }


def _add_hotel(
    transaction: Transaction,
    hotel: Hotel,
    *,
    channels: Iterable[Channel],
    by: Actor,
    now: datetime,
    hidden: bool = False,
) -> None:
    added = transaction.run(
        "INSERT INTO hotel (id, name, timezone, profile, policy, revision, last_event_id, created_at, hidden)"
        " VALUES (:id, :name, :timezone, :profile, :policy, 1, 0, :now, :hidden) ON CONFLICT (id) DO NOTHING",
        id=hotel.id,
        name=hotel.name,
        timezone=hotel.timezone,
        profile=hotel.profile,
        policy=facts.policy_text(hotel.policy),
        now=now,
        hidden=hidden,
    )
    if not added:
        raise Exists("hotel", hotel.id)
    audit.note(transaction, hotel.id, Deed.HOTEL_ADDED, by=by, subject=hotel.id, now=now, detail={"name": hotel.name})
    for channel in channels:
        _add_channel(transaction, hotel.id, channel, by=by, now=now)
    transaction.news = True


def _add_channel(
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


def put_room(transaction: Transaction, hotel_id: HotelId, room: Room, *, by: Actor, now: datetime) -> None:
    key = changed_hotel(transaction, hotel_id)
    if transaction.row("SELECT 1 FROM room WHERE hotel_key = :hotel AND id = :id", hotel=key, id=room.id):
        raise Exists("room", room.id)
    insert_rooms(transaction, key, [room], now=now)
    audit.note(transaction, hotel_id, Deed.ROOM_ADDED, by=by, subject=room.id, now=now)


def change_room(
    transaction: Transaction, hotel_id: HotelId, room_id: RoomId, changes: RoomChanges, *, by: Actor, now: datetime
) -> Room:
    key = changed_hotel(transaction, hotel_id)
    before = facts.room(transaction, hotel_id, room_id)
    if before is None:
        raise NotFound("room", room_id)
    given = {name: value for name, value in asdict(changes).items() if value is not UNSET}
    room = replace(before, **given)
    transaction.run(
        "UPDATE room SET name = :name, floor = :floor, access_points = :access_points, rssi_floor = :rssi_floor,"
        " profile = :profile, zone = :zone WHERE hotel_key = :hotel AND id = :room",
        name=room.name,
        floor=room.floor,
        access_points=msgspec.json.encode(room.access_points).decode(),
        rssi_floor=room.rssi_floor,
        profile=room.profile,
        zone=room.zone,
        hotel=key,
        room=room_id,
    )
    detail = {"changed": ", ".join(sorted(given))}
    audit.note(transaction, hotel_id, Deed.ROOM_CHANGED, by=by, subject=room_id, now=now, detail=detail)
    return room


def insert_rooms(transaction: Transaction, key: int, rooms: Iterable[Room], *, now: datetime) -> None:
    transaction.many(
        "INSERT INTO room (hotel_key, id, name, floor, access_points, rssi_floor, profile, zone, policy, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                key,
                room.id,
                room.name,
                room.floor,
                msgspec.json.encode(room.access_points).decode(),
                room.rssi_floor,
                room.profile,
                room.zone,
                facts.policy_text(room.policy),
                micros(now),
            )
            for room in rooms
        ],
    )


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


def _suspend(transaction: Transaction, hotel_id: HotelId, *, by: Actor, now: datetime) -> bool:
    if _held(transaction, hotel_id).suspended_at is not None:
        return False
    _set_suspended(transaction, hotel_id, now)
    audit.note(transaction, hotel_id, Deed.HOTEL_SUSPENDED, by=by, subject=hotel_id, now=now)
    revocations.note(transaction, Subject.HOTEL, hotel_id, hotel_id, gen=SUSPENDED)
    return True


def _resume(transaction: Transaction, hotel_id: HotelId, *, by: Actor, now: datetime) -> bool:
    if _held(transaction, hotel_id).suspended_at is None:
        return False
    _set_suspended(transaction, hotel_id, None)
    audit.note(transaction, hotel_id, Deed.HOTEL_RESUMED, by=by, subject=hotel_id, now=now)
    revocations.note(transaction, Subject.HOTEL, hotel_id, hotel_id, gen=0)
    return True


def _held(transaction: Transaction, hotel_id: HotelId) -> Hotel:
    """Return the hotel, which nobody else changes until the end of the transaction. Raises NotFound."""
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    return facts.hotel(transaction, hotel_id)


def _set_suspended(transaction: Transaction, hotel_id: HotelId, at: datetime | None) -> None:
    key = changed_hotel(transaction, hotel_id)
    transaction.run("UPDATE hotel SET suspended_at = :at WHERE key = :hotel", hotel=key, at=at)


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
