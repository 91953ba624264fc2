"""Innwatch's MQTT broker: amqtt's shell around our own data path.

What is amqtt's: its configuration, its life cycle (`transitions`), its plugin manager with the start and stop events,
and the views that its `BrokerContext` gives plugins. What is not: everything between the socket and the message, since
its way from packet to subscriber cannot be exposed to strangers (docs/adr has the reasons). None of its sessions,
subscriptions, queues or tasks is ever made; its `Session` is built only when a plugin asks to see one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from socket import socket
from typing import Any, NoReturn

from amqtt.broker import Broker, RetainedApplicationMessage
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.errors import BrokerError
from amqtt.events import BrokerEvents
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session as AmqttSession
from msgspec.structs import replace
from transitions import MachineError

from broker.certificate import Certificate
from broker.connection import Connection
from broker.counts import BrokerMetrics
from broker.crossed import CrossedLimits
from broker.delivery import Intake
from broker.hub import Hub
from broker.listen import BACKLOG, ListenFailed, bind
from broker.message import Message
from broker.quiet_log import QuietLog
from broker.session import Session
from broker.settings import BrokerSettings, Listener, Scheme
from broker.shelf import Shelf
from broker.tls import TlsStream
from broker.tokens import KeyRing
from broker.websocket import WebSocket
from rules.ids import DeviceId, HotelId
from rules.revoked import Revoked

__all__ = ["BrokerSettings", "ListenFailed", "MqttBroker"]

_log = logging.getLogger(__name__)

CLOSING_TIME = 0.5
"""Seconds that clients have, when the broker stops, to take what was written to them."""


class MqttBroker(Broker):
    """An MQTT 3.1.1 broker over TCP and websocket. Make it on the loop that it shall run on.

    What the bridge consumes goes to `intake`, and is acknowledged when that settles it; the bridge publishes through
    `publish`. Without an intake it waits, on disk, for a bridge that connects as `BRIDGE_CLIENT_ID`. What outlives
    connections and this process is on the `shelf`, which is not closed here. Time is what `clock` says.
    """

    def __init__(
        self,
        *,
        settings: BrokerSettings,
        keys: KeyRing,
        intake: Intake | None,
        clock: Callable[[], datetime],
        metrics: BrokerMetrics,
        shelf: Shelf,
    ) -> None:
        """Raises CertificateUnusable when the settings have TLS and its files are of no use."""
        super().__init__(_amqtt_config(settings))
        self._settings = settings
        self._hub = Hub(
            settings=settings,
            keys=keys,
            intake=intake,
            clock=clock,
            counts=metrics.counts,
            shelf=shelf,
            log=QuietLog(_log),
            loop=self._loop,
        )
        metrics.levels = self._hub.levels
        self._crossed = CrossedLimits(metrics.counts, _log)
        self.certificate = None if settings.tls is None else Certificate(settings.tls, clock=clock)
        metrics.certificate = self.certificate
        self._listening: list[asyncio.Server] = []
        self._bound: tuple[Listener, ...] = ()
        self._next_sweep: asyncio.TimerHandle | None = None

    @property
    def bound(self) -> tuple[Listener, ...]:
        """Where it listens, in the order of the settings, with the ports really had; only while the broker runs."""
        if not self._bound:
            raise BrokerError("the broker does not run")
        return self._bound

    @property
    def tcp_port(self) -> int:
        """The port of the first plain MQTT listener, else of the first at all that is no websocket."""
        return _first_of(self.bound, Scheme.MQTT, Scheme.MQTTS).port

    @property
    def ws_port(self) -> int:
        """The port of the first plain websocket listener, else of the first websocket at all."""
        return _first_of(self.bound, Scheme.WS, Scheme.WSS).port

    async def start(self) -> None:
        """Listen on all addresses or none; raises ListenFailed, naming the address, with nothing left open."""
        try:
            self.transitions.start()
        except MachineError as error:
            raise BrokerError(f"the broker cannot be started now: {error}") from error
        await self.plugins_manager.fire_event(BrokerEvents.PRE_START, wait=True)
        try:
            opened = await bind(self._settings.listeners)
        except ListenFailed:
            self.transitions.starting_fail()
            raise
        self._hub.begin()
        try:
            for listener, sockets in zip(self._settings.listeners, opened, strict=True):
                await self._serve(sockets, self._protocol_of(listener))
        except BaseException:
            self._stop_listening()
            for plug in chain.from_iterable(opened):
                plug.close()
            self.transitions.starting_fail()
            raise
        self._bound = tuple(
            replace(listener, port=sockets[0].getsockname()[1])
            for listener, sockets in zip(self._settings.listeners, opened, strict=True)
        )
        self._sweep_later()
        self.transitions.starting_success()
        await self.plugins_manager.fire_event(BrokerEvents.POST_START, wait=True)
        _log.info("listening", {"addresses": " ".join(str(listener) for listener in self._bound)})

    def _protocol_of(self, listener: Listener) -> Callable[[], asyncio.Protocol]:
        def plain() -> Connection | WebSocket:
            return WebSocket(self._hub, path=listener.path) if listener.is_websocket else Connection(self._hub)

        certificate = self.certificate
        if not listener.is_secure:
            return plain
        if certificate is None:
            raise BrokerError(f"{listener} needs a certificate")
        return lambda: TlsStream(self._hub, certificate.context, plain())

    async def _serve(self, sockets: Sequence[socket], factory: Callable[[], asyncio.Protocol]) -> None:
        for bound in sockets:
            # The loop listens once more, and would make the queue a hundred long.
            self._listening.append(await self._loop.create_server(factory, sock=bound, backlog=BACKLOG))

    async def shutdown(self) -> None:
        """Stop listening, then end every connection. No will is published: that we stop is nobody's loss."""
        self.transitions.shutdown()
        await self.plugins_manager.fire_event(BrokerEvents.PRE_SHUTDOWN, wait=True)
        if self._next_sweep is not None:
            self._next_sweep.cancel()
        self._stop_listening()
        self._hub.end_all()
        await self._let_go()
        await self.plugins_manager.fire_event(BrokerEvents.POST_SHUTDOWN, wait=True)
        await self.plugins_manager.close()
        self.transitions.stopping_success()

    def _stop_listening(self) -> None:
        for server in self._listening:
            server.close()
        self._listening.clear()
        self._bound = ()

    async def _let_go(self) -> None:
        try:
            async with asyncio.timeout(CLOSING_TIME):
                await self._hub.empty()
        except TimeoutError:
            self._hub.abort_all()
            await self._hub.empty()

    def _sweep_later(self) -> None:
        every = self._settings.sweep / timedelta(seconds=1)
        self._next_sweep = self._loop.call_later(every, self._sweep)

    def _sweep(self) -> None:
        self._sweep_later()  # First, so that a fault in one sweep is not the end of all of them.
        self._hub.sweep()
        self._crossed.look()

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Route a message of the bridge. It is with every subscriber's session, and retained, when this returns."""
        self._hub.route(Message(topic, payload, qos), retain=retain, publisher=None)

    def alive_at(self, hotel_id: HotelId, device_id: DeviceId) -> datetime | None:
        """Return when the connection of a device last had a packet; None: it has none, or that is minutes ago."""
        return self._hub.alive_at(f"{hotel_id}/{device_id}")

    def revoke(self, deeds: Iterable[Revoked]) -> None:
        """Shut out who is revoked, whether the broker runs already or not. Call it with the deeds in their order."""
        self._hub.evictions.revoke(deeds)

    def keys_changed(self) -> None:
        """Shut out whose token was signed by a key that is no longer in the ring. Call it when one was taken out."""
        self._hub.evictions.keys_changed()

    # What amqtt's BrokerContext shows plugins, made when it is asked for

    @property
    def sessions(self) -> dict[str, tuple[AmqttSession, BrokerProtocolHandler]]:
        handler = BrokerProtocolHandler(self.plugins_manager, loop=self._loop)
        return {name: (_as_amqtt(session), handler) for name, session in self._hub.sessions.items()}

    @property
    def subscriptions(self) -> dict[str, list[tuple[AmqttSession, int]]]:
        shown: dict[str, list[tuple[AmqttSession, int]]] = {}
        for session in self._hub.sessions.values():
            for topic_filter, qos in session.subscriptions.items():
                shown.setdefault(topic_filter, []).append((_as_amqtt(session), qos))
        return shown

    @property
    def retained_messages(self) -> dict[str, RetainedApplicationMessage]:
        return {
            message.topic: RetainedApplicationMessage(None, message.topic, message.payload, message.qos)
            for message in self._hub.retained
        }

    async def internal_message_broadcast(self, topic: str, data: bytes, qos: int | None = None) -> None:
        await self.publish(topic, data, qos=qos or 0)

    async def retain_message(
        self,
        _source_session: AmqttSession | None,
        topic_name: str | None,
        data: bytes | bytearray | None,
        qos: int | None = None,
    ) -> None:
        if topic_name is not None:
            await self.publish(topic_name, bytes(data or b""), qos=qos or 0, retain=True)

    def create_offline_session(self, _client_id: str) -> NoReturn:
        _not_ours("plugins cannot make sessions: a session has a token's claims")

    async def add_subscription(self, _subscription: tuple[str, int], _session: AmqttSession) -> NoReturn:
        _not_ours("plugins cannot subscribe on behalf of a client: access is decided in broker/access.py alone")

    async def _client_connected(self, *_: Any) -> None:  # noqa: ANN401, amqtt's signature
        _not_ours("amqtt's own data path is not used: it acts before it has authenticated")


def _not_ours(why: str) -> NoReturn:
    raise BrokerError(why)


def _amqtt_config(settings: BrokerSettings) -> BrokerConfig:
    """Return amqtt's configuration for what it still does; without plugins, since its default ones let anybody in."""
    listeners = {
        "default" if number == 0 else str(listener): ListenerConfig(
            type=ListenerType.WS if listener.is_websocket else ListenerType.TCP,
            bind=f"{listener.host}:{listener.port}",
        )
        for number, listener in enumerate(settings.listeners)
    }
    return BrokerConfig(listeners=listeners, plugins={})


def _first_of(listeners: Sequence[Listener], *schemes: Scheme) -> Listener:
    for scheme in schemes:
        for listener in listeners:
            if listener.scheme is scheme:
                return listener
    raise BrokerError(f"no listener for {' or '.join(schemes)}")


def _as_amqtt(session: Session) -> AmqttSession:
    shown = AmqttSession()
    shown.client_id = session.client_id
    shown.username = session.claims.sub
    shown.clean_session = not session.outlives
    shown.will_flag = session.will is not None
    if session.wire is not None:
        shown.transitions.connect()
    return shown
