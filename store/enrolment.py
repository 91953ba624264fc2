"""Enrolment: a tablet trades a one-time code, made by somebody who may, for its place in a hotel.

Whoever holds a code may take it as a tablet that nobody knows. As one that is known (a wiped tablet, or somebody who
says to be it) only where the code was made for that, or where somebody at the hotel says yes; the tokens that it had
are void then, and all that it ever sent stays its own.

A code has 60 bits, is good for minutes and for one tablet, and only its hash is kept.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from rules.ids import DeviceId, EnrolmentId, HotelId, RoomId
from rules.revoked import Subject
from store import audit, cursors, events, facts, lives, revocations
from store.audit import Actor, Deed
from store.database import Database
from store.errors import EnrolmentRefused, NotFound, Unusable
from store.events import Entry
from store.fleet import insert_devices
from store.records import Device, Enrolment, EnrolmentState, Page
from store.revisions import changed_hotel
from store.times import maybe_moment, moment
from store.transaction import Row, Transaction

LIFE: Final = timedelta(minutes=15)

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no letter that is read as a digit."""

_CODE = re.compile(f"[{_DIGITS}]{{12}}")
_MISREAD = str.maketrans("OIL", "011", " -")

_ENROLMENTS = (
    "SELECT enrolment.key, enrolment.id, room.id, enrolment.device_id, enrolment.again, enrolment.created_by,"
    " enrolment.created_at, enrolment.expires_at, enrolment.wanted_device_id, enrolment.wanted_at,"
    " enrolment.approved_by, enrolment.approved_at, enrolment.withdrawn_at, enrolment.used_at, device.id"
    " FROM enrolment JOIN hotel ON hotel.key = enrolment.hotel_key JOIN room ON room.key = enrolment.room_key"
    " LEFT JOIN device ON device.key = enrolment.device_key WHERE hotel.id = :hotel"
)


def new_code() -> str:
    """Return a code as people read it: `7K3M-9QXT-2WPA`."""
    digits = "".join(secrets.choice(_DIGITS) for _ in range(12))
    return "-".join(digits[at : at + 4] for at in range(0, 12, 4))


def is_code(text: str) -> bool:
    """Whether it can be a code, however somebody typed it."""
    return _CODE.fullmatch(_plain(text)) is not None


def _plain(text: str) -> str:
    return text.upper().translate(_MISREAD)


def _hash(code: str) -> str:
    return hashlib.sha256(_plain(code).encode()).hexdigest()


