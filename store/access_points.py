"""Access points that a hotel's tablets were heard on in their rooms, whether or not a room lists them.

The bridge learns them (`device_bridge.learning`); what they mean to the rules is said in `rules.place`.
"""

from collections.abc import Collection
from datetime import datetime

from rules.ids import HotelId, RoomId
from store import audit
from store.audit import Actor, Deed
from store.database import Database
from store.records import LearnedAccessPoint
from store.revisions import changed_hotel
from store.times import moment
from store.transaction import Transaction

_LEARNED = (
    "SELECT access_point.bssid, access_point.ssid, access_point.rooms, access_point.first_at FROM access_point"
    " JOIN hotel ON hotel.key = access_point.hotel_key WHERE hotel.id = :hotel ORDER BY access_point.bssid"
)


class AccessPoints:
    _database: Database

    async def learn_access_point(
        self, hotel_id: HotelId, bssid: str, *, ssid: str | None, rooms: Collection[RoomId], by: Actor, now: datetime
    ) -> bool:
        """Note that tablets of these rooms were heard on it; False: that was known. Raises NotFound (hotel)."""
        return await self._database.write(
            lambda transaction: _learn(transaction, hotel_id, bssid, ssid=ssid, rooms=rooms, by=by, now=now)
        )

    async def learned_access_points(self, hotel_id: HotelId) -> list[LearnedAccessPoint]:
        """In order of their BSSID."""
        rows = await self._database.ask(_LEARNED, hotel=hotel_id)
        return [LearnedAccessPoint(bssid=row[0], ssid=row[1], rooms=row[2], since=moment(row[3])) for row in rows]


def learned(transaction: Transaction, hotel_id: HotelId) -> tuple[str, ...]:
    return tuple(row[0] for row in transaction.rows(_LEARNED, hotel=hotel_id))


def _learn(
    transaction: Transaction,
    hotel_id: HotelId,
    bssid: str,
    *,
    ssid: str | None,
    rooms: Collection[RoomId],
    by: Actor,
    now: datetime,
) -> bool:
    key = changed_hotel(transaction, hotel_id)
    made = transaction.run(
        "INSERT INTO access_point (hotel_key, bssid, ssid, rooms, first_at, last_at)"
        " VALUES (:hotel, :bssid, :ssid, :rooms, :now, :now) ON CONFLICT (hotel_key, bssid) DO NOTHING",
        hotel=key,
        bssid=bssid,
        ssid=ssid,
        rooms=len(rooms),
        now=now,
    )
    if not made:
        return False
    detail = {"rooms": " ".join(sorted(rooms)), "ssid": ssid}
    audit.note(transaction, hotel_id, Deed.ACCESS_POINT_LEARNED, by=by, subject=bssid, now=now, detail=detail)
    return True
