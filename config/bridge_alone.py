"""`innwatch bridge`: the bridge in a process of its own. One of them watches; others stand by, and take over.

Which one is decided by a lease in the database. The bridge that has it loads what is stored, connects to the broker by
the one client id that all bridges share, and watches; each of its transactions makes sure that nobody has taken the
lease meanwhile. One that finds out that somebody has ends with exit code 75, so that whoever supervises it starts it
again, to stand by.
"""

import asyncio
import logging

from prometheus_client import CollectorRegistry, Gauge

from config.brokerage import BrokerOutside, renewals
from config.clock import Clock
from config.errors import BadSetting
from config.greeting import greet_process
from config.isolation import Alarm, IsolationAudit, far_doors
from config.keys import LiveKeys
from config.lag import LoopLag
from config.process import settle_memory
from config.senders import senders
from config.servers import shared_database, shared_redis, shared_store
from config.serving import Place, serve
from config.settings import Settings
from config.settings_uplink import BROKER
from config.tenure import Tenure
from config.upkeep import Upkeep, UpkeepMetrics
from config.waiting import NotYet, Waiting
from config.watched import page_address, watched
from config.web import bind
from device_bridge.bridge import Bridge
from device_bridge.queue import InputQueue
from store import LeaseLost, Store, StoreUnavailable
from store.redis_doorbell import RedisDoorbell

LEASE = "bridge"

REPLACED = 75
"""EX_TEMPFAIL of sysexits.h: start me again."""

_log = logging.getLogger(__name__)


def activity(registry: CollectorRegistry) -> Gauge:
    return Gauge("innwatch_bridge_active", "1 while this bridge is the one that watches", registry=registry)


def run_bridge(settings: Settings, *, for_tests: bool) -> int:
    """Run until SIGTERM or SIGINT, or until another bridge has taken over; the exit code. Raises StartRefused."""
    shared_database(settings)
    shared_redis(settings)
    if settings.broker_url is None:
        raise BadSetting(f"{BROKER} is missing; set it to the broker's address, or give --broker mqtt://HOST:PORT")
    return serve(settings, lambda place: BridgeAlone(place).run(), lock=None, for_tests=for_tests)


class BridgeAlone:
    """The bridge, and what it waits for, for one run."""

    def __init__(self, place: Place) -> None:
        self._settings = place.settings
        self._clock = Clock(place.settings.clock_file)
        self._live_keys = LiveKeys(place.settings, place.folder, now=self._clock.now)
        self._keys = self._live_keys.ring
        self._registry = CollectorRegistry()
        self._doorbell = RedisDoorbell(shared_redis(place.settings).url)
        self._waiting = Waiting()
        self._bridge: Bridge | None = None
        self._isolation: IsolationAudit | None = None
        self._active = activity(self._registry)
        self._upkeep = UpkeepMetrics(self._registry)

    def problems(self) -> list[str]:
        """What is missing, for the health page. Whoever stands by and could take over misses nothing."""
        watching = [part for part in (self._bridge, self._isolation) if part is not None]
        lacks = self._waiting.problems() or [problem for part in watching for problem in part.problems()]
        return lacks + self._live_keys.problems()

    async def run(self) -> int:
        """The exit code. Raises StartRefused."""
        code = 0
        with bind(self._settings.host, self._settings.bridge_health_port, option="--health-port") as page:
            greet_process("bridge", health=page_address(page))
            try:
                await watched(
                    self._work(),
                    page=page,
                    health=self,
                    registry=self._registry,
                    metrics_token=self._settings.metrics_token,
                )
            except* LeaseLost:
                _log.error("another bridge has taken over: nothing more is written, and this one ends")
                code = REPLACED
        return code

    async def _work(self) -> None:
        beside = (self._doorbell.run(), LoopLag(self._registry).run(), self._live_keys.run())
        async with shared_store(self._settings, doorbell=self._doorbell, waiting=self._waiting, beside=beside) as store:
            tenure = Tenure(store, LEASE)
            store.fence(await tenure.take(self._waiting))
            try:
                await self._watch(store, tenure)
            finally:
                self._active.set(0)
                await tenure.give_up()

    async def _watch(self, store: Store, tenure: Tenure) -> None:
        """Load what is stored, connect, and watch until cancelled."""
        queue = InputQueue(now=self._clock.now)
        brokerage = self._brokerage(queue, tenure)
        bridge = self._made(store, queue, brokerage)
        upkeep = Upkeep(store, now=self._clock.now, retention=self._settings.retention, metrics=self._upkeep)

        async def start() -> None:
            try:
                await bridge.start()
            except StoreUnavailable as error:
                raise NotYet("the database does not answer", detail=str(error)) from error

        async with asyncio.TaskGroup() as parts:
            parts.create_task(tenure.keep())
            await self._waiting.until(start)
            self._waiting.over()
            self._bridge, self._isolation = bridge, self._audit(store)
            self._active.set(1)
            settle_memory()
            for part in (
                *brokerage.beside(),
                upkeep.run(),
                bridge.run(),
                self._isolation.run(),
            ):
                parts.create_task(part)

    def _made(self, store: Store, queue: InputQueue, brokerage: BrokerOutside) -> Bridge:
        return Bridge(
            queue=queue,
            store=store,
            uplink=brokerage.uplink,
            doorbell=self._doorbell,
            renewals=renewals(self._settings, self._keys),
            now=self._clock.now,
            clock_steps=self._clock.steps,
            ticks=self._clock.ticks,
            registry=self._registry,
            retention=self._settings.retention.messages,
        )

    def _audit(self, store: Store) -> IsolationAudit:
        settings, now = self._settings, self._clock.now
        return IsolationAudit(
            store=store,
            keys=self._keys,
            doors=far_doors(settings),
            alarm=Alarm(settings, senders(settings, now=now)),
            every=settings.isolation_every,
            now=now,
            registry=self._registry,
        )

    def _brokerage(self, queue: InputQueue, tenure: Tenure) -> BrokerOutside:
        url = self._settings.broker_url
        assert url is not None  # noqa: S101 - run_bridge has made sure
        return BrokerOutside(
            url,
            self._settings,
            keys=self._keys,
            queue=queue,
            now=self._clock.now,
            registry=self._registry,
            may_connect=tenure.is_sure,
        )
