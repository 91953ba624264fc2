"""Tonight's round, from what is known of a hotel's tablets."""

from datetime import datetime

from rules.forecast import Round, round_of
from rules.ids import HotelId
from rules.place import assignments
from store import facts
from store.database import Database


class Rounds:
    _database: Database

    async def round(self, hotel_id: HotelId, *, at: datetime) -> Round:
        """Who must be charged before the night that is on at that time, or comes next. Raises NotFound (hotel)."""
        known = await self._database.read(lambda transaction: facts.load_hotel(transaction, hotel_id))
        belongs = assignments(
            hotel_id,
            profile=known.hotel.profile,
            policy=known.hotel.policy,
            rooms=known.rooms,
            devices=[(row.device.id, row.device.room_id) for row in known.devices],
            of_devices={row.device.id: row.device.policy for row in known.devices},
        )
        tablets = [(belongs[row.device.id], row.state) for row in known.devices]
        return round_of(tablets, timezone=known.hotel.timezone, now=at)
