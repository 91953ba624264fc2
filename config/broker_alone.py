"""`innwatch broker`: our broker in a process of its own; everything else is `innwatch up --broker` at its address.

It needs no database: what the bridge will consume it keeps in a file of its own until the bridge has taken it, and who
is shut out it asks of the product's database where there is one.
"""

import asyncio
import logging
import socket

from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from api.app import build_health_app
from config.clock import Clock
from config.database import database_of
from config.folder import Folder
from config.greeting import greet_broker
from config.keys import LiveKeys
from config.lag import LoopLag
from config.own_broker import OwnBroker
from config.process import settle_memory
from config.revoked_news import RevokedNews
from config.servers import store_limits
from config.serving import Place, serve, stop_on_signal
from config.settings import Settings
from config.store_later import StoreLater
from config.watched import page_address
from config.web import WebServer, bind
from store import LocalDoorbell, StoreUnavailable
from store.limits import READING

_log = logging.getLogger(__name__)


def run_broker(settings: Settings, *, for_tests: bool) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises StartRefused (nothing is left open then)."""
    return serve(settings, lambda place: BrokerAlone(place).run(), lock=Folder.broker_locked, for_tests=for_tests)


class BrokerAlone:
    """The broker and what watches over it, for one run."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._settings = place.settings
        self._clock = Clock(place.settings.clock_file)
        self._live_keys = LiveKeys(place.settings, place.folder, now=self._clock.now)
        self._keys = self._live_keys.ring
        self._registry = CollectorRegistry()
        self._serving: tuple[OwnBroker, RevokedNews] | None = None

    def problems(self) -> list[str]:
        """What keeps this process from serving, for the health page."""
        if self._serving is None:
            return ["starting"]
        own, news = self._serving
        return own.problems() + news.problems() + self._live_keys.problems()

    async def run(self) -> int:
        """Start, serve until a signal, stop; the exit code. Raises StartRefused before anybody was served."""
        stop, folder = stop_on_signal(), self._place.folder
        database = database_of(self._settings, folder)
        store = StoreLater(database, limits=replace(store_limits(self._settings), application=READING))
        if database.file is not None and not database.file.exists():
            _log.warning("no database yet, until there is one nobody can be shut out", {"database": database})
        with bind(self._settings.host, self._settings.broker_health_port, option="--health-port") as http:
            async with OwnBroker.opened(
                self._place, keys=self._keys, clock=self._clock, registry=self._registry, intake=None
            ) as own:
                await self._serve(own, store, http=http, stop=stop)
        return 0

    async def _serve(self, own: OwnBroker, store: StoreLater, *, http: socket.socket, stop: asyncio.Event) -> None:
        news = RevokedNews(store=store, doorbell=LocalDoorbell(), tell=own.mqtt.revoke)
        try:
            await news.load()
        except StoreUnavailable as error:
            _log.error("starting without knowing whose tokens are revoked", {"error": error})
        lag = LoopLag(self._registry)
        try:
            async with own.listening(), asyncio.TaskGroup() as parts:
                app = build_health_app(registry=self._registry, health=self, metrics_token=self._settings.metrics_token)
                web = WebServer(app, http)
                serving = parts.create_task(web.run())
                keys = self._live_keys.run(taken_out=own.mqtt.keys_changed)
                others = [parts.create_task(part) for part in (own.tend(), news.run(), lag.run(), keys)]
                await web.serving()
                self._serving = own, news
                settle_memory()
                greet_broker(settings=self._settings, listeners=own.mqtt.bound, health=page_address(http))
                await stop.wait()
                _log.info("stopping")
                web.stop()
                await serving
                for part in others:
                    part.cancel()
        finally:
            await store.close()
