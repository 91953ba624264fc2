"""Integrators: a hotel's other systems, each with the scopes that its tokens may have."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from rules.ids import HotelId, IntegratorName
from rules.revoked import Subject
from store import audit, facts, revocations
from store.audit import Actor, Deed
from store.database import Database
from store.errors import Exists, NotFound
from store.records import Integrator
from store.transaction import Row, Transaction

_INTEGRATORS = (
    "SELECT hotel.id, integrator.name, integrator.scopes, integrator.gen FROM integrator"
    " JOIN hotel ON hotel.key = integrator.hotel_key WHERE hotel.id = :hotel"
)

_scopes = msgspec.json.Decoder(tuple[str, ...])


class Integrators:
    _database: Database

    async def add_integrator(
        self, hotel_id: HotelId, name: IntegratorName, *, scopes: Collection[str], by: Actor, now: datetime
    ) -> Integrator:
        """Tokens of one that had the name before stay void. Raises NotFound (hotel), Exists."""
        return await self._database.write(
            lambda transaction: _add(transaction, hotel_id, name, scopes=tuple(scopes), by=by, now=now)
        )

    async def find_integrator(self, hotel_id: HotelId, name: IntegratorName) -> Integrator | None:
        return await self._database.read(lambda transaction: _find(transaction, hotel_id, name))

    async def integrators(self, hotel_id: HotelId) -> tuple[Integrator, ...]:
        """In order of name."""
        rows = await self._database.read(
            lambda transaction: transaction.rows(_INTEGRATORS + " ORDER BY integrator.name", hotel=hotel_id)
        )
        return tuple(_integrator(row) for row in rows)

    async def revoke_integrator(
        self, hotel_id: HotelId, name: IntegratorName, *, by: Actor, now: datetime
    ) -> Integrator:
        """Void every token that the integrator has; return it with its new generation. Raises NotFound."""
        return await self._database.write(lambda transaction: _revoke(transaction, hotel_id, name, by=by, now=now))

    async def change_scopes(
        self, hotel_id: HotelId, name: IntegratorName, scopes: Collection[str], *, by: Actor, now: datetime
    ) -> Integrator:
        """Give an integrator other scopes, and void its tokens, which have the old ones. Raises NotFound."""
        return await self._database.write(
            lambda transaction: _change_scopes(transaction, hotel_id, name, tuple(scopes), by=by, now=now)
        )

    async def remove_integrator(self, hotel_id: HotelId, name: IntegratorName, *, by: Actor, now: datetime) -> None:
        """Forget an integrator; its tokens are void for good. Raises NotFound."""
        await self._database.write(lambda transaction: _remove(transaction, hotel_id, name, by=by, now=now))


def _add(
    transaction: Transaction,
    hotel_id: HotelId,
    name: IntegratorName,
    *,
    scopes: tuple[str, ...],
    by: Actor,
    now: datetime,
) -> Integrator:
    key = facts.hotel_key(transaction, hotel_id)
    before = transaction.row(
        "SELECT gen FROM revocation WHERE kind = 'integrator' AND hotel_id = :hotel AND name = :name",
        hotel=hotel_id,
        name=name,
    )
    added = Integrator(hotel_id=hotel_id, name=name, scopes=scopes, gen=1 if before is None else before[0])
    is_new = transaction.run(
        "INSERT INTO integrator (hotel_key, name, scopes, gen, created_at) VALUES (:hotel, :name, :scopes, :gen, :now)"
        " ON CONFLICT (hotel_key, name) DO NOTHING",
        hotel=key,
        name=name,
        scopes=_written(scopes),
        gen=added.gen,
        now=now,
    )
    if not is_new:
        raise Exists("integrator", name)
    audit.note(
        transaction, hotel_id, Deed.INTEGRATOR_ADDED, by=by, subject=name, now=now, detail={"scopes": " ".join(scopes)}
    )
    return added


def _revoke(
    transaction: Transaction, hotel_id: HotelId, name: IntegratorName, *, by: Actor, now: datetime
) -> Integrator:
    transaction.run(
        "UPDATE integrator SET gen = gen + 1 WHERE name = :name"
        " AND hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel)",
        hotel=hotel_id,
        name=name,
    )
    revoked = _made_sure_of(transaction, hotel_id, name)
    audit.note(transaction, hotel_id, Deed.INTEGRATOR_REVOKED, by=by, subject=name, now=now)
    revocations.note(transaction, Subject.INTEGRATOR, hotel_id, name, gen=revoked.gen)
    return revoked


def _change_scopes(
    transaction: Transaction,
    hotel_id: HotelId,
    name: IntegratorName,
    scopes: tuple[str, ...],
    *,
    by: Actor,
    now: datetime,
) -> Integrator:
    transaction.run(
        "UPDATE integrator SET gen = gen + 1, scopes = :scopes WHERE name = :name"
        " AND hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel)",
        scopes=_written(scopes),
        hotel=hotel_id,
        name=name,
    )
    changed = _made_sure_of(transaction, hotel_id, name)
    audit.note(
        transaction,
        hotel_id,
        Deed.INTEGRATOR_CHANGED,
        by=by,
        subject=name,
        now=now,
        detail={"scopes": " ".join(scopes)},
    )
    revocations.note(transaction, Subject.INTEGRATOR, hotel_id, name, gen=changed.gen)
    return changed


def _remove(transaction: Transaction, hotel_id: HotelId, name: IntegratorName, *, by: Actor, now: datetime) -> None:
    row = transaction.row(
        "DELETE FROM integrator WHERE name = :name"
        " AND hotel_key = (SELECT key FROM hotel WHERE hotel.id = :hotel) RETURNING gen",
        hotel=hotel_id,
        name=name,
    )
    if row is None:
        raise NotFound("integrator", name)
    audit.note(transaction, hotel_id, Deed.INTEGRATOR_REMOVED, by=by, subject=name, now=now)
    revocations.note(transaction, Subject.INTEGRATOR, hotel_id, name, gen=row[0] + 1)


def _made_sure_of(transaction: Transaction, hotel_id: HotelId, name: IntegratorName) -> Integrator:
    """Raises NotFound."""
    integrator = _find(transaction, hotel_id, name)
    if integrator is None:
        raise NotFound("integrator", name)
    return integrator


def _find(transaction: Transaction, hotel_id: HotelId, name: IntegratorName) -> Integrator | None:
    row = transaction.row(_INTEGRATORS + " AND integrator.name = :name", hotel=hotel_id, name=name)
    return None if row is None else _integrator(row)


def _integrator(row: Row) -> Integrator:
    return Integrator(hotel_id=HotelId(row[0]), name=IntegratorName(row[1]), scopes=_scopes.decode(row[2]), gen=row[3])


def _written(scopes: tuple[str, ...]) -> str:
    return msgspec.json.encode(scopes).decode()
