"""Reading what people set up: hotels, rooms, devices with their state, channels."""

import msgspec

from rules.ids import DeviceId, HotelId, RoomId
from rules.policy import NO_CHANGES, PolicyChanges, Profile
from store import access_points, cursors, maintenance, room_status, states
from store.errors import NotFound
from store.records import (
    Channel,
    ChannelId,
    ChannelRow,
    Device,
    DeviceKey,
    DeviceRow,
    Hotel,
    HotelFacts,
    Installation,
    Ours,
    Page,
    Room,
)
from store.times import maybe_moment, moment
from store.transaction import Row, Transaction

_HOTELS = "SELECT id, name, timezone, profile, revision, last_event_id, key, suspended_at, policy FROM hotel"
_ROOMS = (
    "SELECT room.id, room.name, room.floor, room.access_points, room.rssi_floor, room.profile, room.zone, room.policy"
    " FROM room JOIN hotel ON hotel.key = room.hotel_key"
)
_DEVICES = (
    "SELECT device.key, device.id, room.id, device.name, device.gen, device.added_at, device.retired_at, room.floor,"
    " device_state.state, device.revoked_at, device.legacy, device.token_issued_at, device.token_expires_at,"
    " device.policy FROM device"
    " JOIN hotel ON hotel.key = device.hotel_key JOIN room ON room.key = device.room_key"
    " LEFT JOIN device_state ON device_state.device_key = device.key"
)

_bssids = msgspec.json.Decoder(tuple[str, ...])
_channels = msgspec.json.Decoder(Channel)
_policies = msgspec.json.Decoder(PolicyChanges)


def bssids(text: str) -> tuple[str, ...]:
    """A room's access points, as its row has them."""
    return _bssids.decode(text)


def policy(text: str | None) -> PolicyChanges:
    """What a hotel, a room or a device decides, as its row has it."""
    return NO_CHANGES if text is None else _policies.decode(text)


def policy_text(changes: PolicyChanges) -> str | None:
    """As `policy` reads it."""
    return None if changes == NO_CHANGES else msgspec.json.encode(changes).decode()


def hotel_key(transaction: Transaction, hotel_id: HotelId) -> int:
    """Raises NotFound."""
    return int(_row(transaction, hotel_id)[6])


def hotels(transaction: Transaction) -> tuple[Hotel, ...]:
    return tuple(_hotel(row) for row in transaction.rows(_HOTELS + " WHERE NOT hidden ORDER BY id"))


def hotel(transaction: Transaction, hotel_id: HotelId) -> Hotel:
    """Raises NotFound."""
    return _hotel(_row(transaction, hotel_id))


def load(transaction: Transaction) -> Installation:
    return Installation(tuple(_facts(transaction, row) for row in transaction.rows(_HOTELS + " ORDER BY id")))


def load_hotel(transaction: Transaction, hotel_id: HotelId) -> HotelFacts:
    """Raises NotFound."""
    return _facts(transaction, _row(transaction, hotel_id))


def _row(transaction: Transaction, hotel_id: HotelId) -> Row:
    row = transaction.row(_HOTELS + " WHERE id = :hotel", hotel=hotel_id)
    if row is None:
        raise NotFound("hotel", hotel_id)
    return row


def _hotel(row: Row) -> Hotel:
    return Hotel(
        id=HotelId(row[0]),
        name=row[1],
        timezone=row[2],
        profile=Profile(row[3]),
        suspended_at=maybe_moment(row[7]),
        policy=policy(row[8]),
    )


def _facts(transaction: Transaction, hotel: Row) -> HotelFacts:
    hotel_id = HotelId(hotel[0])
    rooms = transaction.rows(_ROOMS + " WHERE hotel.id = :hotel ORDER BY room.id", hotel=hotel_id)
    heard = states.latest(transaction, hotel_id)
    devices = transaction.rows(
        _DEVICES + " WHERE hotel.id = :hotel AND device.retired_at IS NULL ORDER BY device.id",
        hotel=hotel_id,
    )
    learned = access_points.learned(transaction, hotel_id)
    return HotelFacts(
        hotel=_hotel(hotel),
        revision=hotel[4],
        last_event_id=hotel[5],
        rooms=tuple(_room(row) for row in rooms),
        devices=tuple(_device_row(hotel_id, row, heard=heard) for row in devices),
        statuses=room_status.statuses(transaction, hotel_id),
        windows=maintenance.windows(transaction, hotel_id),
        learned=tuple(one.bssid for one in learned if one.state is not Ours.FORGOTTEN),
        confirmed=tuple(one.bssid for one in learned if one.state is Ours.CONFIRMED),
    )


def _room(row: Row) -> Room:
    return Room(
        id=RoomId(row[0]),
        name=row[1],
        floor=row[2],
        access_points=_bssids.decode(row[3]),
        rssi_floor=row[4],
        profile=None if row[5] is None else Profile(row[5]),
        zone=row[6],
        policy=policy(row[7]),
    )