class Enrolments:
    _database: Database

    async def add_enrolment(
        self,
        hotel_id: HotelId,
        enrolment_id: EnrolmentId,
        *,
        code: str,
        room_id: RoomId,
        device_id: DeviceId | None = None,
        again: bool = False,
        by: Actor,
        now: datetime,
    ) -> Enrolment:
        """Keep that a tablet may come with `code` (or with the token of that id), once. Raises NotFound (hotel, room).

        `device_id`: that tablet alone. `again`: one that is known may come too, without asking anybody.
        """
        new = Enrolment(
            id=enrolment_id,
            room_id=room_id,
            device_id=device_id,
            again=again,
            created_by=by.shown,
            created_at=now,
            expires_at=now + LIFE,
        )
        return await self._database.write(lambda transaction: _add(transaction, hotel_id, new, code=code, by=by))

    async def enrolments(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 50) -> Page[Enrolment]:
        """Newest first. Raises BadCursor."""
        before = cursors.LAST if cursor is None else cursors.decode(cursor, cursors.Place)
        return await self._database.read(
            lambda transaction: _page(transaction, hotel_id, before=before, limit=cursors.bounded(limit))
        )

    async def enrolment(self, hotel_id: HotelId, enrolment_id: EnrolmentId) -> Enrolment | None:
        return await self._database.read(lambda transaction: _find(transaction, hotel_id, enrolment_id))

    async def enrolment_by_code(self, code: str) -> tuple[HotelId, EnrolmentId] | None:
        """Return the hotel and the id of the enrolment that has this code; whoever knows it need not say the hotel."""
        rows = await self._database.ask(
            "SELECT hotel.id, enrolment.id FROM enrolment JOIN hotel ON hotel.key = enrolment.hotel_key"
            " WHERE enrolment.code_hash = :hash",
            hash=_hash(code),
        )
        return (HotelId(rows[0][0]), EnrolmentId(rows[0][1])) if rows else None

    async def enrol(
        self,
        hotel_id: HotelId,
        enrolment_id: EnrolmentId,
        *,
        device_id: DeviceId,
        room_id: RoomId | None = None,
        token_expires_at: datetime,
        by: Actor,
        now: datetime,
    ) -> Device | None:
        """Make a tablet the hotel's, in the room of the enrolment, and use that up; mint with the `gen` returned.

        `room_id`: where the tablet believes to be. Events device.added for one that nobody knew, device.moved for one
        that belonged elsewhere. None: it is known, has been noted as such, and somebody must `approve_enrolment`;
        then it may come again. Raises NotFound, EnrolmentRefused.
        """
        return await self._database.write(
            lambda transaction: _Exchange(
                transaction, hotel_id, device_id, token_expires_at=token_expires_at, by=by, now=now
            ).enrol(enrolment_id, room_id)
        )

    async def approve_enrolment(
        self, hotel_id: HotelId, enrolment_id: EnrolmentId, *, by: Actor, now: datetime
    ) -> Enrolment:
        """Say yes to the known tablet that came with this code. Raises NotFound, EnrolmentRefused."""
        return await self._database.write(
            lambda transaction: _approve(transaction, hotel_id, enrolment_id, by=by, now=now)
        )

    async def withdraw_enrolment(
        self, hotel_id: HotelId, enrolment_id: EnrolmentId, *, by: Actor, now: datetime
    ) -> Enrolment:
        """Let nobody use it any more. Raises NotFound, and EnrolmentRefused where somebody has."""
        return await self._database.write(
            lambda transaction: _withdraw(transaction, hotel_id, enrolment_id, by=by, now=now)
        )


class _Exchange:
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
        hotel_key = _hold(transaction, hotel_id)
        enrolment = _known(transaction, hotel_id, enrolment_id)
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
        lives.set_token(transaction, hotel_id, device.key, expires_at=self._token_expires_at, now=self._now)
        self._use_up(enrolment, device, hotel_key, is_known=before is not None)
        if before is not None and device.gen != before.gen:
            revocations.note(transaction, Subject.DEVICE, hotel_id, device.id, gen=device.gen)
        events.append(transaction, hotel_id, entries)
        return replace(device, token_issued_at=self._now, token_expires_at=self._token_expires_at)

    def _refuse_unless_fit(self, enrolment: Enrolment, room_id: RoomId | None) -> None:
        if facts.hotel(self._transaction, self._hotel_id).suspended_at is not None:
            raise EnrolmentRefused(Unusable.SUSPENDED, "the hotel is suspended")
        _refuse_if_over(enrolment, now=self._now)
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


def _refuse_if_over(enrolment: Enrolment, *, now: datetime) -> None:
    match enrolment.state(now):
        case EnrolmentState.USED:
            raise EnrolmentRefused(Unusable.USED, "the code has been used")
        case EnrolmentState.WITHDRAWN:
            raise EnrolmentRefused(Unusable.WITHDRAWN, "the code was withdrawn")
        case EnrolmentState.EXPIRED:
            raise EnrolmentRefused(Unusable.EXPIRED, "the code has expired")


