"""The outbox: one row per alert change and channel, from its making to delivered, dead or cancelled.

A worker claims a row for the length of a lease and records what became of it. Both are compare-and-swap: of two
workers one gets the row, and one whose lease ran out and was taken over records nothing.
"""

from datetime import datetime, timedelta

from rules.ids import HotelId
from store.records import Claimed, Notification, NotificationId, NotificationRef, NotificationState, Page


class Outbox:
    async def due_notifications(self, now: datetime, *, limit: int) -> list[NotificationRef]:
        """Those that may be claimed now, longest due first: pending ones, and ones whose lease ran out."""
        raise NotImplementedError

    async def claim_notification(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, lease: timedelta
    ) -> Claimed | None:
        """Take a due notification until now + lease; None if it is not due (somebody has it, or it is finished).

        Counts an attempt. `worker` names the claim: give each claim a name of its own.
        """
        raise NotImplementedError

    async def record_delivered(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime
    ) -> bool:
        """Finish it, with the event notification.sent. False: the claim was lost, nothing is recorded."""
        raise NotImplementedError

    async def record_retry(
        self,
        hotel_id: HotelId,
        notification_id: NotificationId,
        *,
        worker: str,
        now: datetime,
        error: str,
        next_at: datetime,
    ) -> bool:
        """Give it back until `next_at`. False: the claim was lost, nothing is recorded."""
        raise NotImplementedError

    async def record_dead(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, error: str
    ) -> bool:
        """Give it up, with the event notification.dead. False: the claim was lost, nothing is recorded."""
        raise NotImplementedError

    async def notifications(
        self,
        hotel_id: HotelId,
        *,
        state: NotificationState | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Notification]:
        """The ledger, newest first. Raises BadCursor."""
        raise NotImplementedError

    async def count_notifications(self, hotel_id: HotelId) -> dict[NotificationState, int]:
        """How many stand in each state (those with none are absent)."""
        raise NotImplementedError
