"""`innwatch worker`: the worker in processes of its own, any number of them on any number of machines.

Redis shares the work between them and is not waited for: while it is away, the one that dispatches does all of it.
"""

import asyncio
import logging
import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from config.clock import Clock
from config.crew import Crew, as_member
from config.errors import BadSetting
from config.greeting import greet_process
from config.lag import LoopLag
from config.process import settle_memory
from config.pulse import Pulse
from config.replayer import Replayer
from config.senders import senders
from config.servers import shared_database, shared_redis, shared_store
from config.serving import Place, serve
from config.settings import Settings
from config.tenure import Tenure
from config.waiting import Waiting
from config.watched import page_address, watched
from config.web import bind
from store import LeaseLost, Store
from store.claiming import AT_ONCE_TO_ALL_FAILING
from store.redis_doorbell import RedisDoorbell
from worker.metrics import WorkerMetrics
from worker.redis_queue import RedisQueue
from worker.settings import WorkerSettings
from worker.worker import Worker

TURN: Final = timedelta(seconds=4)
"""How long one process dispatches before another one may; short, since two at once would only cost work."""

_log = logging.getLogger(__name__)


def run_worker(settings: Settings, *, threads: int, for_tests: bool) -> int:
    """Run one process until SIGTERM or SIGINT; the exit code. Raises StartRefused."""
    _check(settings, threads)
    return serve(settings, lambda place: _alone(place, threads=threads), lock=None, for_tests=for_tests)


def run_workers(settings: Settings, command: Sequence[str], *, processes: int, threads: int, for_tests: bool) -> int:
    """Run that many processes until SIGTERM or SIGINT, each by `command` and then its name; the exit code.

    Raises StartRefused.
    """
    _check(settings, processes * threads)
    return serve(settings, lambda place: _crew(place, command, size=processes), lock=None, for_tests=for_tests)


def run_member(settings: Settings, *, name: str, threads: int, for_tests: bool) -> int:
    """Be one of the processes that `run_workers` starts; the exit code. Raises StartRefused."""
    number = int(name.rpartition(":")[2])
    return serve(
        settings,
        lambda place: _member(place, name=name, threads=threads),
        lock=None,
        for_tests=for_tests,
        number=number,
    )


def _check(settings: Settings, threads: int) -> None:
    shared_database(settings)
    shared_redis(settings)
    if threads < 2 * AT_ONCE_TO_ALL_FAILING:
        raise BadSetting(
            f"--processes times --threads must be {2 * AT_ONCE_TO_ALL_FAILING} or more:"
            f" {AT_ONCE_TO_ALL_FAILING} of these may be kept waiting by servers that do not answer"
        )


async def _alone(place: Place, *, threads: int) -> int:
    settings, registry = place.settings, CollectorRegistry()
    with bind(settings.host, settings.worker_health_port, option="--health-port") as page:
        working = Working(place, registry, name=_name(page), threads=threads)
        greet_process("worker", health=page_address(page))
        await watched(working.run(), page=page, health=working, registry=registry, metrics_token=settings.metrics_token)
    return 0


async def _crew(place: Place, command: Sequence[str], *, size: int) -> int:
    settings = place.settings
    with bind(settings.host, settings.worker_health_port, option="--health-port") as page:
        greet_process("worker", health=page_address(page))
        with Crew.made(lambda number: [*command, f"{_name(page)}:{number}"], size=size) as crew:
            await watched(
                crew.run(), page=page, health=crew, registry=crew.registry, metrics_token=settings.metrics_token
            )
    return 0


async def _member(place: Place, *, name: str, threads: int) -> int:
    working = Working(place, CollectorRegistry(), name=name, threads=threads)
    await as_member(working.run(), health=working)
    return 0


def _name(page: socket.socket) -> str:
    """What no other worker is called while this one lives, and the one that replaces it is called again."""
    return f"{socket.gethostname()}:{page.getsockname()[1]}"


class Working:
    """One process's work, and what it waits for."""

    def __init__(self, place: Place, registry: CollectorRegistry, *, name: str, threads: int) -> None:
        url = shared_redis(place.settings).url
        self._settings = place.settings
        self._clock = Clock(place.settings.clock_file)
        self._registry = registry
        self._name = name
        self._threads = threads
        self._doorbell = RedisDoorbell(url)
        self._metrics = WorkerMetrics(registry)
        self._queue = RedisQueue(url, tell=self._metrics.without_redis.set, dropped=self._metrics.dropped.inc)
        self._waiting = Waiting()
        self._pulse: Pulse | None = None

    def problems(self) -> list[str]:
        """What is missing or away, in words for the health page."""
        database = self._pulse.problems() if self._pulse is not None else self._waiting.problems()
        return database + self._doorbell.problems() + self._queue.problems()

    async def run(self) -> None:
        """Work until cancelled, as soon as there is a database. Raises StartRefused."""
        beside = (self._doorbell.run(), LoopLag(self._registry).run())
        async with shared_store(self._settings, doorbell=self._doorbell, waiting=self._waiting, beside=beside) as store:
            await self._work(store)

    async def _work(self, store: Store) -> None:
        self._pulse = Pulse(store)
        self._waiting.over()
        tenure = Tenure(store, "dispatch", ttl=TURN, renew=TURN / 4)
        worker = self._worker(store, tenure)
        settle_memory()
        async with asyncio.TaskGroup() as parts:
            replayer = Replayer.of(store, self._settings, now=self._clock.now)
            for part in (worker.run(), replayer.run(), self._pulse.run(), _take_turns(tenure)):
                parts.create_task(part)

    def _worker(self, store: Store, tenure: Tenure) -> Worker:
        return Worker(
            outbox=store,
            queue=self._queue,
            channels=senders(self._settings, now=self._clock.now),
            clock=self._clock.now,
            doorbell=self._doorbell,
            metrics=self._metrics,
            settings=WorkerSettings(
                name=self._name,
                console_url=self._settings.public_url,
                threads=self._threads,
            ),
            may_dispatch=tenure.is_sure,
        )


async def _take_turns(tenure: Tenure) -> None:
    """Dispatch when nobody else does, until cancelled; then let another one do so at once."""
    try:
        while True:
            await tenure.take(Waiting())
            try:
                await tenure.keep()
            except LeaseLost:
                _log.warning("another process dispatches now")
    finally:
        await tenure.give_up()
