"""The token that all tablets of the old system share (API_TOKEN): for which of them it may speak, and what it is told.

It speaks for tablets that somebody allowed it for (`device.legacy`), of the one hotel that its caller is bound to, and
it may fetch a tablet's first token, never a second one: who has read it off a tablet could be any other from then on.
"""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from rules.alerts import AlertSnapshot
from rules.ids import DeviceId, HotelId
from rules.place import policy_of
from store import events, facts, fleet, rooms, token_dates
from store.audit import Actor, Deed, note
from store.database import Database
from store.errors import AlreadyAcknowledged, HadToken, NotFound
from store.records import Device, EventType, Home, Room
from store.revisions import changed_hotel
from store.snapshots import COLUMNS, snapshot
from store.transaction import Transaction

STRANGERS: Final = 500
"""Orphans of one hotel beyond which the shared token adds none."""


class Legacy:
    _database: Database

    async def let_shared_token_speak(
        self, hotel_id: HotelId, device_id: DeviceId, *, allowed: bool, by: Actor, now: datetime
    ) -> bool:
        """Let the shared token speak for this tablet, or no more. False: it was so already.

        Raises NotFound (device; a retired one too).
        """
        return await self._database.write(
            lambda transaction: _allow(transaction, hotel_id, device_id, allowed=allowed, by=by, now=now)
        )

    async def is_spoken_for(self, hotel_id: HotelId, device_id: DeviceId) -> bool:
        """Whether the shared token may speak for a tablet now: allowed, not retired, its hotel not suspended."""
        rows = await self._database.ask(
            "SELECT 1 FROM device JOIN hotel ON hotel.key = device.hotel_key WHERE hotel.id = :hotel"
            " AND device.id = :device AND device.legacy AND device.retired_at IS NULL AND hotel.suspended_at IS NULL",
            hotel=hotel_id,
            device=device_id,
        )
        return bool(rows)

    async def note_stranger(self, hotel_id: HotelId, device_id: DeviceId, *, now: datetime) -> None:
        """Put a tablet that the shared token may not speak for among the hotel's orphans; new ones up to `STRANGERS`.

        Whoever has that token may say any name.
        """
        await self._database.write(
            lambda transaction: transaction.run(
                "INSERT INTO orphan (hotel_id, device_id, first_at, last_at, count)"
                " SELECT hotel.id, CAST(:device AS varchar), CAST(:now AS bigint), CAST(:now AS bigint), 1 FROM hotel"
                " WHERE hotel.id = :hotel AND (SELECT count(*) FROM (SELECT 1 FROM orphan WHERE"
                " orphan.hotel_id = hotel.id AND orphan.device_id <> :device LIMIT :most) AS others) < :most"
                " ON CONFLICT (hotel_id, device_id) DO UPDATE"
                " SET last_at = excluded.last_at, count = orphan.count + 1",
                hotel=hotel_id,
                device=device_id,
                now=now,
                most=STRANGERS,
            )
        )

    async def take_first_token(
        self, hotel_id: HotelId, device_id: DeviceId, *, expires_at: datetime, by: Actor, now: datetime
    ) -> Device:
        """Note that the shared token fetched this tablet's first token; of two at once one gets it.

        Raises NotFound where it may not speak for the tablet, HadToken where the tablet has had one.
        """
        return await self._database.write(
            lambda transaction: _take(transaction, hotel_id, device_id, expires_at=expires_at, by=by, now=now)
        )

    async def quick_add(
        self, hotel_id: HotelId, device_id: DeviceId, *, room: Room, shared_token: bool, by: Actor, now: datetime
    ) -> None:
        """Add a tablet, and its room where that is missing; the shared token may speak for it where that is said.

        A room that is there stays as it is. Raises NotFound (hotel), Exists (device).
        """
        await self._database.write(
            lambda transaction: _quick_add(
                transaction, hotel_id, device_id, room=room, shared_token=shared_token, by=by, now=now
            )
        )

    async def home(self, hotel_id: HotelId, device_id: DeviceId) -> Home | None:
        """Where a tablet belongs; None if unknown or retired."""
        return await self._database.read(lambda transaction: _home(transaction, hotel_id, device_id))

    async def acknowledge_imported(
        self, hotel_id: HotelId, number: int, *, by: Actor, note: str | None, now: datetime
    ) -> AlertSnapshot:
        """Answer an alert by the number that it had in the old system: first wins, with its event, as `acknowledge`.

        It is history and resolved, which keeps nobody from saying what became of it. Raises AlreadyAcknowledged,
        NotFound (alert).
        """
        return await self._database.write(
            lambda transaction: _acknowledge(transaction, hotel_id, number, by=by, text=note, now=now)
        )


