"""When a tablet was given the token that it has, and when that ends: noted before anybody mints it."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from rules.ids import DeviceId, HotelId
from store import audit, facts, lives
from store.audit import Actor, Deed, Detail
from store.database import Database
from store.errors import NotFound
from store.records import Device, DeviceKey
from store.revisions import changed_hotel
from store.times import micros
from store.transaction import Transaction


class TokenDates:
    _database: Database

    async def note_token(
        self,
        hotel_id: HotelId,
        device_id: DeviceId,
        *,
        expires_at: datetime,
        by: Actor,
        now: datetime,
        gen: int | None = None,
    ) -> Device:
        """Note that a tablet gets a token, and return the tablet; mint with its `gen`, after this.

        So no revocation can come between. `gen`: of the token that is traded for it, which may have been voided since
        somebody looked. Raises NotFound, for a retired one too, and for one whose generation is another.
        """
        return await self._database.write(
            lambda transaction: _note_token(
                transaction, hotel_id, device_id, expires_at=expires_at, by=by, now=now, gen=gen
            )
        )

    async def note_tokens(
        self, hotel_id: HotelId, device_ids: Sequence[DeviceId], *, expires_at: datetime, by: Actor, now: datetime
    ) -> tuple[Device, ...]:
        """As `note_token` for many at once, all or none, with one line in the audit."""
        return await self._database.write(
            lambda transaction: _note_tokens(transaction, hotel_id, device_ids, expires_at=expires_at, by=by, now=now)
        )


def set_token(
    transaction: Transaction, hotel_id: HotelId, key: DeviceKey, *, expires_at: datetime, now: datetime
) -> None:
    transaction.run(
        "UPDATE device SET token_issued_at = :now, token_expires_at = :expires_at"
        " WHERE key = :device AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)",
        now=now,
        expires_at=expires_at,
        device=key,
        hotel=hotel_id,
    )


def _note_token(
    transaction: Transaction,
    hotel_id: HotelId,
    device_id: DeviceId,
    *,
    expires_at: datetime,
    by: Actor,
    now: datetime,
    gen: int | None,
) -> Device:
    changed_hotel(transaction, hotel_id)
    device = lives.known(transaction, hotel_id, device_id)
    if gen not in (None, device.gen):
        raise NotFound("device", device_id)
    set_token(transaction, hotel_id, device.key, expires_at=expires_at, now=now)
    audit.note(transaction, hotel_id, Deed.TOKEN_MINTED, by=by, subject=device_id, now=now, detail=_until(expires_at))
    return replace(device, token_issued_at=now, token_expires_at=expires_at)


def _note_tokens(
    transaction: Transaction,
    hotel_id: HotelId,
    device_ids: Sequence[DeviceId],
    *,
    expires_at: datetime,
    by: Actor,
    now: datetime,
) -> tuple[Device, ...]:
    hotel_key = changed_hotel(transaction, hotel_id)
    found = {device.id: device for device in facts.known_devices(transaction, hotel_id)} if device_ids else {}
    for device_id in device_ids:
        if device_id not in found:
            raise NotFound("device", device_id)
    devices = [found[device_id] for device_id in device_ids]
    transaction.many(
        "UPDATE device SET token_issued_at = ?1, token_expires_at = ?2 WHERE hotel_key = ?3 AND key = ?4",
        [(micros(now), micros(expires_at), hotel_key, device.key) for device in devices],
    )
    if devices:
        detail: Detail = {"count": len(devices), "last": device_ids[-1], **_until(expires_at)}
        audit.note(transaction, hotel_id, Deed.TOKEN_MINTED, by=by, subject=device_ids[0], now=now, detail=detail)
    return tuple(replace(device, token_issued_at=now, token_expires_at=expires_at) for device in devices)


def _until(expires_at: datetime) -> dict[str, str]:
    return {"expiresAt": expires_at.isoformat()}
