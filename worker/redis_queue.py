"""The Dramatiq queue of several processes, on Redis. Losing all of it loses nothing: the outbox is the truth.

While Redis is away this process does without: what it would have put there, it delivers itself. So nobody waits for
Redis to come back, and what Redis forgot is put there again by the dispatcher.

Others can write into Redis too. What is no message of ours Dramatiq would log with all its bytes, and begin anew: it is
dropped before Dramatiq sees it.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from threading import Lock
from typing import Any, Final, Literal, TypeVar

import msgspec
from dramatiq import Message
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import AsyncIO
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError
from redis.retry import Retry

T = TypeVar("T")

NAMESPACE = "innwatch"

PATIENCE = 2.0
"""Seconds for any answer of Redis."""

ASK_EVERY = 0.5
"""Seconds between two questions whether Redis is back."""

SPARE_WAIT = 0.05
"""Seconds between two looks at what this process kept for itself meanwhile."""

MOST_SPARE = 1_000
"""Messages kept for itself; the oldest are forgotten first, and put there again by the dispatcher."""

HEARTBEAT_TIMEOUT_MS = 5_000
"""After that long without a word a process counts as dead, and what it had fetched is for others.

A living one speaks ten times a second. One that was only frozen does no harm: what is fetched twice is claimed once.
"""

MAINTENANCE_CHANCE = 100_000
"""Of a million commands so many look for the dead. Dramatiq's own, one in a thousand, can take minutes."""

_log = logging.getLogger(__name__)