def _allow(
    transaction: Transaction, hotel_id: HotelId, device_id: DeviceId, *, allowed: bool, by: Actor, now: datetime
) -> bool:
    changed = transaction.run(
        "UPDATE device SET legacy = :allowed WHERE id = :device AND legacy <> :allowed AND retired_at IS NULL"
        " AND hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel)",
        allowed=allowed,
        device=device_id,
        hotel=hotel_id,
    )
    if changed:
        deed = Deed.LEGACY_ALLOWED if allowed else Deed.LEGACY_ENDED
        note(transaction, hotel_id, deed, by=by, subject=device_id, now=now)
        return True
    found = facts.find_device(transaction, hotel_id, device_id)
    if found is None or found.retired_at is not None:
        raise NotFound("device", device_id)
    return False


def _take(
    transaction: Transaction,
    hotel_id: HotelId,
    device_id: DeviceId,
    *,
    expires_at: datetime,
    by: Actor,
    now: datetime,
) -> Device:
    changed_hotel(transaction, hotel_id)
    row = transaction.row(
        "SELECT device.token_issued_at IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM contact WHERE contact.device_key = device.key AND contact.way <> 'legacy-token')"
        " FROM device JOIN hotel ON hotel.key = device.hotel_key"
        " WHERE hotel.id = :hotel AND device.id = :device AND device.legacy AND device.retired_at IS NULL"
        " AND hotel.suspended_at IS NULL",
        hotel=hotel_id,
        device=device_id,
    )
    found = facts.find_device(transaction, hotel_id, device_id)
    if row is None or found is None:
        raise NotFound("device", device_id)
    if not row[0]:
        raise HadToken(device_id)
    token_dates.set_token(transaction, hotel_id, found.key, expires_at=expires_at, now=now)
    note(transaction, hotel_id, Deed.TOKEN_MINTED, by=by, subject=device_id, now=now, detail={"first": True})
    return replace(found, token_issued_at=now, token_expires_at=expires_at)


def _quick_add(
    transaction: Transaction,
    hotel_id: HotelId,
    device_id: DeviceId,
    *,
    room: Room,
    shared_token: bool,
    by: Actor,
    now: datetime,
) -> None:
    key = changed_hotel(transaction, hotel_id)
    if not transaction.row("SELECT 1 FROM room WHERE hotel_key = :hotel AND id = :room", hotel=key, room=room.id):
        rooms.put_room(transaction, hotel_id, room, by=by, now=now)
    fleet.put_device(transaction, hotel_id, device_id, room_id=room.id, by=by, now=now)
    if shared_token:
        _allow(transaction, hotel_id, device_id, allowed=True, by=by, now=now)


def _acknowledge(
    transaction: Transaction, hotel_id: HotelId, number: int, *, by: Actor, text: str | None, now: datetime
) -> AlertSnapshot:
    row = transaction.row(
        "UPDATE alert SET acknowledged_by = :by, acknowledged_at = :now, acknowledged_note = :note,"  # noqa: S608
        " revision = revision + 1 WHERE hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"
        f" AND legacy_id = :number AND acknowledged_by IS NULL RETURNING {COLUMNS}",
        by=by.shown,
        now=now,
        note=text,
        hotel=hotel_id,
        number=number,
    )
    if row is None:
        raise _refusal(transaction, hotel_id, number)
    alert = snapshot(row)
    note(transaction, hotel_id, Deed.ALERT_ACKNOWLEDGED, by=by, subject=alert.id, now=now)
    entry = events.of_alert(EventType.ALERT_ACKNOWLEDGED, alert, key=row[0], at=now)
    events.append(transaction, hotel_id, [entry])
    return alert


def _refusal(transaction: Transaction, hotel_id: HotelId, number: int) -> Exception:
    row = transaction.row(
        f"SELECT {COLUMNS} FROM alert WHERE hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"  # noqa: S608
        " AND legacy_id = :number",
        hotel=hotel_id,
        number=number,
    )
    alert = None if row is None else snapshot(row)
    if alert is None or alert.acknowledged is None:
        return NotFound("alert", str(number))
    return AlreadyAcknowledged(by=alert.acknowledged.by, at=alert.acknowledged.at, revision=alert.revision)


def _home(transaction: Transaction, hotel_id: HotelId, device_id: DeviceId) -> Home | None:
    device = facts.find_device(transaction, hotel_id, device_id)
    room = None if device is None else facts.room(transaction, hotel_id, device.room_id)
    if device is None or device.retired_at is not None or room is None:
        return None
    hotel = facts.hotel(transaction, hotel_id)
    policy = policy_of(room, profile=hotel.profile, policy=hotel.policy, own=device.policy)
    return Home(room_id=room.id, access_points=room.access_points, policy=policy)
