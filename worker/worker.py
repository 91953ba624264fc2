"""The worker whole: looks at the outbox, queues what is due, delivers it on Dramatiq's threads, and stops quickly."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import dramatiq

from store.doorbell import Doorbell
from store.errors import StoreUnavailable
from store.records import ChannelKind, NotificationRef
from worker.actors import QUEUE, Endings, declare_deliver
from worker.channels import Sender
from worker.deliveries import Deliveries
from worker.dispatch import Dispatch
from worker.hop import OnLoop
from worker.metrics import WorkerMetrics
from worker.outbox import Outbox
from worker.settings import WorkerSettings

logger = logging.getLogger(__name__)

IDLE_WAKE_MS = 100
"""How often an idle thread of Dramatiq wakes to see whether it should end; the length of a stop hangs on it."""

GRACE = 0.3
"""Seconds that deliveries have at a stop to give their claims back, before their waits on the store end too."""

STOP_MS = 600


class Worker:
    """Tells people. One per process, run once (Dramatiq keeps one event loop per process for its actors).

    `outbox` is used on the event loop that runs `run`, whichever thread asks; the store itself will do. `queue` comes
    from `embedded_queue` or is a `RedisQueue`, and is closed at the end. What a channel's kind has no sender for is
    dead at once. Of several processes with one queue, one is enough that `may_dispatch`.
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        queue: dramatiq.Broker,
        channels: Mapping[ChannelKind, Sender],
        clock: Callable[[], datetime],
        doorbell: Doorbell,
        metrics: WorkerMetrics,
        settings: WorkerSettings | None = None,
        may_dispatch: Callable[[], bool] = lambda: True,
    ) -> None:
        self._outbox = outbox
        self._queue = queue
        self._channels = channels
        self._clock = clock
        self._doorbell = doorbell
        self._metrics = metrics
        self._settings = settings or WorkerSettings()
        self._may_dispatch = may_dispatch

    async def run(self) -> None:
        """Work until cancelled, then stop in under a second, whatever hangs.

        A fault outside the senders (of the outbox, of this package) ends this too, as part of an ExceptionGroup.
        """
        loop = asyncio.get_running_loop()
        fault: asyncio.Future[None] = loop.create_future()
        deliveries = self._deliveries(loop)
        dispatch = self._dispatch(deliveries)

        def ended(ref: NotificationRef, exception: BaseException | None) -> None:
            loop.call_soon_threadsafe(dispatch.forget, ref)
            if exception is not None:
                loop.call_soon_threadsafe(_fail, fault, exception)

        self._queue.add_middleware(Endings(ended))
        threads = dramatiq.Worker(
            self._queue, queues={QUEUE}, worker_timeout=IDLE_WAKE_MS, worker_threads=self._settings.threads
        )
        await self._take_back()
        threads.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(dispatch.run())
                tasks.create_task(_raise(fault))
        finally:
            await self._stop(threads, deliveries)

    async def _take_back(self) -> None:
        """Free what was under way when this worker was killed: nobody else would send it for as long as a lease."""
        if self._settings.name is None:
            return
        try:
            left = await self._outbox.take_back_notifications(worker=f"{self._settings.name}-", now=self._clock())
        except StoreUnavailable as failure:
            logger.warning("cannot take back what an earlier worker left", {"error": failure})
        else:
            if left:
                logger.warning("taken back what an earlier worker left", {"notifications": left})

    def _deliveries(self, loop: asyncio.AbstractEventLoop) -> Deliveries:
        return Deliveries(
            outbox=OnLoop(self._outbox, loop),
            senders=self._channels,
            clock=self._clock,
            metrics=self._metrics,
            settings=self._settings,
        )

    def _dispatch(self, deliveries: Deliveries) -> Dispatch:
        deliver = declare_deliver(self._queue, deliveries.deliver)

        def put(refs: Sequence[NotificationRef]) -> None:
            for ref in refs:
                deliver.send(ref.hotel_id, ref.id)

        return Dispatch(
            outbox=self._outbox,
            put=put,
            is_idle=lambda: deliveries.under_way < self._settings.threads,
            is_our_turn=self._may_dispatch,
            clock=self._clock,
            doorbell=self._doorbell,
            metrics=self._metrics,
            settings=self._settings,
        )

    async def _stop(self, threads: dramatiq.Worker, deliveries: Deliveries) -> None:
        """End the threads while this loop runs on, because the deliveries that they wait for need the store here."""
        deliveries.interrupt()
        grace = asyncio.get_running_loop().call_later(GRACE, deliveries.abandon)
        try:
            await asyncio.to_thread(threads.stop, STOP_MS)
        finally:
            grace.cancel()
            self._queue.close()


async def _raise(fault: asyncio.Future[None]) -> None:
    await fault


def _fail(fault: asyncio.Future[None], exception: BaseException) -> None:
    if not fault.done():
        fault.set_exception(exception)
