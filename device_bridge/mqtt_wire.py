"""One connection to a broker, through aiomqtt: the only module that touches what aiomqtt and paho keep to themselves.

aiomqtt acknowledges a message when it arrives and drops what its queue has no room for. Neither will do, so paho hands
messages straight to us, `acknowledge` is called after the commit, and `hold` stops reading the socket. What is private
there, and used here: `aiomqtt.Client._client`, which is paho's; paho's `_packet_queue`, so that a thousand PUBACKs are
one write; paho's `_sock_close`, since aiomqtt leaves the socket open when nobody answers its CONNECT; and how the
connection ended, `aiomqtt.Client._disconnected`.
tests/device_bridge/test_mqtt_wire.py fails when one of them changes. Everything runs on the loop's thread but the
opening of the socket.
"""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

import aiomqtt
from msgspec import Struct
from paho.mqtt.client import Client as Paho
from paho.mqtt.client import MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

KEEP_ALIVE = 5
"""Seconds. A broker that says nothing is given up after twice that, before the strictest silence is anybody's fault."""

ANSWER_WITHIN = 5.0
"""Seconds that a broker has for each answer."""

_IN_FLIGHT = 20_000  # as many as we want: whoever publishes has a window of its own
_FAREWELL = 1.0
_READ_AT_ONCE = 200  # packets, before the loop sees to others
_PUBACK = 0x40
_REFUSED_FILTER = 0x80
_NO_DELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


class WireLost(Exception):
    """There is no connection, or no longer one. The text says why."""


class WireRefused(WireLost):
    """The broker answered, and will not have us, or not do what we need."""


class LogIn(Struct, frozen=True):
    """What a CONNECT says of who we are; who has no user name is anonymous."""

    username: str | None
    password: str | None

    def __repr__(self) -> str:
        return f"LogIn({self.username!r})"


