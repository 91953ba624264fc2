"""Alerts for those who look at them and answer them: the response side of the row, and reading."""

from datetime import datetime

from rules.alerts import AlertSnapshot, AlertStatus
from rules.ids import AlertId, HotelId
from store.records import Page, TimelineEntry


class Alerts:
    async def alerts(
        self, hotel_id: HotelId, *, status: AlertStatus | None = None, cursor: str | None = None, limit: int = 50
    ) -> Page[AlertSnapshot]:
        """Newest first. Raises BadCursor."""
        raise NotImplementedError

    async def open_alerts(self, hotel_id: HotelId) -> list[AlertSnapshot]:
        """Every open one, oldest first: what the bridge republishes at its start."""
        raise NotImplementedError

    async def alert(self, hotel_id: HotelId, alert_id: AlertId) -> AlertSnapshot | None:
        raise NotImplementedError

    async def timeline(self, hotel_id: HotelId, alert_id: AlertId) -> list[TimelineEntry]:
        """The alert's life in order; empty if the hotel has no such alert."""
        raise NotImplementedError

    async def acknowledge(
        self, hotel_id: HotelId, alert_id: AlertId, *, by: str, note: str | None, now: datetime
    ) -> AlertSnapshot:
        """First wins: compare-and-swap, with the event alert.acknowledged in the same transaction.

        Raises AlreadyAcknowledged, AlertGone (resolved), NotFound (alert), DataRefused, StoreUnavailable.
        """
        raise NotImplementedError
