"""What was heard: a device's samples down-sampled, the stored messages, what was refused, and orphans."""

from collections.abc import AsyncIterator
from datetime import datetime

from rules.ids import DeviceId, HotelId
from store.records import HistoryPoint, MessageRow, OrphanRow, Page, QuarantineRow


class History:
    async def history(
        self, hotel_id: HotelId, device_id: DeviceId, *, start: datetime, end: datetime, points: int
    ) -> list[HistoryPoint]:
        """Heartbeats received in [start, end) in at most `points` equal slices, oldest first; empty slices are left
        out. Raises ValueError unless start < end and points ≥ 1.
        """
        raise NotImplementedError

    def messages(self, hotel_id: HotelId, device_id: DeviceId | None = None) -> AsyncIterator[MessageRow]:
        """Stored inputs in the order they were stored, of one device or of the whole hotel. Reads in pages, holds
        no transaction between them; what is stored meanwhile is included.
        """
        raise NotImplementedError

    async def count_messages(self, hotel_id: HotelId, device_id: DeviceId | None = None) -> int:
        raise NotImplementedError

    async def quarantine(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 50) -> Page[QuarantineRow]:
        """Newest first. Raises BadCursor."""
        raise NotImplementedError

    async def orphans(self, hotel_id: HotelId) -> list[OrphanRow]:
        """Last heard first, at most 1,000."""
        raise NotImplementedError
