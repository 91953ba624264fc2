"""How the bridge comes to a broker: one in its own process, or one that somebody else runs."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import CollectorRegistry

from broker.delivery import BRIDGE_CLIENT_ID
from broker.settings import Listener, Scheme
from broker.tokens import KeyRing, mint_service
from broker.topics import BELIEVED_ANYWHERE, BRIDGE_INBOUND
from config.own_broker import OwnBroker
from config.revoked_news import RevokedNews
from config.settings import Settings
from config.settings_uplink import BrokerUrl, trust
from device_bridge.far_broker import FarBroker, Pass
from device_bridge.hearing import Hearing
from device_bridge.metrics import UplinkMetrics
from device_bridge.mqtt_wire import BrokerAddress, LogIn
from device_bridge.queue import InputQueue
from device_bridge.renewal import Renewals
from device_bridge.uplink import Nearby, Uplink
from store import Doorbell, Store

_TOKEN_LIFE = timedelta(days=1)
_RENEW_AFTER = 0.8 * _TOKEN_LIFE
_USERNAME = BRIDGE_CLIENT_ID.rpartition("/")[0]
_DIGITS = 16
"""Of a client id that must not be guessed: with its end it has 23 characters, which every broker takes (§3.1.3.1)."""


def renewals(settings: Settings, keys: KeyRing) -> Renewals:
    """What gives tablets new tokens: a broker that is not ours has not made sure who asks."""
    is_ours = settings.broker_url is None or settings.broker_url.is_ours
    return Renewals(keys if is_ours else None, life=settings.device_token_life)


class Brokerage(Protocol):
    """What the rest of the process needs of its broker."""

    @property
    def uplink(self) -> Uplink: ...

    async def prepare(self, store: Store) -> None:
        """Do what comes before the bridge starts. Raises StoreUnavailable."""

    def open(self) -> AbstractAsyncContextManager[tuple[Listener, ...]]:
        """Let tablets in, as far as that is ours to do, until the block ends; where they find the broker.

        Raises StartRefused.
        """

    def beside(self) -> list[Coroutine[None, None, None]]:
        """What runs beside everything else, until cancelled."""

    def keys_changed(self) -> None:
        """Learn that a key was taken out of the ring: whoever is in by it is to go."""

    def problems(self) -> list[str]:
        """What is wrong with it that the uplink does not know, in words for the health page."""


class BrokerInside:
    """Our broker in this process: messages reach the bridge by a function call."""

    def __init__(self, own: OwnBroker, *, doorbell: Doorbell, now: Callable[[], datetime]) -> None:
        self.uplink: Uplink = Nearby(
            own.mqtt, hearing=Hearing.always(now=now), retained=own.retained, alive_at=own.mqtt.alive_at
        )
        self._own = own
        self._doorbell = doorbell
        self._news: RevokedNews | None = None

    async def prepare(self, store: Store) -> None:
        self._news = RevokedNews(store=store, doorbell=self._doorbell, tell=self._own.mqtt.revoke)
        await self._news.load()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Listener, ...]]:
        async with self._own.listening():
            yield self._own.mqtt.bound

    def beside(self) -> list[Coroutine[None, None, None]]:
        return [self._own.tend(), *([self._news.run()] if self._news is not None else [])]

    def keys_changed(self) -> None:
        self._own.mqtt.keys_changed()

    def problems(self) -> list[str]:
        return self._own.problems() + (self._news.problems() if self._news is not None else [])


class BrokerOutside:
    """A broker at an address: `innwatch broker`, which knows by itself who is shut out, or another one."""

    def __init__(
        self,
        url: BrokerUrl,
        settings: Settings,
        *,
        keys: KeyRing,
        queue: InputQueue,
        now: Callable[[], datetime],
        registry: CollectorRegistry,
        may_connect: Callable[[], bool] = lambda: True,
    ) -> None:
        """Raises BadSetting when the authorities that we should trust cannot be read."""
        self._url = url
        self._settings = settings
        self._keys = keys
        self._now = now
        self._far = FarBroker(
            BrokerAddress(url.host, url.port, trust(url, ca=settings.broker_ca)),
            queue=queue,
            new_pass=self._new_pass,
            now=now,
            metrics=UplinkMetrics(registry),
            may_connect=may_connect,
            name=_USERNAME if url.is_ours else keys.derived("client id of the bridge")[:_DIGITS],
            consumed=BRIDGE_INBOUND if url.is_ours else BELIEVED_ANYWHERE,
        )
        self.uplink: Uplink = self._far

    async def prepare(self, store: Store) -> None:
        """Nothing: it may not even be there."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Listener, ...]]:
        """Its websockets are taken to be where ours would be, unless INNWATCH_PUBLIC_WS_URL says it."""
        scheme = Scheme.MQTTS if self._url.is_secure else Scheme.MQTT
        websockets = (one for one in self._settings.listeners if one.is_websocket)
        yield (Listener(scheme, self._url.host, self._url.port), *websockets)

    def beside(self) -> list[Coroutine[None, None, None]]:
        return [self._far.run()]

    def keys_changed(self) -> None:
        """Nothing: it reads the file of keys itself, if it is ours."""

    def problems(self) -> list[str]:
        return []

    def _new_pass(self) -> Pass:
        """A token of our own, unless the address says how to log in."""
        if not self._url.is_ours:
            return Pass(LogIn(self._url.username, self._url.password))
        now = self._now()
        token = mint_service(self._keys, name=_USERNAME.rpartition("/")[2], gen=0, now=now, ttl=_TOKEN_LIFE)
        return Pass(LogIn(_USERNAME, token), renew_at=now + _RENEW_AFTER)
