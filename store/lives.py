"""A tablet's life after it was added: its room, its name, no token any more, new hardware in its place, and its end.

A tablet is one row from its first day to its last, and all that it ever sent hangs on that row's key: so neither a
move nor new hardware loses any of it. A name that was given up keeps the generation that its tokens were voided by, so
that whoever gets the name later is not mistaken for who had it before.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from rules.alerts import Because, Reason
from rules.ids import DeviceId, HotelId, RoomId
from rules.revoked import Subject
from store import audit, conditions, events, facts, revocations, telling
from store.audit import Actor, Deed
from store.database import Database
from store.errors import Exists, NotFound
from store.events import Entry
from store.records import Device, DeviceKey, EventType, NoticeKind
from store.revisions import changed_hotel
from store.transaction import Transaction

REMOVED = (Reason(Because.DEVICE_REMOVED),)


class Lives:
    _database: Database

    async def revoke_device(self, hotel_id: HotelId, device_id: DeviceId, *, by: Actor, now: datetime) -> Device:
        """Void every token that the tablet has, and return it with its new generation. Raises NotFound.

        As often as one likes: the tokens minted since the last time are void then too.
        """
        return await self._database.write(lambda transaction: _revoke(transaction, hotel_id, device_id, by=by, now=now))

    async def rename_device(
        self, hotel_id: HotelId, device_id: DeviceId, *, name: str | None, by: Actor, now: datetime
    ) -> Device:
        """Give it another name for people, or none. Raises NotFound."""
        return await self._database.write(
            lambda transaction: _rename(transaction, hotel_id, device_id, name=name, by=by, now=now)
        )

    async def move_device(
        self, hotel_id: HotelId, device_id: DeviceId, *, room_id: RoomId, by: Actor, now: datetime
    ) -> Device:
        """Let it belong to another room from now on; event device.moved. Its tokens stay good.

        Where it belongs there already nothing happens. Raises NotFound (device, room).
        """
        return await self._database.write(
            lambda transaction: _move(transaction, hotel_id, device_id, room_id=room_id, by=by, now=now)
        )

    async def replace_device(
        self, hotel_id: HotelId, device_id: DeviceId, *, new_id: DeviceId, by: Actor, now: datetime
    ) -> Device:
        """Let other hardware be this tablet: the tokens of the old one are void, all else stays the tablet's.

        With another id: events device.removed (of the old one) and device.added. Raises NotFound, and Exists where the
        new id is somebody else's.
        """
        return await self._database.write(
            lambda transaction: _replace(transaction, hotel_id, device_id, new_id=new_id, by=by, now=now)
        )

    async def retire_device(self, hotel_id: HotelId, device_id: DeviceId, *, by: Actor, now: datetime) -> Device:
        """Know it no more: its tokens are void, its alerts are over, what it sends revives nothing; what it sent stays.

        Event device.removed. Raises NotFound, also for one that is retired already.
        """
        return await self._database.write(lambda transaction: _retire(transaction, hotel_id, device_id, by=by, now=now))

    async def end_alerts_of_retired(self, hotel_id: HotelId, *, now: datetime) -> int:
        """Undo what was written of tablets while somebody retired them: end their alerts, forget their states.

        Return how many alerts there were; mostly none.
        """
        return await self._database.write(lambda transaction: _end_late_alerts(transaction, hotel_id, now=now))


def known(transaction: Transaction, hotel_id: HotelId, device_id: DeviceId) -> Device:
    """Return a tablet that is not retired. Raises NotFound."""
    device = facts.find_device(transaction, hotel_id, device_id)
    if device is None or device.retired_at is not None:
        raise NotFound("device", device_id)
    return device


def void(transaction: Transaction, hotel_id: HotelId, device: Device) -> Device:
    """Void its tokens: raise the generation, above any that its name ever had. `revocations.note` it near the end.

    The token that old tablets share speaks for it no more either: somebody wants this one out.
    """
    gen = max(device.gen, _gen_of_name(transaction, hotel_id, device.id)) + 1
    transaction.run(
        "UPDATE device SET gen = :gen, token_expires_at = NULL, legacy = FALSE"
        " WHERE key = :device AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)",
        gen=gen,
        device=device.key,
        hotel=hotel_id,
    )
    return replace(device, gen=gen, token_expires_at=None, legacy=False)


def _shut_out(transaction: Transaction, hotel_id: HotelId, device: Device, *, now: datetime) -> Device:
    """Void its tokens where it gets no other one at once: that it is not heard then is our doing."""
    transaction.run(
        "UPDATE device SET revoked_at = :now"
        " WHERE key = :device AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)",
        now=now,
        device=device.key,
        hotel=hotel_id,
    )
    return replace(void(transaction, hotel_id, device), revoked_at=now)


def put(transaction: Transaction, hotel_id: HotelId, device: Device, *, room_id: RoomId) -> Device:
    """Write to which room it belongs. Raises NotFound (room)."""
    moved = transaction.run(
        "UPDATE device SET room_key = room.key FROM room JOIN hotel ON hotel.key = room.hotel_key"
        " WHERE device.key = :device AND device.hotel_key = hotel.key AND hotel.id = :hotel AND room.id = :room",
        device=device.key,
        hotel=hotel_id,
        room=room_id,
    )
    if not moved:
        raise NotFound("room", room_id)
    return replace(device, room_id=room_id)


def added(device: Device, *, now: datetime) -> Entry:
    return _entry(EventType.DEVICE_ADDED, device, now=now)


def moved(device: Device, *, from_room: RoomId, now: datetime) -> Entry:
    data = events.encoded({"deviceId": device.id, "roomId": device.room_id, "fromRoomId": from_room})
    return Entry(at=now, type=EventType.DEVICE_MOVED, subject=device.id, data=data)


def _entry(type_: EventType, device: Device, *, now: datetime) -> Entry:
    return Entry(
        at=now, type=type_, subject=device.id, data=events.encoded({"deviceId": device.id, "roomId": device.room_id})
    )


def _gen_of_name(transaction: Transaction, hotel_id: HotelId, device_id: DeviceId) -> int:
    row = transaction.row(
        "SELECT gen FROM revocation WHERE kind = :kind AND hotel_id = :hotel AND name = :device",
        kind=Subject.DEVICE,
        hotel=hotel_id,
        device=device_id,
    )
    return 0 if row is None else int(row[0])


def _revoke(transaction: Transaction, hotel_id: HotelId, device_id: DeviceId, *, by: Actor, now: datetime) -> Device:
    changed_hotel(transaction, hotel_id)
    device = _shut_out(transaction, hotel_id, known(transaction, hotel_id, device_id), now=now)
    audit.note(transaction, hotel_id, Deed.DEVICE_REVOKED, by=by, subject=device_id, now=now)
    revocations.note(transaction, Subject.DEVICE, hotel_id, device_id, gen=device.gen)
    return device


def _rename(
    transaction: Transaction, hotel_id: HotelId, device_id: DeviceId, *, name: str | None, by: Actor, now: datetime
) -> Device:
    key = changed_hotel(transaction, hotel_id)
    device = known(transaction, hotel_id, device_id)
    transaction.run(
        "UPDATE device SET name = :name WHERE hotel_key = :hotel AND key = :device",
        name=name,
        hotel=key,
        device=device.key,
    )
    audit.note(transaction, hotel_id, Deed.DEVICE_CHANGED, by=by, subject=device_id, now=now, detail={"name": name})
    return replace(device, name=name)


def _move(
    transaction: Transaction, hotel_id: HotelId, device_id: DeviceId, *, room_id: RoomId, by: Actor, now: datetime
) -> Device:
    changed_hotel(transaction, hotel_id)
    before = known(transaction, hotel_id, device_id)
    after = put(transaction, hotel_id, before, room_id=room_id)
    if after.room_id != before.room_id:
        detail = {"fromRoomId": before.room_id, "roomId": after.room_id}
        audit.note(transaction, hotel_id, Deed.DEVICE_MOVED, by=by, subject=device_id, now=now, detail=detail)
        events.append(transaction, hotel_id, [moved(after, from_room=before.room_id, now=now)])
    return after


def _replace(
    transaction: Transaction, hotel_id: HotelId, device_id: DeviceId, *, new_id: DeviceId, by: Actor, now: datetime
) -> Device:
    key = changed_hotel(transaction, hotel_id)
    before = known(transaction, hotel_id, device_id)
    if new_id != device_id and facts.find_device(transaction, hotel_id, new_id) is not None:
        raise Exists("device", new_id)
    after = _shut_out(transaction, hotel_id, replace(before, id=new_id), now=now)
    transaction.run(
        "UPDATE device SET id = :id WHERE hotel_key = :hotel AND key = :device", id=new_id, hotel=key, device=before.key
    )
    audit.note(transaction, hotel_id, Deed.DEVICE_REPLACED, by=by, subject=device_id, now=now, detail={"newId": new_id})
    for name in {device_id, new_id}:
        revocations.note(transaction, Subject.DEVICE, hotel_id, name, gen=after.gen)
    if new_id != device_id:
        events.append(transaction, hotel_id, [_entry(EventType.DEVICE_REMOVED, before, now=now), added(after, now=now)])
    return after


def _retire(transaction: Transaction, hotel_id: HotelId, device_id: DeviceId, *, by: Actor, now: datetime) -> Device:
    key = changed_hotel(transaction, hotel_id)
    device = _shut_out(transaction, hotel_id, known(transaction, hotel_id, device_id), now=now)
    transaction.run(
        "UPDATE device SET retired_at = :now WHERE hotel_key = :hotel AND key = :device",
        now=now,
        hotel=key,
        device=device.key,
    )
    # What is known of it is history; a tablet that comes back by this id begins anew.
    transaction.run("DELETE FROM device_state WHERE device_key = :device", device=device.key)
    audit.note(transaction, hotel_id, Deed.DEVICE_RETIRED, by=by, subject=device_id, now=now)
    revocations.note(transaction, Subject.DEVICE, hotel_id, device_id, gen=device.gen)
    _end_alerts(transaction, hotel_id, [device.key], now=now, then=[_entry(EventType.DEVICE_REMOVED, device, now=now)])
    return replace(device, retired_at=now)


def _end_late_alerts(transaction: Transaction, hotel_id: HotelId, *, now: datetime) -> int:
    rows = transaction.rows(
        "SELECT DISTINCT alert.device_key FROM alert JOIN device ON device.key = alert.device_key"
        " JOIN hotel ON hotel.key = alert.hotel_key"
        " WHERE hotel.id = :hotel AND alert.status = 'open' AND device.retired_at IS NOT NULL",
        hotel=hotel_id,
    )
    transaction.run(
        "DELETE FROM device_state WHERE device_key IN (SELECT device.key FROM device"
        " JOIN hotel ON hotel.key = device.hotel_key WHERE hotel.id = :hotel AND device.retired_at IS NOT NULL)",
        hotel=hotel_id,
    )
    return _end_alerts(transaction, hotel_id, [DeviceKey(row[0]) for row in rows], now=now) if rows else 0


def _end_alerts(
    transaction: Transaction,
    hotel_id: HotelId,
    device_keys: Sequence[DeviceKey],
    *,
    now: datetime,
    then: Sequence[Entry] = (),
) -> int:
    """End what is open of tablets that are gone, tell those who heard of it, and add the events `then`."""
    ended = [
        alert
        for device_key in device_keys
        for alert in conditions.end_alerts(transaction, hotel_id, device_key, why=REMOVED, at=now)
    ]
    entries = [events.of_alert(EventType.ALERT_CLEARED, alert, key=key, at=now, why=REMOVED) for key, alert in ended]
    recorded = events.append(transaction, hotel_id, [*entries, *then])
    for (key, alert), one in zip(ended, recorded, strict=False):
        telling.tell(
            transaction,
            facts.hotel_key(transaction, hotel_id),
            alert_key=key,
            family=alert.family,
            kind=NoticeKind.RECOVERED,
            revision=alert.revision,
            event_id=one.event.id,
            now=now,
        )
    return len(ended)