class BrokerAddress(Struct, frozen=True):
    """Where a broker listens. `tls`: how to know that it is the right one; None is plain TCP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


class Greeting(Struct, frozen=True, kw_only=True):
    """A CONNECT. `will` is a topic and a payload, retained at QoS 1."""

    client_id: str
    log_in: LogIn
    is_clean: bool
    will: tuple[str, bytes] | None = None


class Receiver(Protocol):
    """Whom a wire tells what comes in. Called on the loop, in the order of arrival; must not block."""

    def arrived(self, name: str, payload: bytes, *, qos: int, retain: bool, packet_id: int) -> None: ...

    def published(self, packet_id: int) -> None:
        """Take a PUBACK."""


class Wire:
    """An open connection. Made by `connected`."""

    def __init__(self, client: aiomqtt.Client, receiver: Receiver) -> None:
        self._client = client
        self._paho: Paho = client._client  # noqa: SLF001, see above
        self._receiver = receiver
        self._socket: Any = None  # what paho shows; a socket, since there is no websocket here
        self._arrivals = 0
        self._is_held = False
        self._paho.manual_ack_set(True)
        self._paho.on_message = self._arrived
        self._paho.on_publish = self._published
        self._paho.connect_timeout = ANSWER_WITHIN

    def begin(self) -> None:
        """Read the socket ourselves from now on: many packets at a time, and only while nobody holds it."""
        self._socket = self._paho.socket()
        if self._socket is None:
            raise WireLost("the broker closed the connection")
        # aiomqtt would watch it a turn of the loop later, when its number may be that of another socket.
        self._paho.on_socket_register_write = self._wants_to_write
        self._watch_socket()

    def hold(self) -> None:
        """Read no further, so that the broker has to wait. For so long that it gives up, if need be."""
        self._is_held = True
        if self.is_open:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())

    def go_on(self) -> None:
        self._is_held = False
        if self.is_open:
            self._watch_socket()
            asyncio.get_running_loop().call_soon(self._read)  # TLS may hold what the socket shows no more

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe at QoS 1. Raises WireRefused with the filters that were not granted, or WireLost."""
        try:
            codes = await self._client.subscribe([(one, 1) for one in filters])
        except aiomqtt.MqttError as error:
            raise WireLost(f"no answer to a SUBSCRIBE ({error})") from error
        refused = [one for one, code in zip(filters, codes, strict=True) if _number(code) >= _REFUSED_FILTER]
        if refused:
            raise WireRefused(f"the broker does not let us subscribe to {', '.join(refused)}")

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """Send a message at QoS 1; the packet id that `published` will name. Raises WireLost."""
        sent = self._paho.publish(topic, payload, qos=1, retain=retain)
        if sent.rc:
            raise WireLost(f"the broker takes nothing more ({sent.rc.name})")
        return sent.mid

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Send the PUBACKs of these messages, in this order, in one write."""
        packets = b"".join(b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in packet_ids)
        self._paho._packet_queue(_PUBACK, packets, 0, 0)  # noqa: SLF001, see above

    async def lost(self) -> str:
        """Wait until the connection is lost; why."""
        try:
            async for _ in self._client.messages:
                continue  # none comes this way: paho hands them to us
        except aiomqtt.MqttError:
            return self.end
        raise AssertionError("aiomqtt's messages do not end")

    @property
    def end(self) -> str:
        """Why it is not open any more."""
        ended = self._client._disconnected  # noqa: SLF001, see above
        return _how_lost(ended.exception()) if ended.done() else "it was closed after a fault of ours"

    def _watch_socket(self) -> None:
        loop, number = asyncio.get_running_loop(), self._socket.fileno()
        loop.remove_reader(number)
        loop.add_reader(number, self._read)

    def _read(self) -> None:
        for _ in range(_READ_AT_ONCE):
            if self._is_held or not self.is_open:
                return
            before = self._arrivals
            try:
                self._paho.loop_read()
            except BaseException:
                self.drop()  # the loop reports the fault; `is_open` tells whoever has this connection
                raise
            if self._arrivals == before and not self._has_more():
                return
        asyncio.get_running_loop().call_soon(self._read)

    def _wants_to_write(self, _client: Paho, _userdata: object, watched: Any) -> None:  # noqa: ANN401 - paho's socket
        asyncio.get_running_loop().add_writer(watched.fileno(), self._write)

    def _write(self) -> None:
        try:
            self._paho.loop_write()
        except OSError:
            self.drop()  # `is_open` tells whoever has this connection

    def _has_more(self) -> bool:
        return self.is_open and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _arrived(self, _client: Paho, _userdata: object, message: MQTTMessage) -> None:
        self._arrivals += 1
        try:
            name = message.topic
        except UnicodeDecodeError:
            name = ""  # no topic of ours
        payload = bytes(message.payload)
        self._receiver.arrived(name, payload, qos=message.qos, retain=message.retain, packet_id=message.mid)

    def _published(self, _client: Paho, _userdata: object, packet_id: int, *_: object) -> None:
        self._receiver.published(packet_id)

    @property
    def is_open(self) -> bool:
        return self._socket is not None and self._paho.socket() is self._socket

    def drop(self) -> None:
        """Close the socket without a word, if it still is open."""
        self._paho._sock_close()  # noqa: SLF001, see above


@asynccontextmanager
async def connected(address: BrokerAddress, greeting: Greeting, receiver: Receiver) -> AsyncIterator[Wire]:
    """Connect, and leave with a DISCONNECT when the block ends. Raises WireLost or WireRefused."""
    client = _client(address, greeting)
    wire = Wire(client, receiver)
    try:
        await _enter(client)
        try:
            wire.begin()
            yield wire
        finally:
            await _leave(client)
    finally:
        wire.drop()


def _client(address: BrokerAddress, greeting: Greeting) -> aiomqtt.Client:
    will = greeting.will
    return aiomqtt.Client(
        address.host,
        address.port,
        username=greeting.log_in.username,
        password=greeting.log_in.password,
        identifier=greeting.client_id,
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=greeting.is_clean,
        will=aiomqtt.Will(*will, qos=1, retain=True) if will is not None else None,
        keepalive=KEEP_ALIVE,
        timeout=ANSWER_WITHIN,
        max_inflight_messages=_IN_FLIGHT,
        tls_context=address.tls,
        socket_options=_NO_DELAY,
        logger=_silence(),
    )


def _silence() -> logging.Logger:
    """What paho would say of a lost connection is said by whoever reconnects."""
    logger = logging.getLogger("paho")
    logger.setLevel(logging.CRITICAL)
    return logger


async def _enter(client: aiomqtt.Client) -> None:
    try:
        await client.__aenter__()
    except aiomqtt.MqttCodeError as error:
        raise WireRefused(f"it refuses us ({_reason(error)})") from error
    except aiomqtt.MqttError as error:
        raise WireLost(_why_not(str(error))) from error
    except UnicodeError as error:
        raise WireLost(f"no host can have that name ({error})") from error


async def _leave(client: aiomqtt.Client) -> None:
    ended = client._disconnected  # noqa: SLF001, see above
    if ended.done():
        ended.exception()  # asked for, or asyncio reports that nobody did
    client.timeout = _FAREWELL
    with suppress(aiomqtt.MqttError):  # it was not there to be told
        await client.__aexit__(None, None, None)


def _why_not(text: str) -> str:
    """What aiomqtt makes of a time-out, or of an OSError, in words."""
    if "timed out" in text:
        return "no answer as a broker would give it"
    why = re.sub(r"^\[[^]]*\] | \(_ssl\.c:\d+\)$", "", text).lower()
    if text.startswith("[SSL") and "certificate verify failed" not in why:
        return f"no TLS that we could speak ({why})"
    return why


def _how_lost(cause: BaseException | None) -> str:
    reason = str(cause.rc).lower() if isinstance(cause, aiomqtt.MqttCodeError) else str(cause or "closed")
    return "the connection was closed" if reason in {"unspecified error", "closed"} else f"connection lost: {reason}"


def _reason(error: aiomqtt.MqttCodeError) -> str:
    return str(error.rc).lower() if isinstance(error.rc, ReasonCode) else str(error)


def _number(code: object) -> int:
    return code.value if isinstance(code, ReasonCode) else int(str(code))
