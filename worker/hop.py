"""From Dramatiq's event loop to the store's: one owner writes, whichever loop asks."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from rules.ids import HotelId
from store.records import Claimed, NotificationId, NotificationRef
from worker.outbox import Outbox

T = TypeVar("T")


class OnLoop:
    """An Outbox whose verbs run on `loop` and are awaited wherever they are called, that loop included.

    A caller that is cancelled cancels the verb. When the loop ends, its verbs never return: whoever ends it must have
    cancelled their callers first.
    """

    def __init__(self, outbox: Outbox, loop: asyncio.AbstractEventLoop) -> None:
        self._outbox = outbox
        self._loop = loop

    async def due_notifications(self, now: datetime, *, limit: int) -> Sequence[NotificationRef]:
        return await self._there(self._outbox.due_notifications(now, limit=limit))

    async def claim_notification(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, lease: timedelta
    ) -> Claimed | None:
        return await self._there(
            self._outbox.claim_notification(hotel_id, notification_id, worker=worker, now=now, lease=lease)
        )

    async def take_back_notifications(self, *, worker: str, now: datetime) -> int:
        return await self._there(self._outbox.take_back_notifications(worker=worker, now=now))

    async def record_delivered(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime
    ) -> bool:
        return await self._there(self._outbox.record_delivered(hotel_id, notification_id, worker=worker, now=now))

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
        return await self._there(
            self._outbox.record_retry(hotel_id, notification_id, worker=worker, now=now, error=error, next_at=next_at)
        )

    async def record_dead(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, error: str
    ) -> bool:
        return await self._there(
            self._outbox.record_dead(hotel_id, notification_id, worker=worker, now=now, error=error)
        )

    async def _there(self, verb: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(verb, self._loop))