class RedisQueue(RedisBroker):
    """What Dramatiq knows as a broker.

    `url` as for the doorbell; raises ValueError when it is none of Redis. `tell` is told when Redis goes away and
    when it is back, `dropped` how many messages were no messages of ours, on whichever thread found out.
    """

    def __init__(
        self,
        url: str,
        *,
        tell: Callable[[bool], None] = lambda _: None,
        dropped: Callable[[int], None] = lambda _: None,
    ) -> None:
        client = Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            # Once more for a connection that broke since its last use, never for an answer that does not come.
            retry=Retry(NoBackoff(), 1, supported_errors=(NotConnected,)),
        )
        super().__init__(  # type: ignore[no-untyped-call]
            client=client,
            middleware=[AsyncIO()],
            namespace=NAMESPACE,
            maintenance_chance=MAINTENANCE_CHANCE,
            heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
        )
        self.spare: deque[Message[Any]] = deque(maxlen=MOST_SPARE)
        self.losses = 0
        self._tell = tell
        self._dropped = dropped
        self._noting = Lock()
        self._is_away = False

    @property
    def is_away(self) -> bool:
        """Whether Redis failed at the last attempt to reach it. From any thread."""
        return self._is_away

    def problems(self) -> list[str]:
        """What keeps work from being shared, in words for the health page; empty when all is well."""
        return ["the queue in Redis cannot be reached"] if self._is_away else []

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        if queue_name in self.delay_queues:
            # Always empty here, and its thread free to ask whether Redis is back.
            return _Asking(self, partial(super().consume, queue_name, prefetch, timeout))
        # Dramatiq fetches two for each thread: the second would wait here while another process is idle.
        return _Working(self, partial(super().consume, queue_name, max(prefetch // 2, 1), timeout))

    def do_fetch(self, queue_name: str, most: int) -> list[bytes]:
        """What Dramatiq's consumers call for the messages that come next: those of them that can be read."""
        fetched: list[bytes | None] = self._dispatch("fetch")(queue_name, most)  # type: ignore[no-untyped-call]
        found = [data for data in fetched if data is not None]  # None: flushed a moment ago
        ours = [data for data in found if _is_ours(data)]
        if len(ours) < len(found):
            self._drop(queue_name, set(found) - set(ours))
        return ours

    def _drop(self, queue_name: str, messages: set[bytes]) -> None:
        """Take these, which were fetched, from Redis: they would come again when this process is gone."""
        ids = list(self.client.smembers(f"{NAMESPACE}:__acks__.{self.broker_id}.{queue_name}"))
        held = self.client.hmget(f"{NAMESPACE}:{queue_name}.msgs", ids) if ids else []
        for message_id, data in zip(ids, held, strict=True):
            if data in messages:
                self.do_ack(queue_name, message_id)
        _log.warning("what is no message of Innwatch was found in Redis and dropped", {"messages": len(messages)})
        self._dropped(len(messages))

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Put it into Redis or, where that is away, keep it for this process. Raises nothing for Redis' sake."""
        sent = None if self._is_away else self.attempt(partial(super().enqueue, message, delay=delay))
        if sent is None:
            self.spare.append(message)
        return message

    def close(self) -> None:
        self.client.close()

    def attempt(self, deed: Callable[[], T]) -> T | None:
        """Do something with Redis, and note whether it is there; None where it is not. From any thread."""
        try:
            done = deed()
        except (RedisError, BrokerConnectionError) as failure:
            self._note(failure)
            return None
        self._note(None)
        return done

    def _note(self, failure: Exception | None) -> None:
        with self._noting:  # or two threads would both be the first
            if failure is not None and not self._is_away:
                self.losses += 1
                _log.warning("working without Redis until it is back", {"error": failure})
            elif failure is None and self._is_away:
                _log.info("Redis is back")
            if self._is_away is (failure is None):
                self._is_away = failure is not None
                self._tell(self._is_away)


class _Forgiving(Consumer):
    """One of Dramatiq's for Redis, but no failure of Redis ends its thread, or keeps one that is done from new work."""

    def __init__(self, queue: RedisQueue, make: Callable[[], Consumer]) -> None:
        self._queue = queue
        self._make = make
        self._inner = make()
        self._losses = queue.losses

    def ack(self, message: MessageProxy) -> None:
        """Take it from Redis. One that stays there in vain is found by others once this process has ended."""
        if _is_in_redis(message) and not self._queue.is_away:
            self._queue.attempt(partial(self._inner.ack, message))

    nack = ack  # what an actor raised ends this process; there is nothing to keep the message for

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        ours = [message for message in messages if _is_in_redis(message)]
        if not self._queue.is_away:
            self._queue.attempt(partial(self._inner.requeue, ours))

    def close(self) -> None:
        self._inner.close()


class _Working(_Forgiving):
    """Fetches work: from Redis, or what this process kept for itself."""

    def __next__(self) -> MessageProxy | None:
        if self._queue.spare:
            return MessageProxy(self._queue.spare.popleft())
        if self._queue.is_away:
            time.sleep(SPARE_WAIT)
            return None
        if self._losses != self._queue.losses:
            # It counts what it fetched and nobody could take from Redis as under way, and would fetch no more.
            self._losses, self._inner = self._queue.losses, self._make()
        return self._queue.attempt(self._inner.__next__)


class _Asking(_Forgiving):
    """Speaks to Redis when nobody else does, to learn that it is back; and says by it that this process lives."""

    def __next__(self) -> MessageProxy | None:
        message = self._queue.attempt(self._inner.__next__)
        if self._queue.is_away:
            time.sleep(ASK_EVERY)
        return message


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    redis_message_id: str


class _Ours(msgspec.Struct, forbid_unknown_fields=True):
    """A message as Dramatiq writes one of ours; what `args` hold, the actor looks at."""

    queue_name: Literal["notifications"]
    actor_name: Literal["deliver"]
    args: list[Any]
    kwargs: dict[str, Any]
    options: _Options
    message_id: str
    message_timestamp: int


_messages: Final = msgspec.json.Decoder(_Ours)


def _is_ours(data: bytes) -> bool:
    try:
        return not _messages.decode(data).kwargs  # the actor takes none
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _is_in_redis(message: MessageProxy) -> bool:
    return "redis_message_id" in message.options
