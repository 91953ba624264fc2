"""Rooms, devices and tokens for simulated tablets, in a hotel that is there."""

import re
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from broker.tokens import KeyRing, mint_device, mint_integrator
from config.simulate.bssids import made_up_bssid
from config.simulate.front_desk import FrontDeskIdentity
from config.simulate.identity import TabletIdentity
from rules.ids import DeviceId, HotelId, IntegratorName, RoomId
from rules.place import policy_of
from store import INNWATCH, Store
from store.records import HotelFacts, NewDevice, Room

PREFIX = "demo-"
FRONT_DESK = IntegratorName(PREFIX + "pms")
ROOMS_PER_FLOOR = 10
FLOOR_DBM = -75.0

_OUR_NAME = re.compile(PREFIX + r"[1-9][0-9]*(?:0[1-9]|10)")


async def demo_tablets(
    store: Store,
    hotel_id: HotelId,
    *,
    keys: KeyRing,
    count: int,
    now: datetime,
    ttl: timedelta = timedelta(days=365),
) -> tuple[TabletIdentity, ...]:
    """Return so many tablets named `demo-…` with fresh tokens; rooms and devices that are missing are added.

    Raises NotFound (hotel) and what adding raises.
    """
    facts = await _furnished(store, hotel_id, count=count, now=now)
    return await _with_tokens(store, facts, demo_names(count), keys=keys, now=now, ttl=ttl)


async def all_demo_tablets(
    store: Store,
    hotel_id: HotelId,
    *,
    keys: KeyRing,
    count: int,
    now: datetime,
    ttl: timedelta = timedelta(days=365),
) -> tuple[TabletIdentity, ...]:
    """Return the tablets of `demo_tablets`, and every other one that an earlier call made in this hotel.

    Raises what `demo_tablets` raises.
    """
    facts = await _furnished(store, hotel_id, count=count, now=now)
    made = {row.device.id for row in facts.devices if _OUR_NAME.fullmatch(row.device.id)}
    return await _with_tokens(store, facts, made, keys=keys, now=now, ttl=ttl)


async def demo_front_desk(store: Store, hotel_id: HotelId, *, keys: KeyRing, now: datetime) -> FrontDeskIdentity:
    """Return an integrator `demo-pms` with a fresh token; it is added where it is missing. Raises NotFound (hotel)."""
    found = await store.find_integrator(hotel_id, FRONT_DESK)
    if found is None:
        found = await store.add_integrator(hotel_id, FRONT_DESK, scopes=["pms"], by=INNWATCH, now=now)
    token = mint_integrator(keys, hotel_id=hotel_id, name=FRONT_DESK, scope=found.scopes, gen=found.gen, now=now)
    return FrontDeskIdentity(hotel_id=hotel_id, name=FRONT_DESK, token=token)


def demo_names(count: int) -> frozenset[DeviceId]:
    """The ids of so many tablets, whether they are there or not."""
    return frozenset(DeviceId(PREFIX + _number(index)) for index in range(count))


async def _furnished(store: Store, hotel_id: HotelId, *, count: int, now: datetime) -> HotelFacts:
    facts = await store.load_hotel(hotel_id)
    there = {row.device.id for row in facts.devices}
    rooms = {room.id for room in facts.rooms}
    wanted = {DeviceId(room.id): room for room in _rooms(hotel_id, count)}
    missing = [(device_id, room) for device_id, room in wanted.items() if device_id not in there]
    new = [NewDevice(id=device_id, room=room) for device_id, room in missing if room.id not in rooms]
    if new:
        await store.add_devices(hotel_id, new, by=INNWATCH, now=now)
    for device_id, room in missing:
        if room.id in rooms:
            await store.add_device(hotel_id, device_id, room_id=room.id, by=INNWATCH, now=now)
    return await store.load_hotel(hotel_id) if missing else facts


async def _with_tokens(
    store: Store, facts: HotelFacts, wanted: Collection[DeviceId], *, keys: KeyRing, now: datetime, ttl: timedelta
) -> tuple[TabletIdentity, ...]:
    known = [row.device.id for row in facts.devices if row.device.id in wanted]
    await store.note_tokens(facts.hotel.id, known, expires_at=now + ttl, by=INNWATCH, now=now)
    return tuple(_identities(facts, wanted, keys, now=now, ttl=ttl))


def _identities(
    facts: HotelFacts, wanted: Collection[DeviceId], keys: KeyRing, *, now: datetime, ttl: timedelta
) -> Iterator[TabletIdentity]:
    rooms = {room.id: room for room in facts.rooms}
    for row in facts.devices:
        device = row.device
        if device.id not in wanted:
            continue
        room = rooms[device.room_id]
        policy = policy_of(room, profile=facts.hotel.profile, policy=facts.hotel.policy, own=device.policy)
        yield TabletIdentity(
            hotel_id=device.hotel_id,
            device_id=device.id,
            room_id=room.id,
            floor=room.floor,
            bssid=room.access_points[0] if room.access_points else None,
            token=mint_device(keys, hotel_id=device.hotel_id, device_id=device.id, gen=device.gen, now=now, ttl=ttl),
            interval=policy.heartbeat_interval.total_seconds(),
        )


def _rooms(hotel_id: HotelId, tablets: int) -> Iterator[Room]:
    """demo-101 … demo-110, demo-201 … : ten to a floor, each with an access point of its own."""
    for index in range(tablets):
        name = _number(index)
        yield Room(
            id=RoomId(PREFIX + name),
            name=name,
            floor=str(index // ROOMS_PER_FLOOR + 1),
            access_points=(made_up_bssid(f"{hotel_id}/{PREFIX}", index + 1),),
            rssi_floor=FLOOR_DBM,
        )


def _number(index: int) -> str:
    return f"{index // ROOMS_PER_FLOOR + 1}{index % ROOMS_PER_FLOOR + 1:02}"
