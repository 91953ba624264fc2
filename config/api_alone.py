"""`innwatch api`: HTTP API, event streams and console in a process of its own; any number of them.

Its port answers from the first moment: until the database is there, only about health.
"""

import asyncio
import logging

from litestar import Litestar
from prometheus_client import CollectorRegistry

from api.app import build_app, build_waiting_app
from config.browsers import api_settings, websocket_for_browsers
from config.clock import Clock
from config.greeting import console_url, greet_process
from config.keys import LiveKeys
from config.lag import LoopLag
from config.process import settle_memory
from config.pulse import Pulse
from config.servers import shared_database, shared_redis, shared_store
from config.serving import Place, serve, stop_on_signal
from config.settings import Settings
from config.waiting import Waiting
from config.web import WebServer, bind
from store import Store
from store.redis_doorbell import RedisDoorbell

_log = logging.getLogger(__name__)


def run_api(settings: Settings, *, for_tests: bool) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises StartRefused."""
    shared_database(settings)
    shared_redis(settings)
    websocket_for_browsers(settings, settings.listeners)
    return serve(settings, lambda place: ApiAlone(place).run(), lock=None, for_tests=for_tests)


class ApiAlone:
    """The API, and what it waits for, for one run."""

    def __init__(self, place: Place) -> None:
        self._settings = place.settings
        self._clock = Clock(place.settings.clock_file)
        self._live_keys = LiveKeys(place.settings, place.folder, now=self._clock.now)
        self._keys = self._live_keys.ring
        self._registry = CollectorRegistry()
        self._doorbell = RedisDoorbell(shared_redis(place.settings).url)
        self._waiting = Waiting()
        self._pulse: Pulse | None = None
        self._app: Litestar | None = None

    def problems(self) -> list[str]:
        """What is missing, for the health page. Redis is not: without it events come up to a second later."""
        lacks = self._waiting.problems() or (self._pulse.problems() if self._pulse is not None else [])
        return lacks + self._live_keys.problems()

    async def run(self) -> int:
        """The exit code. Raises StartRefused."""
        stop = stop_on_signal()
        with bind(self._settings.host, self._settings.http_port) as http:
            web = WebServer(
                build_waiting_app(registry=self._registry, health=self, metrics_token=self._settings.metrics_token),
                http,
            )
            async with asyncio.TaskGroup() as parts:
                serving = parts.create_task(web.run())
                working = asyncio.create_task(self._work(web))  # noqa: TID251, ends with the group, which it does not end
                working.add_done_callback(lambda _: stop.set())
                try:
                    await web.serving()
                    greet_process("api", console=console_url(self._settings, http_port=http.getsockname()[1]))
                    await stop.wait()
                    _log.info("stopping")
                    if self._app is not None:
                        self._app.state.streams.close()
                    web.stop()
                    await serving
                finally:
                    working.cancel()
                    await asyncio.wait([working])
        if not working.cancelled():
            working.result()
        return 0

    async def _work(self, web: WebServer) -> None:
        """Have all requests answered, as soon as there is a database, until cancelled."""
        beside = (self._doorbell.run(), LoopLag(self._registry).run(), self._live_keys.run())
        async with shared_store(self._settings, doorbell=self._doorbell, waiting=self._waiting, beside=beside) as store:
            self._pulse = Pulse(store)
            self._app = self._made(store)
            web.show(self._app)
            self._waiting.over()
            settle_memory()
            await self._pulse.run()

    def _made(self, store: Store) -> Litestar:
        return build_app(
            store=store,
            keys=self._keys,
            doorbell=self._doorbell,
            clock=self._clock.now,
            registry=self._registry,
            health=self,
            settings=api_settings(self._settings, self._settings.listeners),
        )
