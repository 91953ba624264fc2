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
from store import audit, cursors, exchange, facts
from store.audit import Actor, Deed
from store.database import Database
from store.errors import EnrolmentRefused, NotFound, Unusable
from store.exchange import Exchange
from store.records import Device, Enrolment, Page
from store.transaction import Transaction

LIFE: Final = timedelta(minutes=15)

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no letter that is read as a digit."""

_CODE = re.compile(f"[{_DIGITS}]{{12}}")
_MISREAD = str.maketrans("OIL", "011", " -")


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
        return await self._database.read(lambda transaction: exchange.find(transaction, hotel_id, enrolment_id))

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
            lambda transaction: Exchange(
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
        exchange.ENROLMENTS + " AND enrolment.key < :before ORDER BY enrolment.key DESC LIMIT :limit",
        hotel=hotel_id,
        before=before,
        limit=limit + 1,
    )
    return cursors.page(rows, exchange.enrolment_of, limit=limit, place=lambda row: row[0])


def _approve(
    transaction: Transaction, hotel_id: HotelId, enrolment_id: EnrolmentId, *, by: Actor, now: datetime
) -> Enrolment:
    key = exchange.hold(transaction, hotel_id)
    enrolment = exchange.known(transaction, hotel_id, enrolment_id)
    exchange.refuse_if_over(enrolment, now=now)
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
    key = exchange.hold(transaction, hotel_id)
    enrolment = exchange.known(transaction, hotel_id, enrolment_id)
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