def _device(hotel_id: HotelId, row: Row) -> Device:
    return Device(
        key=DeviceKey(row[0]),
        hotel_id=hotel_id,
        id=DeviceId(row[1]),
        room_id=RoomId(row[2]),
        name=row[3],
        gen=row[4],
        added_at=moment(row[5]),
        retired_at=maybe_moment(row[6]),
        revoked_at=maybe_moment(row[9]),
        legacy=bool(row[10]),
        token_issued_at=maybe_moment(row[11]),
        token_expires_at=maybe_moment(row[12]),
        policy=policy(row[13]),
    )


def _device_row(hotel_id: HotelId, row: Row, *, heard: states.Latest) -> DeviceRow:
    state = states.read(row[8], heard.get(row[0]))
    return DeviceRow(device=_device(hotel_id, row), floor=row[7], state=state)


def find_device(transaction: Transaction, hotel_id: HotelId, device_id: DeviceId) -> Device | None:
    row = transaction.row(
        _DEVICES + " WHERE hotel.id = :hotel AND device.id = :device",
        hotel=hotel_id,
        device=device_id,
    )
    return None if row is None else _device(hotel_id, row)


def known_devices(transaction: Transaction, hotel_id: HotelId) -> tuple[Device, ...]:
    """Every tablet of a hotel that is not retired, in order of id."""
    rows = transaction.rows(
        _DEVICES + " WHERE hotel.id = :hotel AND device.retired_at IS NULL ORDER BY device.id", hotel=hotel_id
    )
    return tuple(_device(hotel_id, row) for row in rows)


def device(transaction: Transaction, hotel_id: HotelId, device_id: DeviceId) -> DeviceRow | None:
    row = transaction.row(
        _DEVICES + " WHERE hotel.id = :hotel AND device.id = :device AND device.retired_at IS NULL",
        hotel=hotel_id,
        device=device_id,
    )
    if row is None:
        return None
    return _device_row(hotel_id, row, heard=states.latest_of(transaction, hotel_id, [row[0]]))


def room(transaction: Transaction, hotel_id: HotelId, room_id: RoomId) -> Room | None:
    row = transaction.row(_ROOMS + " WHERE hotel.id = :hotel AND room.id = :room", hotel=hotel_id, room=room_id)
    return None if row is None else _room(row)


def rooms_with_policy(transaction: Transaction, hotel_id: HotelId) -> tuple[Room, ...]:
    """The rooms that decide thresholds beside their floor, and those of tablets that do."""
    rows = transaction.rows(
        _ROOMS + " WHERE hotel.id = :hotel AND (room.profile IS NOT NULL OR room.policy IS NOT NULL OR EXISTS"  # noqa: S608 - ours
        " (SELECT 1 FROM device WHERE device.room_key = room.key AND device.policy IS NOT NULL"
        " AND device.retired_at IS NULL)) ORDER BY room.id",
        hotel=hotel_id,
    )
    return tuple(_room(row) for row in rows)


def devices_with_policy(transaction: Transaction, hotel_id: HotelId) -> tuple[Device, ...]:
    """The tablets that decide thresholds, without those that are retired."""
    rows = transaction.rows(
        _DEVICES + " WHERE hotel.id = :hotel AND device.retired_at IS NULL AND device.policy IS NOT NULL"
        " ORDER BY device.id",
        hotel=hotel_id,
    )
    return tuple(_device(hotel_id, row) for row in rows)


def rooms(transaction: Transaction, hotel_id: HotelId, *, after: str, limit: int) -> Page[Room]:
    limit = cursors.bounded(limit)
    rows = transaction.rows(
        _ROOMS + " WHERE hotel.id = :hotel AND room.id > :after ORDER BY room.id LIMIT :limit",
        hotel=hotel_id,
        after=after,
        limit=limit + 1,
    )
    return cursors.page(rows, _room, limit=limit, place=lambda row: row[0])


def devices(transaction: Transaction, hotel_id: HotelId, *, after: str, limit: int) -> Page[DeviceRow]:
    limit = cursors.bounded(limit)
    rows = transaction.rows(
        _DEVICES + " WHERE hotel.id = :hotel"
        " AND device.id > :after AND device.retired_at IS NULL ORDER BY device.id LIMIT :limit",
        hotel=hotel_id,
        after=after,
        limit=limit + 1,
    )
    heard = states.latest_of(transaction, hotel_id, [row[0] for row in rows])
    return cursors.page(
        rows, lambda row: _device_row(hotel_id, row, heard=heard), limit=limit, place=lambda row: row[1]
    )


def channels(transaction: Transaction, hotel_id: HotelId) -> tuple[ChannelRow, ...]:
    rows = transaction.rows(
        "SELECT channel.key, channel.settings FROM channel JOIN hotel ON hotel.key = channel.hotel_key"
        " WHERE hotel.id = :hotel AND channel.removed_at IS NULL ORDER BY channel.key",
        hotel=hotel_id,
    )
    return tuple(ChannelRow(ChannelId(row[0]), _channels.decode(row[1])) for row in rows)
