"""A tablet's coming with a one-time code: what an enrolment is by then, and trading it for a place in the hotel.

Whoever trades, approves or withdraws has the hotel to themselves meanwhile (`hold`).
"""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from rules.ids import DeviceId, EnrolmentId, HotelId, RoomId
from rules.revoked import Subject
from store import audit, events, facts, lives, revocations, token_dates
from store.audit import Actor, Deed
from store.errors import EnrolmentRefused, NotFound, Unusable
from store.events import Entry
from store.fleet import insert_devices
from store.records import Device, Enrolment, EnrolmentState
from store.revisions import changed_hotel
from store.times import maybe_moment, moment
from store.transaction import Row, Transaction

ENROLMENTS: Final = (
    "SELECT enrolment.key, enrolment.id, room.id, enrolment.device_id, enrolment.again, enrolment.created_by,"
    " enrolment.created_at, enrolment.expires_at, enrolment.wanted_device_id, enrolment.wanted_at,"
    " enrolment.approved_by, enrolment.approved_at, enrolment.withdrawn_at, enrolment.used_at, device.id"
    " FROM enrolment JOIN hotel ON hotel.key = enrolment.hotel_key JOIN room ON room.key = enrolment.room_key"
    " LEFT JOIN device ON device.key = enrolment.device_key WHERE hotel.id = :hotel"
)


class Exchange:
    """One tablet's coming with one code, in one transaction."""

    def __init__(
        self,
        transaction: Transaction,
        hotel_id: HotelId,
        device_id: DeviceId,
        *,
        token_expires_at: datetime,
        by: Actor,
        now: datetime,
    ) -> None:
        self._transaction = transaction
        self._hotel_id = hotel_id
        self._device_id = device_id
        self._token_expires_at = token_expires_at
        self._by = by
        self._now = now

    def enrol(self, enrolment_id: EnrolmentId, room_id: RoomId | None) -> Device | None:
        transaction, hotel_id = self._transaction, self._hotel_id
        hotel_key = hold(transaction, hotel_id)
        enrolment = known(transaction, hotel_id, enrolment_id)
        self._refuse_unless_fit(enrolment, room_id)
        device = facts.find_device(transaction, hotel_id, self._device_id)
        if device is not None and self._needs_a_yes(enrolment, device):
            self._wait(enrolment, hotel_key)
            return None
        before = device
        changed_hotel(transaction, hotel_id)
        if device is None:
            (device,) = insert_devices(
                transaction, hotel_id, [(self._device_id, enrolment.room_id)], key=hotel_key, now=self._now
            )
        device, entries = (device, []) if before is None else self._take_back(device, enrolment)
        token_dates.set_token(transaction, hotel_id, device.key, expires_at=self._token_expires_at, now=self._now)
        self._use_up(enrolment, device, hotel_key, is_known=before is not None)
        if before is not None and device.gen != before.gen:
            revocations.note(transaction, Subject.DEVICE, hotel_id, device.id, gen=device.gen)
        events.append(transaction, hotel_id, entries)
        return replace(device, token_issued_at=self._now, token_expires_at=self._token_expires_at)

    def _refuse_unless_fit(self, enrolment: Enrolment, room_id: RoomId | None) -> None:
        if facts.hotel(self._transaction, self._hotel_id).suspended_at is not None:
            raise EnrolmentRefused(Unusable.SUSPENDED, "the hotel is suspended")
        refuse_if_over(enrolment, now=self._now)
        if enrolment.device_id not in (None, self._device_id):
            raise EnrolmentRefused(Unusable.FOREIGN, "the code is for another tablet")
        if enrolment.wanted_device_id not in (None, self._device_id):
            raise EnrolmentRefused(Unusable.FOREIGN, "another tablet has come with this code")
        if room_id not in (None, enrolment.room_id):
            raise EnrolmentRefused(Unusable.FOREIGN, "the code is for another room")

    def _needs_a_yes(self, enrolment: Enrolment, device: Device) -> bool:
        """Whether it may be somebody else's: one that was only added, and never spoke, is nobody's yet.

        A code for whatever comes again is for the tablets of its room: who finds it becomes no other tablet by it.
        """
        is_meant = enrolment.device_id is not None or device.room_id == enrolment.room_id
        if (enrolment.again and is_meant) or enrolment.approved_at is not None:
            return False
        spoke = self._transaction.row("SELECT 1 FROM device_state WHERE device_key = :device", device=device.key)
        return device.token_issued_at is not None or device.retired_at is not None or spoke is not None

    def _wait(self, enrolment: Enrolment, hotel_key: int) -> None:
        self._transaction.run(
            "UPDATE enrolment SET wanted_device_id = :device, wanted_at = coalesce(wanted_at, :now)"
            " WHERE hotel_key = :hotel AND id = :id",
            device=self._device_id,
            now=self._now,
            hotel=hotel_key,
            id=enrolment.id,
        )

    def _take_back(self, before: Device, enrolment: Enrolment) -> tuple[Device, list[Entry]]:
        """One that was here before: the tokens that it may have are void, and its room is this one."""
        transaction, hotel_id = self._transaction, self._hotel_id
        device = lives.put(transaction, hotel_id, before, room_id=enrolment.room_id)
        if enrolment.again or enrolment.approved_at is not None:
            device = lives.void(transaction, hotel_id, device)
        if before.retired_at is not None:
            transaction.run(
                "UPDATE device SET retired_at = NULL"
                " WHERE key = :device AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)",
                device=device.key,
                hotel=hotel_id,
            )
            device = replace(device, retired_at=None)
            return device, [lives.added(device, now=self._now)]
        if device.room_id != before.room_id:
            return device, [lives.moved(device, from_room=before.room_id, now=self._now)]
        return device, []

    def _use_up(self, enrolment: Enrolment, device: Device, hotel_key: int, *, is_known: bool) -> None:
        self._transaction.run(
            "UPDATE enrolment SET used_at = :now, device_key = :device WHERE hotel_key = :hotel AND id = :id",
            now=self._now,
            device=device.key,
            hotel=hotel_key,
            id=enrolment.id,
        )
        audit.note(
            self._transaction,
            self._hotel_id,
            Deed.DEVICE_ENROLLED,
            by=self._by,
            subject=device.id,
            now=self._now,
            detail={"enrolmentId": enrolment.id, "roomId": device.room_id, "known": is_known},
        )


