"""From the outbox to the queue: what is due is put there, and put there again when the queue has lost it.

Each look asks the store afresh, so that there is nothing here that could be forgotten. What is remembered is only what
need not be put there twice: at most one look's worth of notifications.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import dramatiq
from msgspec import Struct

from store.doorbell import Doorbell
from store.errors import StoreUnavailable
from store.records import NotificationRef
from worker.metrics import WorkerMetrics
from worker.outbox import Outbox
from worker.settings import WorkerSettings

logger = logging.getLogger(__name__)

BREATH = 0.05
"""Seconds between two looks, however often the doorbell rings: it rings for every commit of the bridge."""


class _Queued(Struct):
    """When a notification was first seen due, and when it was last put into the queue. Seconds of the loop's clock."""

    seen: float
    put: float


class Dispatch:
    """Looks at the outbox at each ring of the doorbell, and by itself."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        put: Callable[[Sequence[NotificationRef]], None],
        is_idle: Callable[[], bool],
        is_our_turn: Callable[[], bool],
        clock: Callable[[], datetime],
        doorbell: Doorbell,
        metrics: WorkerMetrics,
        settings: WorkerSettings,
    ) -> None:
        """`put` may block; `is_idle` says whether anybody waits for work, `is_our_turn` whether we dispatch at all.

        Two that dispatch at once are no harm, only work: what is queued twice is claimed once.
        """
        self._outbox = outbox
        self._put = put
        self._is_idle = is_idle
        self._is_our_turn = is_our_turn
        self._clock = clock
        self._doorbell = doorbell
        self._metrics = metrics
        self._settings = settings
        self._queued: dict[NotificationRef, _Queued] = {}
        self._well = True
        self._full = False

    def forget(self, ref: NotificationRef) -> None:
        """Learn that one has left the queue. On the loop that looks."""
        self._queued.pop(ref, None)

    async def run(self) -> None:
        """Look until cancelled."""
        every = self._settings.look_every.total_seconds()
        with self._doorbell.listen() as bell:
            while True:
                await self.look_or_wait()
                await asyncio.sleep(BREATH)
                await bell.wait(BREATH if self._full else every)

    async def look_or_wait(self) -> None:
        """Look; a store or a queue that is away is looked for again next time, and said once."""
        try:
            await self.look()
        except (StoreUnavailable, dramatiq.BrokerError) as failure:
            if self._well:
                logger.warning("cannot dispatch notifications for now", {"error": failure})
            self._well = False
        else:
            self._well = True

    async def look(self) -> None:
        """Put what is due and not yet queued into the queue. Raises StoreUnavailable, dramatiq.BrokerError."""
        limit = self._settings.look_limit
        due = await self._outbox.due_notifications(self._clock(), limit=limit) if self._is_our_turn() else []
        now = asyncio.get_running_loop().time()
        # One that is not due any more was claimed or finished, by whomever; should it come back, it is news again.
        self._queued = {ref: self._queued[ref] for ref in due if ref in self._queued}
        self._full = len(due) == limit
        self._measure(due, now)
        news = [ref for ref in due if self._is_news(ref, now)]
        if news:
            await self._put_all(news, now)

    def _is_news(self, ref: NotificationRef, now: float) -> bool:
        """Whether it must be put into the queue: never was, or was and has been lost there.

        While everybody is busy it just waits its turn, and putting it there again would only make the queue longer.
        """
        queued = self._queued.get(ref)
        if queued is None:
            return True
        return now - queued.put >= self._settings.patience.total_seconds() and self._is_idle()

    async def _put_all(self, refs: Sequence[NotificationRef], now: float) -> None:
        for ref in refs:
            before = self._queued.get(ref)
            # First, because it may have left the queue again before the thread is back.
            self._queued[ref] = _Queued(seen=before.seen if before else now, put=now)
        try:
            # In a thread, since a queue on another machine blocks.
            await asyncio.to_thread(self._put, refs)
        except dramatiq.BrokerError:
            for ref in refs:
                self.forget(ref)
            raise

    def _measure(self, due: Sequence[NotificationRef], now: float) -> None:
        self._metrics.due.set(len(due))
        oldest = min((queued.seen for queued in self._queued.values()), default=now)
        self._metrics.oldest_due.set(now - oldest)
