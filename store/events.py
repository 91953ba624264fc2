"""A hotel's ordered history, for those who follow it."""

from rules.ids import HotelId
from store.records import Event, EventBounds


class Events:
    async def events_after(self, hotel_id: HotelId, after: int, *, limit: int) -> list[Event]:
        """Return up to `limit` events with ids after + 1, after + 2, …; empty if there are none (yet)."""
        raise NotImplementedError

    async def event_bounds(self, hotel_id: HotelId) -> EventBounds:
        """Raises NotFound (hotel)."""
        raise NotImplementedError
