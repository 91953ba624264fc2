"""The outbox: one row per alert change and channel, from its making to delivered, dead or cancelled.

A worker claims a row for the length of a lease and records what became of it. Both are compare-and-swap: of two
workers one gets the row, and one whose lease ran out and was taken over records nothing. How a row is made is in
`store.telling`, whose turn it is in `store.claiming`, what becomes of it in `store.outcomes`.
"""

from datetime import datetime, timedelta

from rules.ids import HotelId
from store import claiming, outcomes
from store.database import Database
from store.records import Claimed, NotificationId, NotificationRef, NotificationState


class Outbox:
    _database: Database

    async def due_notifications(self, now: datetime, *, limit: int) -> list[NotificationRef]:
        """Those that may be claimed now: pending ones, and ones whose lease ran out.

        Longest due first, those of failing channels after all others. One that has to wait, for an earlier one of its
        alert and channel or for those under way to its channel, is not among them.
        """
        return await self._database.read(lambda transaction: claiming.due(transaction, now, limit=limit))

    async def claim_notification(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, lease: timedelta
    ) -> Claimed | None:
        """Take a due notification until now + lease; None if it may not be claimed (any more).

        That is: somebody has it, it is finished, its turn has not come, enough are under way to its channel, or it is
        the recovery of what was never told and was cancelled here. Counts an attempt. `worker` names the claim: give
        each claim a name of its own, and after OutcomeUnknown ask again by the same one. A claim of that name which
        holds is given as it is.
        """
        return await self._database.write(
            lambda transaction: claiming.claim(
                transaction, hotel_id, notification_id, worker=worker, now=now, lease_until=now + lease
            )
        )

    async def take_back_notifications(self, *, worker: str, now: datetime) -> int:
        """Make due at once what was claimed by names that begin with `worker`, who is known to be dead; how many.

        Only what was tried once: a notice that kills who sends it may do so again, but not again and again at once.
        """
        return await self._database.write(lambda transaction: outcomes.take_back(transaction, worker=worker, now=now))

    async def record_delivered(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime
    ) -> bool:
        """Finish it, with the event notification.sent. False: the claim was lost, nothing is recorded."""
        return await self._database.write(
            lambda transaction: outcomes.finish(
                transaction,
                hotel_id,
                notification_id,
                worker=worker,
                now=now,
                state=NotificationState.DELIVERED,
                error=None,
            )
        )

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
        """Give it back until `next_at`, or cancel it where it is not to be tried again. False: the claim was lost,
        nothing is recorded.
        """
        return await self._database.write(
            lambda transaction: outcomes.give_back(
                transaction, hotel_id, notification_id, worker=worker, now=now, error=error, next_at=next_at
            )
        )

    async def record_dead(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, error: str
    ) -> bool:
        """Give it up, with the event notification.dead. False: the claim was lost, nothing is recorded."""
        return await self._database.write(
            lambda transaction: outcomes.finish(
                transaction,
                hotel_id,
                notification_id,
                worker=worker,
                now=now,
                state=NotificationState.DEAD,
                error=error,
            )
        )