def hold(transaction: Transaction, hotel_id: HotelId) -> int:
    """Keep others from the hotel, so that of two who come with one code the second finds it used; its key.

    Raises NotFound.
    """
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    return facts.hotel_key(transaction, hotel_id)


def known(transaction: Transaction, hotel_id: HotelId, enrolment_id: EnrolmentId) -> Enrolment:
    """Raises NotFound."""
    enrolment = find(transaction, hotel_id, enrolment_id)
    if enrolment is None:
        raise NotFound("enrolment", enrolment_id)
    return enrolment


def find(transaction: Transaction, hotel_id: HotelId, enrolment_id: EnrolmentId) -> Enrolment | None:
    row = transaction.row(ENROLMENTS + " AND enrolment.id = :id", hotel=hotel_id, id=enrolment_id)
    return None if row is None else enrolment_of(row)


def refuse_if_over(enrolment: Enrolment, *, now: datetime) -> None:
    match enrolment.state(now):
        case EnrolmentState.USED:
            raise EnrolmentRefused(Unusable.USED, "the code has been used")
        case EnrolmentState.WITHDRAWN:
            raise EnrolmentRefused(Unusable.WITHDRAWN, "the code was withdrawn")
        case EnrolmentState.EXPIRED:
            raise EnrolmentRefused(Unusable.EXPIRED, "the code has expired")


def enrolment_of(row: Row) -> Enrolment:
    return Enrolment(
        id=EnrolmentId(row[1]),
        room_id=RoomId(row[2]),
        device_id=None if row[3] is None else DeviceId(row[3]),
        again=bool(row[4]),
        created_by=row[5],
        created_at=moment(row[6]),
        expires_at=moment(row[7]),
        wanted_device_id=None if row[8] is None else DeviceId(row[8]),
        wanted_at=maybe_moment(row[9]),
        approved_by=row[10],
        approved_at=maybe_moment(row[11]),
        withdrawn_at=maybe_moment(row[12]),
        used_at=maybe_moment(row[13]),
        enrolled_device_id=None if row[14] is None else DeviceId(row[14]),
    )