def _add(transaction: Transaction, hotel_id: HotelId, new: Enrolment, *, code: str, by: Actor) -> Enrolment:
    key = facts.hotel_key(transaction, hotel_id)
    room = transaction.row("SELECT key FROM room WHERE hotel_key = :hotel AND id = :room", hotel=key, room=new.room_id)
    if room is None:
        raise NotFound("room", new.room_id)
    transaction.run(
        "INSERT INTO enrolment (hotel_key, id, code_hash, room_key, device_id, again, created_by, created_at,"
        " expires_at) VALUES (:hotel, :id, :hash, :room, :device, :again, :by, :now, :expires_at)",
        hotel=key,
        id=new.id,
        hash=_hash(code),
        room=int(room[0]),
        device=new.device_id,
        again=new.again,
        by=new.created_by,
        now=new.created_at,
        expires_at=new.expires_at,
    )
    detail = {"roomId": new.room_id, "deviceId": new.device_id, "again": new.again}
    audit.note(transaction, hotel_id, Deed.ENROLMENT_MADE, by=by, subject=new.id, now=new.created_at, detail=detail)
    return new


def _page(transaction: Transaction, hotel_id: HotelId, *, before: int, limit: int) -> Page[Enrolment]:
    rows = transaction.rows(
        _ENROLMENTS + " AND enrolment.key < :before ORDER BY enrolment.key DESC LIMIT :limit",
        hotel=hotel_id,
        before=before,
        limit=limit + 1,
    )
    return cursors.page(rows, _enrolment, limit=limit, place=lambda row: row[0])


def _find(transaction: Transaction, hotel_id: HotelId, enrolment_id: EnrolmentId) -> Enrolment | None:
    row = transaction.row(_ENROLMENTS + " AND enrolment.id = :id", hotel=hotel_id, id=enrolment_id)
    return None if row is None else _enrolment(row)


def _hold(transaction: Transaction, hotel_id: HotelId) -> int:
    """Keep others from the hotel, so that of two who come with one code the second finds it used; its key.

    Raises NotFound.
    """
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    return facts.hotel_key(transaction, hotel_id)


def _known(transaction: Transaction, hotel_id: HotelId, enrolment_id: EnrolmentId) -> Enrolment:
    """Raises NotFound."""
    enrolment = _find(transaction, hotel_id, enrolment_id)
    if enrolment is None:
        raise NotFound("enrolment", enrolment_id)
    return enrolment


def _approve(
    transaction: Transaction, hotel_id: HotelId, enrolment_id: EnrolmentId, *, by: Actor, now: datetime
) -> Enrolment:
    key = _hold(transaction, hotel_id)
    enrolment = _known(transaction, hotel_id, enrolment_id)
    _refuse_if_over(enrolment, now=now)
    if enrolment.approved_at is not None:
        return enrolment
    if enrolment.wanted_device_id is None:
        raise EnrolmentRefused(Unusable.NOBODY_WAITS, "no tablet waits for a yes to this enrolment")
    transaction.run(
        "UPDATE enrolment SET approved_by = :by, approved_at = :now WHERE hotel_key = :hotel AND id = :id",
        by=by.shown,
        now=now,
        hotel=key,
        id=enrolment_id,
    )
    detail = {"deviceId": enrolment.wanted_device_id}
    audit.note(transaction, hotel_id, Deed.ENROLMENT_APPROVED, by=by, subject=enrolment_id, now=now, detail=detail)
    return replace(enrolment, approved_by=by.shown, approved_at=now)


def _withdraw(
    transaction: Transaction, hotel_id: HotelId, enrolment_id: EnrolmentId, *, by: Actor, now: datetime
) -> Enrolment:
    key = _hold(transaction, hotel_id)
    enrolment = _known(transaction, hotel_id, enrolment_id)
    if enrolment.used_at is not None:
        raise EnrolmentRefused(Unusable.USED, "a tablet has used it: retire or revoke the tablet instead")
    if enrolment.withdrawn_at is not None:
        return enrolment
    transaction.run(
        "UPDATE enrolment SET withdrawn_at = :now WHERE hotel_key = :hotel AND id = :id",
        now=now,
        hotel=key,
        id=enrolment_id,
    )
    audit.note(transaction, hotel_id, Deed.ENROLMENT_WITHDRAWN, by=by, subject=enrolment_id, now=now)
    return replace(enrolment, withdrawn_at=now)


def _enrolment(row: Row) -> Enrolment:
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
