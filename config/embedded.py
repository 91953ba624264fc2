"""`innwatch up`: bridge, worker, API and console in one process, on one data folder; the broker too, or it is apart.

What starts when: the database, what is retained, then the listeners, so that nobody connects to a broker that
knows nothing. What stops when: event streams, HTTP, the broker's listeners, then the rest. Nothing that was
acknowledged waits for the stop: it is on disk already.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from litestar import Litestar
from prometheus_client import CollectorRegistry

from api.app import build_app
from broker.settings import Listener, Scheme
from config.brokerage import Brokerage, BrokerInside, BrokerOutside, renewals
from config.browsers import api_settings, websocket_for_browsers
from config.clock import Clock
from config.database import database_file
from config.errors import BadSetting, StartRefused
from config.first_run import DEMO, furnish
from config.folder import Folder
from config.greeting import console_url, greet
from config.isolation import Alarm, IsolationAudit, own_doors
from config.keys import LiveKeys
from config.lag import LoopLag
from config.own_broker import OwnBroker
from config.process import settle_memory
from config.replayer import Replayer
from config.senders import senders
from config.servers import store_limits
from config.serving import Place, serve, stop_on_signal
from config.settings import Settings
from config.settings_broker import LISTEN
from config.settings_uplink import BROKER
from config.simulate.demo import Demo, demo_tablets
from config.upkeep import Upkeep, UpkeepMetrics
from config.web import WebServer, bind
from device_bridge.bridge import Bridge
from device_bridge.queue import InputQueue
from store import LocalDoorbell, SchemaTooNew, Store, StoreUnavailable
from worker.actors import embedded_queue
from worker.metrics import WorkerMetrics
from worker.settings import WorkerSettings
from worker.worker import Worker

_log = logging.getLogger(__name__)


def run_embedded(settings: Settings, *, demo: int | None, for_tests: bool) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises StartRefused (nothing is left open then)."""
    database_file(settings, Folder(settings.data))
    if demo and not _has_plain_mqtt(settings):
        where = f"an mqtt:// address in {LISTEN}" if settings.broker_url is None else f"an mqtt:// address as {BROKER}"
        raise BadSetting(f"--demo needs {where}: its tablets are simulated without TLS")
    websocket_for_browsers(settings, settings.listeners)  # refused before anything listens
    lock = Folder.locked if settings.broker_url is not None else Folder.wholly_locked
    return serve(settings, lambda place: Embedded(place).run(demo=demo), lock=lock, for_tests=for_tests)


def _has_plain_mqtt(settings: Settings) -> bool:
    if settings.broker_url is not None:
        return not settings.broker_url.is_secure
    return any(listener.scheme is Scheme.MQTT for listener in settings.listeners)


