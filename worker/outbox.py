"""What the worker needs of the store: the outbox, in six verbs. It is the truth; every queue may lose everything."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from rules.ids import HotelId
from store.records import Claimed, NotificationId, NotificationRef


class Outbox(Protocol):
    """Every verb is one transaction and may raise StoreUnavailable, after which nothing has changed; or as one of it
    OutcomeUnknown, after which nobody knows.
    """

    async def due_notifications(self, now: datetime, *, limit: int) -> Sequence[NotificationRef]:
        """Return what may be claimed now: pending and due, or claimed by somebody whose lease has ended.

        Of one alert and channel the earliest unfinished one only, so that people are told in order; and of each
        channel no more than may be under way to it at once, so that none can keep the others waiting.
        """
        ...

    async def claim_notification(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, lease: timedelta
    ) -> Claimed | None:
        """Take a due one for `lease`; None when it may not be claimed (any more), which is nobody's fault.

        The recovery of what was never told is cancelled instead. Counts an attempt. `worker` names this one claim: who
        asks again by it, after OutcomeUnknown, gets the claim that was made already.
        """
        ...

    async def take_back_notifications(self, *, worker: str, now: datetime) -> int:
        """Make due at once what was claimed, and tried once, by names that begin with `worker`; how many.

        Whoever had these names must be dead: it would send what somebody else sends then.
        """
        ...

    async def record_delivered(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime
    ) -> bool:
        """Finish it. This verb and the next two answer False, and change nothing, when the claim was lost."""
        ...

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
        """Give it back until `next_at`."""
        ...

    async def record_dead(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, error: str
    ) -> bool:
        """Give it up."""
        ...
