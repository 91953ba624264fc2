"""The broker of this process: made from settings, with whatever it needs beside it.

The one place that knows how it is put together, whether it runs within `innwatch up` or alone.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from broker.certificate import CertificateUnusable
from broker.counts import BrokerMetrics
from broker.delivery import Intake
from broker.server import ListenFailed, MqttBroker
from broker.settings import BrokerSettings
from broker.shelf import Shelf, ShelfUnusable
from broker.tokens import KeyRing
from config.clock import Clock
from config.errors import BadSetting, StartRefused
from config.renewal import keep_renewed
from config.serving import Place
from config.settings import Settings
from config.settings_broker import LISTEN, TLS_CERT, TLS_KEY, check_tls
from device_bridge.uplink import is_ours


class OwnBroker:
    """A broker that is made but does not listen yet: what is retained can be published to it first."""

    def __init__(self, mqtt: MqttBroker, shelf: Shelf, *, where: str) -> None:
        self.mqtt = mqtt
        self._shelf = shelf
        self._where = where  # it is said where to listen

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        place: Place,
        *,
        keys: KeyRing,
        clock: Clock,
        registry: CollectorRegistry,
        intake: Intake | None,
    ) -> AsyncIterator["OwnBroker"]:
        """Make it, with what it keeps in the folder, and let go of that at the end.

        Raises StartRefused, and BadSetting for a certificate that is of no use.
        """
        check_tls(place.settings.listeners, place.settings.broker.tls)
        try:
            shelf = await Shelf.open(place.folder.shelf)
        except ShelfUnusable as error:
            raise StartRefused(str(error)) from error
        try:
            mqtt = MqttBroker(
                settings=broker_settings(place.settings, connections=place.connections),
                keys=keys,
                intake=intake,
                clock=clock.now,
                metrics=BrokerMetrics(registry),
                shelf=shelf,
            )
            where = f"address in {LISTEN}" if place.settings.listen else "--mqtt-port or --ws-port"
            yield cls(mqtt, shelf, where=where)
        except CertificateUnusable as error:
            raise BadSetting(f"{TLS_CERT} or {TLS_KEY}: {error}") from error
        finally:
            await shelf.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen until the block ends; by then every connection is closed. Raises StartRefused."""
        try:
            await self.mqtt.start()
        except ListenFailed as error:
            raise StartRefused(f"{error}; choose another {self._where}") from error
        try:
            yield
        finally:
            await self.mqtt.shutdown()

    def retained(self) -> frozenset[str]:
        """The retained topics that are the bridge's alone to publish."""
        return frozenset(filter(is_ours, self.mqtt.retained_messages))

    async def tend(self) -> None:
        """Do what has to be done beside it, until cancelled."""
        if self.mqtt.certificate is not None:
            await keep_renewed(self.mqtt.certificate)
        await asyncio.Event().wait()

    def problems(self) -> list[str]:
        """What its operator should know, in words for the health page; empty when all is well."""
        trouble = self._shelf.troubles()
        unwritten = [] if trouble is None else [f"the broker's file cannot be written: {trouble}"]
        return unwritten + ([] if self.mqtt.certificate is None else self.mqtt.certificate.problems())


def broker_settings(settings: Settings, *, connections: int) -> BrokerSettings:
    """The limits and addresses that `settings` ask for, as far as this process can hold them."""
    return replace(
        settings.broker,
        listeners=settings.listeners,
        connections=min(connections, settings.broker.connections),
    )
