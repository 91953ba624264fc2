"""`innwatch up`: broker, bridge, worker, API and console in one process, on one data folder.

What starts when: the database, what is retained, then the listeners, so that nobody connects to a broker that
knows nothing. What stops when: event streams, HTTP, the broker's listeners, then the rest. Nothing that was
acknowledged waits for the stop: it is on disk already.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar import Litestar
from prometheus_client import CollectorRegistry

from api.app import build_app
from api.settings import ApiSettings
from broker.server import MqttBroker
from broker.settings import Scheme
from config.clock import Clock
from config.errors import BadSetting, StartRefused
from config.first_run import DEMO, furnish
from config.folder import Folder
from config.greeting import console_url, greet
from config.keys import key_ring
from config.lag import LoopLag
from config.own_broker import OwnBroker
from config.process import settle_memory
from config.revoked_news import RevokedNews
from config.senders import senders
from config.serving import Place, serve, stop_on_signal
from config.settings import PublicWs, Settings
from config.settings_broker import LISTEN
from config.simulate.demo import Demo, demo_tablets
from config.web import WebServer, bind
from device_bridge.bridge import Bridge
from device_bridge.hearing import Hearing
from device_bridge.queue import InputQueue
from device_bridge.uplink import Nearby
from store import LocalDoorbell, SchemaTooNew, Store, StoreUnavailable
from worker import Worker, WorkerMetrics, WorkerSettings, embedded_queue

_log = logging.getLogger(__name__)


def run_embedded(settings: Settings, *, demo: int | None, for_tests: bool) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises StartRefused (nothing is left open then)."""
    if demo and all(listener.scheme is not Scheme.MQTT for listener in settings.listeners):
        raise BadSetting(f"--demo needs an mqtt:// address in {LISTEN}: its tablets are simulated without TLS")
    return serve(settings, lambda place: Embedded(place).run(demo=demo), lock=Folder.locked, for_tests=for_tests)


class Embedded:
    """Everything in one process, for one run. Its health problems are those of its parts."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._settings = place.settings
        self._folder = place.folder
        self._clock = Clock(place.settings.clock_file)
        self._keys = key_ring(place.settings, place.folder)
        self._registry = CollectorRegistry()
        self._doorbell = LocalDoorbell()
        self._bridge: Bridge | None = None
        self._news: RevokedNews | None = None
        self._own: OwnBroker | None = None

    def problems(self) -> list[str]:
        """What keeps this process from serving, for the health page."""
        if self._bridge is None or self._news is None or self._own is None:
            return ["starting"]
        return self._bridge.problems() + self._news.problems() + self._own.problems()

    async def run(self, *, demo: int | None) -> int:
        """Start, serve until a signal, stop; the exit code.

        Raises StartRefused before anybody was served, an ExceptionGroup when a part fails later.
        """
        stop = stop_on_signal()
        queue = InputQueue(now=self._clock.now)
        with bind(self._settings.host, self._settings.http_port) as http:
            async with self._open_store() as store, self._open_broker(queue) as broker:
                await self._serve(store, queue, broker, http=http, demo=demo, stop=stop)
        return 0

    async def _serve(
        self,
        store: Store,
        queue: InputQueue,
        broker: OwnBroker,
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
            uplink=Nearby(broker.mqtt, hearing=Hearing.always(now=now), retained=broker.retained),
            doorbell=self._doorbell,
            now=now,
            clock_steps=self._clock.steps,
            registry=self._registry,
        )
        news = RevokedNews(store=store, doorbell=self._doorbell, tell=broker.mqtt.revoke)
        await news.load()
        lag = LoopLag(self._registry)
        await bridge.start()
        async with broker.listening(), asyncio.TaskGroup() as parts:
            app = self._app(store, broker)
            web = WebServer(app, http)
            serving = parts.create_task(web.run())
            beside = (store.tend(), broker.tend(), news.run(), bridge.run(), self._worker(store).run(), lag.run())
            others = [parts.create_task(part) for part in beside]
            if demo:
                others.append(parts.create_task(self._simulate(store, broker.mqtt, tablets=demo)))
            await web.serving()
            self._bridge, self._news, self._own = bridge, news, broker
            settle_memory()
            greet(login, settings=self._settings, listeners=broker.mqtt.bound, demo=demo, is_first=is_first)
            await stop.wait()
            _log.info("stopping")
            app.state.streams.close()
            web.stop()
            await serving
            for part in others:
                part.cancel()

    @asynccontextmanager
    async def _open_store(self) -> AsyncIterator[Store]:
        try:
            store = await Store.open(self._folder.database_url, doorbell=self._doorbell)
        except SchemaTooNew as error:
            raise StartRefused(f"{self._folder.database}: {error}") from error
        except StoreUnavailable as error:
            raise StartRefused(f"cannot open {self._folder.database}: {error}") from error
        try:
            yield store
        finally:
            await store.close()

    def _open_broker(self, queue: InputQueue) -> AbstractAsyncContextManager[OwnBroker]:
        return OwnBroker.opened(self._place, keys=self._keys, clock=self._clock, registry=self._registry, intake=queue)

    def _app(self, store: Store, broker: OwnBroker) -> Litestar:
        return build_app(
            store=store,
            keys=self._keys,
            doorbell=self._doorbell,
            clock=self._clock.now,
            registry=self._registry,
            health=self,
            settings=self._api_settings(broker),
        )

    def _api_settings(self, broker: OwnBroker) -> ApiSettings:
        """Where browsers find the broker: beside the console, or where a TLS proxy shows it. Raises BadSetting."""
        settings = self._settings
        place = settings.public_ws_url
        if place is None:
            own = broker.for_browsers(secure=(settings.public_url or "").startswith("https:"))
            if own is None:
                raise BadSetting(
                    f"{LISTEN} has no websocket that consoles could use: add ws://… (wss://… where "
                    "INNWATCH_PUBLIC_URL is https), or set INNWATCH_PUBLIC_WS_URL"
                )
            place = PublicWs(own.port, own.path, own.is_secure)
        return ApiSettings(
            mqtt_port=place.port,
            mqtt_path=place.path,
            mqtt_secure=place.secure,
            metrics_token=settings.metrics_token,
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

    async def _simulate(self, store: Store, broker: MqttBroker, *, tablets: int) -> None:
        plain = next(one for one in broker.bound if one.scheme is Scheme.MQTT)
        identities = await demo_tablets(store, DEMO, keys=self._keys, count=tablets, now=self._clock.now())
        async with Demo(identities, host=plain.host, port=plain.port, clock_file=self._settings.clock_file).running():
            await asyncio.Event().wait()
