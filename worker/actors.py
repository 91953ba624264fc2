"""The Dramatiq queue and its one actor. Neither is a global, and losing all of it loses nothing: see dispatch.

The middleware is named here in full and nothing of Dramatiq's default is taken over: its retries would compete with
those of the outbox, and its Prometheus endpoint breaks in an in-process worker and listens on all addresses.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AsyncIO, Middleware

from rules.ids import HotelId
from store.records import NotificationId, NotificationRef

QUEUE = "notifications"

logger = logging.getLogger(__name__)


def embedded_queue() -> dramatiq.Broker:
    """Make the queue that lives in this process."""
    return StubBroker(middleware=[AsyncIO()])


def declare_deliver(
    queue: dramatiq.Broker, deliver: Callable[[HotelId, NotificationId], Awaitable[None]]
) -> "dramatiq.Actor[[HotelId, NotificationId], Awaitable[None]]":
    """Declare the actor `deliver` on this queue. Its message carries ids only: the row says all the rest."""

    async def run(*words: object) -> None:
        ref = _ref(words)
        if ref is None:
            # Of another version, or of somebody who has our Redis: no reason to end, and to end again.
            logger.warning("a message in the queue names no notification and is dropped")
        else:
            await deliver(ref.hotel_id, ref.id)

    return dramatiq.Actor(run, broker=queue, actor_name="deliver", queue_name=QUEUE, priority=0, options={})


class Endings(Middleware):
    """Tells `ended` of every message that an actor is done with, and what it raised, on the actor's thread.

    Dramatiq itself would log what it raised and carry on.
    """

    def __init__(self, ended: Callable[[NotificationRef, BaseException | None], None]) -> None:
        self._ended = ended

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        ref = _ref(message.args)
        if ref is not None:
            self._ended(ref, exception)


def _ref(words: Sequence[object]) -> NotificationRef | None:
    """What a message is about. A list out of Redis, which others can write too."""
    match words:
        case (str(hotel_id), int(notification_id)) if 0 < notification_id < 2**63:
            return NotificationRef(HotelId(hotel_id), NotificationId(notification_id))
        case _:
            return None
