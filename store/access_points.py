"""Access points that a hotel's tablets were heard on in their rooms, whether or not a room lists them.

The bridge learns them (`device_bridge.learning`), a manager says whether they are the hotel's; what they mean to the
rules is said in `rules.place`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from rules.ids import HotelId, RoomId
from store import audit
from store.audit import Actor, Deed
from store.database import Database
from store.errors import NotFound
from store.records import LearnedAccessPoint, Ours
from store.revisions import changed_hotel
from store.times import maybe_moment, moment
from store.transaction import Row, Transaction

_LEARNED: Final = (
    "SELECT access_point.bssid, access_point.ssid, access_point.rooms, access_point.first_at, access_point.state,"
    " access_point.decided_by, access_point.decided_at FROM access_point"
    " JOIN hotel ON hotel.key = access_point.hotel_key WHERE hotel.id = :hotel"
)
_DEEDS: Final = {Ours.CONFIRMED: Deed.ACCESS_POINT_CONFIRMED, Ours.FORGOTTEN: Deed.ACCESS_POINT_FORGOTTEN}


class AccessPoints:
    _database: Database

    async def learn_access_point(
        self, hotel_id: HotelId, bssid: str, *, ssid: str | None, rooms: Collection[RoomId], by: Actor, now: datetime
    ) -> bool:
        """Note that tablets of these rooms were heard on it; False: that was known, or it is not the hotel's.

        Raises NotFound (hotel).
        """
        return await self._database.write(
            lambda transaction: _learn(transaction, hotel_id, bssid, ssid=ssid, rooms=rooms, by=by, now=now)
        )

    async def learned_access_points(self, hotel_id: HotelId) -> list[LearnedAccessPoint]:
        """In order of their BSSID, those too that are not the hotel's."""
        return await self._database.read(lambda transaction: learned(transaction, hotel_id))

    async def confirm_access_point(
        self, hotel_id: HotelId, bssid: str, *, by: Actor, now: datetime
    ) -> LearnedAccessPoint:
        """Say that one that was learned is the hotel's, and return it. Raises NotFound."""
        return await self._database.write(
            lambda transaction: _decide(transaction, hotel_id, bssid, Ours.CONFIRMED, by=by, now=now)
        )

    async def forget_access_point(
        self, hotel_id: HotelId, bssid: str, *, by: Actor, now: datetime
    ) -> LearnedAccessPoint:
        """Say that one that was learned is not the hotel's, and return it: it is not learned again. Raises NotFound."""
        return await self._database.write(
            lambda transaction: _decide(transaction, hotel_id, bssid, Ours.FORGOTTEN, by=by, now=now)
        )


def learned(transaction: Transaction, hotel_id: HotelId) -> list[LearnedAccessPoint]:
    """In order of their BSSID."""
    return [_record(row) for row in transaction.rows(f"{_LEARNED} ORDER BY access_point.bssid", hotel=hotel_id)]


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
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    if _find(transaction, hotel_id, bssid) is not None:
        return False
    transaction.run(
        "INSERT INTO access_point (hotel_key, bssid, ssid, rooms, first_at, last_at)"
        " VALUES (:hotel, :bssid, :ssid, :rooms, :now, :now)",
        hotel=changed_hotel(transaction, hotel_id),
        bssid=bssid,
        ssid=ssid,
        rooms=len(rooms),
        now=now,
    )
    detail = {"rooms": " ".join(sorted(rooms)), "ssid": ssid}
    audit.note(transaction, hotel_id, Deed.ACCESS_POINT_LEARNED, by=by, subject=bssid, now=now, detail=detail)
    return True


def _decide(
    transaction: Transaction, hotel_id: HotelId, bssid: str, state: Ours, *, by: Actor, now: datetime
) -> LearnedAccessPoint:
    transaction.hold("SELECT 1 FROM hotel WHERE id = :hotel", hotel=hotel_id)
    found = _find(transaction, hotel_id, bssid)
    if found is None:
        raise NotFound("access point", bssid)
    if found.state is state:
        return found
    transaction.run(
        "UPDATE access_point SET state = :state, decided_by = :by, decided_at = :now"
        " WHERE hotel_key = :hotel AND bssid = :bssid",
        state=state,
        by=by.shown,
        now=now,
        hotel=changed_hotel(transaction, hotel_id),
        bssid=bssid,
    )
    audit.note(transaction, hotel_id, _DEEDS[state], by=by, subject=bssid, now=now, detail={"was": found.state})
    return _known(transaction, hotel_id, bssid)


def _known(transaction: Transaction, hotel_id: HotelId, bssid: str) -> LearnedAccessPoint:
    found = _find(transaction, hotel_id, bssid)
    assert found is not None  # noqa: S101 - it was there when the transaction began
    return found


def _find(transaction: Transaction, hotel_id: HotelId, bssid: str) -> LearnedAccessPoint | None:
    row = transaction.row(f"{_LEARNED} AND access_point.bssid = :bssid", hotel=hotel_id, bssid=bssid)
    return None if row is None else _record(row)


def _record(row: Row) -> LearnedAccessPoint:
    return LearnedAccessPoint(
        bssid=row[0],
        ssid=row[1],
        rooms=row[2],
        since=moment(row[3]),
        state=Ours(row[4]),
        decided_by=row[5],
        decided_at=maybe_moment(row[6]),
    )
