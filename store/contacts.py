"""By which way each tablet speaks: the shared token, its own token over HTTP, or MQTT.

Whoever hears a tablet notes it every few minutes, not with each message. So `last_at` lags by that much, and a
heartbeat costs nothing.
"""

from collections.abc import Collection
from datetime import datetime

from rules.ids import DeviceId, HotelId, RoomId
from store import cursors
from store.database import Database
from store.records import Contact, DeviceKey, MigrationCounts, MigrationRow, Page, Way
from store.times import maybe_moment, micros, moment
from store.transaction import Row, Transaction

_NEW = "INSERT INTO contact (device_key, way, first_at, last_at)"
_LATER = (
    "ON CONFLICT (device_key, way) DO UPDATE SET last_at = excluded.last_at WHERE excluded.last_at > contact.last_at"
)

# The newest way wins; of two at one moment the more modern one.
_LATEST = (
    "CASE WHEN mqtt.last_at >= COALESCE(own.last_at, 0) AND mqtt.last_at >= COALESCE(shared.last_at, 0) THEN 'mqtt'"
    " WHEN own.last_at >= COALESCE(shared.last_at, 0) THEN 'http'"
    " WHEN shared.last_at IS NOT NULL THEN 'legacy-token' END"
)
_CUT = (
    f"device.legacy AND CASE WHEN {_LATEST} IS NULL THEN device.token_issued_at IS NULL"
    f" ELSE {_LATEST} = 'legacy-token' END"
)
_FROM = (
    " FROM device JOIN hotel ON hotel.key = device.hotel_key JOIN room ON room.key = device.room_key"
    " LEFT JOIN contact AS shared ON shared.device_key = device.key AND shared.way = 'legacy-token'"
    " LEFT JOIN contact AS own ON own.device_key = device.key AND own.way = 'http'"
    " LEFT JOIN contact AS mqtt ON mqtt.device_key = device.key AND mqtt.way = 'mqtt'"
    " WHERE hotel.id = :hotel AND device.retired_at IS NULL"
)


class Contacts:
    _database: Database

    async def note_contact(self, hotel_id: HotelId, device_id: DeviceId, way: Way, *, now: datetime) -> None:
        """Note that a tablet spoke; nothing happens for one that is unknown or retired."""
        await self._database.write(lambda transaction: _note(transaction, hotel_id, device_id, way=way, now=now))

    async def note_contacts(self, keys: Collection[DeviceKey], way: Way, *, now: datetime) -> None:
        """Note that these tablets, of whichever hotels, spoke lately."""
        rows = [(key, way.value, micros(now)) for key in sorted(keys)]
        await self._database.write_batch(
            lambda transaction: transaction.many(f"{_NEW} VALUES (?1, ?2, ?3, ?3) {_LATER}", rows)
        )

    async def migration(
        self, hotel_id: HotelId, *, cut: bool = False, cursor: str | None = None, limit: int = 100
    ) -> Page[MigrationRow]:
        """How each tablet of the hotel speaks, in order of id; `cut`: only those that need the shared token still.

        Raises BadCursor.
        """
        after = "" if cursor is None else cursors.decode(cursor, str)
        return await self._database.read(
            lambda transaction: _page(transaction, hotel_id, cut=cut, after=after, limit=limit)
        )

    async def migration_counts(self, hotel_id: HotelId) -> MigrationCounts:
        """The same in numbers."""
        return await self._database.read(lambda transaction: _counts(transaction, hotel_id))


def _note(transaction: Transaction, hotel_id: HotelId, device_id: DeviceId, *, way: Way, now: datetime) -> None:
    transaction.run(
        f"{_NEW} SELECT device.key, :way, :now, :now FROM device JOIN hotel ON hotel.key = device.hotel_key"  # noqa: S608
        f" WHERE hotel.id = :hotel AND device.id = :device AND device.retired_at IS NULL {_LATER}",
        way=way.value,
        now=now,
        hotel=hotel_id,
        device=device_id,
    )


def _page(transaction: Transaction, hotel_id: HotelId, *, cut: bool, after: str, limit: int) -> Page[MigrationRow]:
    limit = cursors.bounded(limit)
    rows = transaction.rows(
        f"SELECT device.id, room.id, device.legacy, device.token_issued_at, device.token_expires_at, {_LATEST}, {_CUT},"
        " shared.first_at, shared.last_at, own.first_at, own.last_at, mqtt.first_at, mqtt.last_at"
        f"{_FROM}{f' AND {_CUT}' if cut else ''} AND device.id > :after ORDER BY device.id LIMIT :limit",
        hotel=hotel_id,
        after=after,
        limit=limit + 1,
    )
    return cursors.page(rows, _row, limit=limit, place=lambda row: row[0])


def _row(row: Row) -> MigrationRow:
    return MigrationRow(
        device_id=DeviceId(row[0]),
        room_id=RoomId(row[1]),
        shared_token=bool(row[2]),
        token_issued_at=maybe_moment(row[3]),
        token_expires_at=maybe_moment(row[4]),
        speaks=None if row[5] is None else Way(row[5]),
        cut=bool(row[6]),
        legacy_token=_contact(row[7], row[8]),
        http=_contact(row[9], row[10]),
        mqtt=_contact(row[11], row[12]),
    )


def _contact(first: int | None, last: int | None) -> Contact | None:
    return None if first is None or last is None else Contact(moment(first), moment(last))


def _counts(transaction: Transaction, hotel_id: HotelId) -> MigrationCounts:
    rows = transaction.rows(
        f"SELECT ways.way, count(*), sum(ways.cut) FROM"  # noqa: S608 - ours
        f" (SELECT {_LATEST} AS way, CASE WHEN {_CUT} THEN 1 ELSE 0 END AS cut{_FROM}) AS ways GROUP BY ways.way",
        hotel=hotel_id,
    )
    found = {row[0]: row[1] for row in rows}
    return MigrationCounts(
        devices=sum(found.values()),
        mqtt=found.get(Way.MQTT, 0),
        http=found.get(Way.HTTP, 0),
        legacy_token=found.get(Way.LEGACY_TOKEN, 0),
        never=found.get(None, 0),
        cut=sum(int(row[2]) for row in rows),
    )