class Embedded:
    """Everything in one process, for one run. Its health problems are those of its parts."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._settings = place.settings
        self._folder = place.folder
        self._clock = Clock(place.settings.clock_file)
        self._live_keys = LiveKeys(place.settings, place.folder, now=self._clock.now)
        self._keys = self._live_keys.ring
        self._registry = CollectorRegistry()
        self._doorbell = LocalDoorbell()
        self._watching: tuple[Bridge, Brokerage, IsolationAudit] | None = None

    def problems(self) -> list[str]:
        """What keeps this process from serving, for the health page."""
        if self._watching is None:
            return ["starting"]
        bridge, brokerage, isolation = self._watching
        parts = bridge.problems() + brokerage.problems() + isolation.problems()
        return parts + self._live_keys.problems()

    async def run(self, *, demo: int | None) -> int:
        """Start, serve until a signal, stop; the exit code.

        Raises StartRefused before anybody was served, an ExceptionGroup when a part fails later.
        """
        stop = stop_on_signal()
        queue = InputQueue(now=self._clock.now)
        with bind(self._settings.host, self._settings.http_port) as http:
            async with self._open_store() as store, self._brokerage(queue) as brokerage:
                await self._serve(store, queue, brokerage, http=http, demo=demo, stop=stop)
        return 0

    async def _serve(
        self,
        store: Store,
        queue: InputQueue,
        brokerage: Brokerage,
        *,
        http: socket.socket,
        demo: int | None,
        stop: asyncio.Event,
    ) -> None:
        now, url = self._clock.now, console_url(self._settings, http_port=http.getsockname()[1])
        is_first = not self._folder.first_login.exists()
        login = await furnish(store, self._folder, settings=self._settings, url=url, demo=demo is not None, now=now)
        bridge = Bridge(
            queue=queue,
            store=store,
            uplink=brokerage.uplink,
            doorbell=self._doorbell,
            renewals=renewals(self._settings, self._keys),
            now=now,
            clock_steps=self._clock.steps,
            ticks=self._clock.ticks,
            registry=self._registry,
            retention=self._settings.retention.messages,
        )
        await brokerage.prepare(store)
        lag, watched = LoopLag(self._registry), UpkeepMetrics(self._registry)
        upkeep = Upkeep(store, now=now, retention=self._settings.retention, metrics=watched)
        await bridge.start()
        async with brokerage.open() as reach, asyncio.TaskGroup() as parts:
            app = self._app(store, reach)
            web = WebServer(app, http)
            serving = parts.create_task(web.run())
            keys = self._live_keys.run(taken_out=brokerage.keys_changed)
            isolation = self._isolation(store, reach, http_port=http.getsockname()[1])
            replayer = Replayer.of(store, self._settings, now=now)
            ours = (
                keys,
                replayer.run(),
                upkeep.run(),
                bridge.run(),
                self._worker(store).run(),
                lag.run(),
                isolation.run(),
            )
            beside = [*brokerage.beside(), *ours]
            if demo:
                beside.append(self._simulate(store, reach, tablets=demo))
            others = [parts.create_task(part) for part in beside]
            await web.serving()
            self._watching = bridge, brokerage, isolation
            settle_memory()
            self._folder.write_address(url)
            greet(login, settings=self._settings, listeners=reach, demo=demo, is_first=is_first)
            await stop.wait()
            _log.info("stopping")
            app.state.streams.close()
            web.stop()
            await serving
            for part in others:
                part.cancel()

    @asynccontextmanager
    async def _open_store(self) -> AsyncIterator[Store]:
        database = database_file(self._settings, self._folder)
        try:
            store = await Store.open(database.url, doorbell=self._doorbell, limits=store_limits(self._settings))
        except SchemaTooNew as error:
            raise StartRefused(f"{database}: {error}") from error
        except StoreUnavailable as error:
            raise StartRefused(f"cannot open {database}: {error}") from error
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def _brokerage(self, queue: InputQueue) -> AsyncIterator[Brokerage]:
        url, now = self._settings.broker_url, self._clock.now
        if url is not None:
            yield BrokerOutside(url, self._settings, keys=self._keys, queue=queue, now=now, registry=self._registry)
            return
        async with OwnBroker.opened(
            self._place, keys=self._keys, clock=self._clock, registry=self._registry, intake=queue
        ) as own:
            yield BrokerInside(own, doorbell=self._doorbell, now=now)

    def _app(self, store: Store, reach: Sequence[Listener]) -> Litestar:
        return build_app(
            store=store,
            keys=self._keys,
            doorbell=self._doorbell,
            clock=self._clock.now,
            registry=self._registry,
            health=self,
            settings=api_settings(self._settings, reach),
        )

    def _worker(self, store: Store) -> Worker:
        return Worker(
            outbox=store,
            queue=embedded_queue(),
            channels=senders(self._settings, now=self._clock.now),
            clock=self._clock.now,
            doorbell=self._doorbell,
            metrics=WorkerMetrics(self._registry),
            settings=WorkerSettings(console_url=self._settings.public_url),
        )

    def _isolation(self, store: Store, reach: Sequence[Listener], *, http_port: int) -> IsolationAudit:
        settings, now = self._settings, self._clock.now
        return IsolationAudit(
            store=store,
            keys=self._keys,
            doors=own_doors(settings, reach, http_port=http_port),
            alarm=Alarm(settings, senders(settings, now=now)),
            every=settings.isolation_every,
            now=now,
            registry=self._registry,
        )

    async def _simulate(self, store: Store, reach: Sequence[Listener], *, tablets: int) -> None:
        plain = next(one for one in reach if one.scheme is Scheme.MQTT)
        identities = await demo_tablets(store, DEMO, keys=self._keys, count=tablets, now=self._clock.now())
        async with Demo(identities, host=plain.host, port=plain.port, clock_file=self._settings.clock_file).running():
            await asyncio.Event().wait()
