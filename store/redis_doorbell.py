"""The doorbell between processes, on Redis: whoever rings in one is heard in all, some milliseconds later.

Rings within a process go the short way and need no Redis. A ring that Redis loses is lost: readers look by themselves.
So nothing here waits for Redis but this module's own task, and nothing is kept but whether there was a ring.
"""

import asyncio
import logging
import random
import secrets
from contextlib import AbstractContextManager
from functools import partial

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import TimeoutError as TimedOut

from store.doorbell import Bell, LocalDoorbell

CHANNEL = "innwatch:doorbell"

BREATH = 0.01
"""Seconds between two rings sent at least, the first at once: the bridge rings for each of its commits."""

PATIENCE = 2.0
"""Seconds for any answer of Redis, and between two questions whether it is still there."""

LONGEST_WAIT = 2.0
"""Seconds between two attempts to reach it at most; the first comes after a tenth."""

# Protocol 2: a subscription is a plain connection there. One attempt: `run` repeats them, and says so.
_SETTINGS = {
    "protocol": 2,
    "retry": Retry(NoBackoff(), 0),
    "socket_timeout": PATIENCE,
    "socket_connect_timeout": PATIENCE,
}

_log = logging.getLogger(__name__)


class RedisDoorbell:
    """Rings and hears while `run` runs; before and after, and while Redis is away, within this process only.

    `url` is redis://[[user]:password@]host[:port][/number], rediss:// for TLS; its query may say more, as
    ?ssl_ca_certs=/file. Raises ValueError when it is something else.
    """

    def __init__(self, url: str) -> None:
        self._pool = partial(ConnectionPool.from_url, url, **_SETTINGS)
        self._pool()  # opens nothing, but reads the address
        self._here = LocalDoorbell()
        self._outgoing = LocalDoorbell()
        self._name = secrets.token_hex(8).encode()
        self._trouble: str | None = "is not connected yet"
        self._attempts = 0

    def ring(self) -> None:
        """Wake every listener here, and soon those elsewhere. From any thread; never blocks, never raises."""
        self._here.ring()
        self._outgoing.ring()

    def listen(self) -> AbstractContextManager[Bell]:
        """Hear every ring, from here and elsewhere, until the context ends. Call it on the loop that will wait."""
        return self._here.listen()

    def problems(self) -> list[str]:
        """What keeps rings from other processes, in words for the health page; empty when all is well."""
        return [] if self._trouble is None else [f"Redis {self._trouble}"]

    async def run(self) -> None:
        """Connect, and connect again, until cancelled. One at a time."""
        try:
            while True:
                try:
                    await self._connected()
                except* (RedisError, OSError) as failures:
                    self._lost(failures)
                await asyncio.sleep(min(0.1 * 2**self._attempts, LONGEST_WAIT) * random.uniform(0.5, 1))  # noqa: S311
                self._attempts = min(self._attempts + 1, 10)
        finally:
            self._trouble = "is not connected any more"

    async def _connected(self) -> None:
        """Ring and hear by one set of connections, until they fail: an ExceptionGroup of RedisError and OSError."""
        async with Redis.from_pool(self._pool()) as redis, asyncio.TaskGroup() as parts:
            parts.create_task(self._hear(redis))
            parts.create_task(self._tell(redis))

    async def _hear(self, redis: Redis) -> None:
        async with redis.pubsub() as channel:
            await channel.subscribe(CHANNEL)
            is_asked = False
            while True:
                heard = await channel.get_message(timeout=PATIENCE)
                _go_if_told_to()
                if heard is None and is_asked:
                    raise TimeoutError(f"no answer within {PATIENCE:g} s")
                is_asked = heard is None
                if heard is None:
                    # A connection that broke unnoticed is as silent as a quiet night.
                    await channel.ping()
                elif heard["type"] == "subscribe":
                    self._reached()
                elif heard["type"] == "message" and heard["data"] != self._name:
                    self._here.ring()

    async def _tell(self, redis: Redis) -> None:
        with self._outgoing.listen() as bell:
            # What was rung while there was no connection may have been for somebody.
            while True:
                await redis.publish(CHANNEL, self._name)
                _go_if_told_to()
                await asyncio.sleep(BREATH)
                await bell.wait(PATIENCE * 1000)

    def _reached(self) -> None:
        if self._trouble is not None:
            _log.info("the doorbell hears other processes by Redis")
        self._trouble, self._attempts = None, 0
        self._here.ring()  # for those that were missed

    def _lost(self, failures: BaseExceptionGroup[RedisError | OSError]) -> None:
        failure = _first(failures)
        trouble = _in_words(failure)
        if trouble != self._trouble:
            _log.warning("the doorbell is not heard elsewhere, where they look by themselves", {"error": failure})
        self._trouble = trouble


def _go_if_told_to() -> None:
    """Be cancelled, if we were: Python's `wait_for`, by which the driver waits, loses that when the answer comes at the
    same moment (3.11), and nobody says it twice.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _first(group: BaseExceptionGroup[RedisError | OSError]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _in_words(failure: BaseException) -> str:
    """Say it without an address, for a page that anybody may read; the log has the whole."""
    match failure:
        case AuthenticationError():
            return "refuses the password"
        case TimedOut() | TimeoutError():
            return "does not answer"
        case _:
            return "cannot be reached"
