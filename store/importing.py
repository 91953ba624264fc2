"""What an export of the old system brings: rooms and tablets that are missing, and its alerts as history.

Doing it twice changes nothing: what is there stays as it is. An alert of the old system is over here whatever it was
there: a condition that still holds opens one of ours with the tablet's next message.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from rules.alarm import Occasion, alert_id
from rules.alerts import Acknowledgment, Family, Reason, Rule, Severity
from rules.ids import AlertId, DeviceId, HotelId, RoomId
from rules.policy import Assignment, Place, Policy
from store import audit, facts, fleet
from store.audit import Actor, Deed
from store.database import Database
from store.records import Room
from store.revisions import changed_hotel
from store.rooms import insert_rooms
from store.times import micros
from store.transaction import Transaction


class OldDevice(Struct, frozen=True):
    """A tablet of the old system. A room that neither side knows is made with nothing but its id."""

    id: DeviceId
    room_id: RoomId


class OldAlert(Struct, frozen=True, kw_only=True):
    """An alert of the old system; `number` is what it was known by there."""

    number: int | None
    device_id: DeviceId
    family: Family
    rule: Rule
    severity: Severity
    at: datetime
    why: Reason
    acknowledged: Acknowledgment | None = None
    resolved_at: datetime | None = None


class TakenOver(Struct, frozen=True, kw_only=True):
    """How much was new; `strangers` are the places of alerts whose tablet nobody knows."""

    rooms: int = 0
    devices: int = 0
    alerts: int = 0
    strangers: tuple[int, ...] = ()


class Importing:
    _database: Database

    async def import_fleet(
        self,
        hotel_id: HotelId,
        rooms: Sequence[Room],
        devices: Sequence[OldDevice],
        *,
        shared_token: bool,
        by: Actor,
        now: datetime,
    ) -> TakenOver:
        """Add what the hotel does not have, with events device.added.

        `shared_token`: it may speak for the new tablets. A tablet that was retired here stays so.

        Raises NotFound (hotel).
        """
        return await self._database.write(
            lambda transaction: _import_fleet(
                transaction, hotel_id, rooms, devices, shared_token=shared_token, by=by, now=now
            )
        )

    async def import_alerts(
        self, hotel_id: HotelId, alerts: Sequence[OldAlert], *, by: Actor, now: datetime
    ) -> TakenOver:
        """Add those that are not there, all resolved, without events. Raises NotFound (hotel)."""
        return await self._database.write(
            lambda transaction: _import_alerts(transaction, hotel_id, alerts, by=by, now=now)
        )


def _import_fleet(
    transaction: Transaction,
    hotel_id: HotelId,
    rooms: Sequence[Room],
    devices: Sequence[OldDevice],
    *,
    shared_token: bool,
    by: Actor,
    now: datetime,
) -> TakenOver:
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    key = facts.hotel_key(transaction, hotel_id)
    known = _ids(transaction, "SELECT id FROM device WHERE hotel_key = :hotel", key)
    new_devices = {one.id: one.room_id for one in reversed(devices) if one.id not in known}
    wanted = {room_id: Room(id=room_id) for room_id in new_devices.values()} | {room.id: room for room in rooms}
    known = _ids(transaction, "SELECT id FROM room WHERE hotel_key = :hotel", key)
    new_rooms = [room for room in wanted.values() if room.id not in known]
    if not new_rooms and not new_devices:
        return TakenOver()
    changed_hotel(transaction, hotel_id)
    insert_rooms(transaction, key, new_rooms, now=now)
    added = fleet.insert_devices(transaction, hotel_id, list(new_devices.items()), key=key, now=now)
    if shared_token:
        transaction.many("UPDATE device SET legacy = TRUE WHERE key = ?", [(device.key,) for device in added])
    taken = TakenOver(rooms=len(new_rooms), devices=len(added))
    _note(transaction, hotel_id, taken, shared_token=shared_token, by=by, now=now)
    return taken


def _ids(transaction: Transaction, statement: str, key: int) -> set[str]:
    return {row[0] for row in transaction.rows(statement, hotel=key)}


def _import_alerts(
    transaction: Transaction, hotel_id: HotelId, alerts: Sequence[OldAlert], *, by: Actor, now: datetime
) -> TakenOver:
    key = facts.hotel_key(transaction, hotel_id)
    added, strangers = 0, []
    for place, alert in enumerate(alerts):
        device = transaction.row(
            "SELECT device.key, room.id, room.floor FROM device JOIN room ON room.key = device.room_key"
            " WHERE device.hotel_key = :hotel AND device.id = :device",
            hotel=key,
            device=alert.device_id,
        )
        if device is None:
            strangers.append(place)
        else:
            added += _insert_alert(transaction, hotel_id, alert, hotel_key=key, device=device)
    taken = TakenOver(alerts=added, strangers=tuple(strangers))
    if added:
        _note(transaction, hotel_id, taken, by=by, now=now)
    return taken


def _insert_alert(
    transaction: Transaction, hotel_id: HotelId, alert: OldAlert, *, hotel_key: int, device: tuple[int, str, str | None]
) -> int:
    answer = alert.acknowledged
    return transaction.run(
        "INSERT INTO alert (hotel_key, id, device_key, room_id, floor, family, rule, severity, condition, opened_at,"
        " last_at, count, why, status, acknowledged_by, acknowledged_at, acknowledged_note, resolved_at, drill,"
        " revision, legacy_id) VALUES (:hotel, :id, :device, :room, :floor, :family, :rule, :severity, 'cleared', :at,"
        " :at, 1, :why, 'resolved', :by, :answered_at, :note, :resolved_at, FALSE, 1, :number) ON CONFLICT DO NOTHING",
        hotel=hotel_key,
        id=_id(hotel_id, alert),
        device=device[0],
        room=device[1],
        floor=device[2],
        family=alert.family.value,
        rule=alert.rule.value,
        severity=alert.severity.value,
        at=micros(alert.at),
        why=msgspec.json.encode((alert.why,)).decode(),
        by=answer.by if answer else None,
        answered_at=micros(answer.at) if answer else None,
        note=answer.note if answer else None,
        resolved_at=micros(alert.resolved_at or alert.at),
        number=alert.number,
    )


def _id(hotel_id: HotelId, alert: OldAlert) -> AlertId:
    """The same whenever the same alert is imported."""
    assignment = Assignment(hotel_id=hotel_id, device_id=alert.device_id, place=Place(), policy=Policy())
    name = "old:" if alert.number is None else f"old:{alert.number}"
    return alert_id(alert.family, Occasion(assignment, name, alert.at))


def _note(
    transaction: Transaction,
    hotel_id: HotelId,
    taken: TakenOver,
    *,
    shared_token: bool | None = None,
    by: Actor,
    now: datetime,
) -> None:
    detail = {"rooms": taken.rooms, "devices": taken.devices, "alerts": taken.alerts, "sharedToken": shared_token}
    audit.note(transaction, hotel_id, Deed.IMPORTED, by=by, subject=hotel_id, now=now, detail=detail)
