"""Where the broker listens, and every bound that a peer can run into, with a default for one hotel to a hundred."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

KIB = 1024
MIB = 1024 * KIB

Size = Annotated[int, Meta(extra={"unit": "bytes"})]
"""Bytes. Whoever sets one may write KiB and MiB."""


class Scheme(StrEnum):
    """What is spoken at an address."""

    MQTT = "mqtt"
    MQTTS = "mqtts"
    WS = "ws"
    WSS = "wss"


class Listener(Struct, frozen=True):
    """An address that clients come to; port 0 lets the system choose one, `path` is a websocket's."""

    scheme: Scheme
    host: str = "127.0.0.1"
    port: int = 0
    path: str = "/mqtt"

    @property
    def is_secure(self) -> bool:
        return self.scheme in {Scheme.MQTTS, Scheme.WSS}

    @property
    def is_websocket(self) -> bool:
        return self.scheme in {Scheme.WS, Scheme.WSS}

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path if self.is_websocket else ''}"


class TlsFiles(Struct, frozen=True):
    """What TLS listeners show: a chain in PEM, the server's own certificate first, and that one's private key."""

    certificate: Path
    key: Path


class BrokerSettings(Struct, frozen=True, kw_only=True):
    """Addresses and limits. Every limit is a setting of the environment too (config/settings_broker.py).

    A limit is a `timedelta`, a `Size`, or an `int` that counts; `Meta(ge=, le=)` bounds what may be set.
    """

    listeners: tuple[Listener, ...] = (Listener(Scheme.MQTT, port=1883), Listener(Scheme.WS, port=8083))
    tls: TlsFiles | None = None  # needed by listeners that are secure
    origins: frozenset[str] = frozenset()  # pages on other hosts that may open a websocket, as str(Origin) writes them

    connections: int = 50_000  # all listeners together; a further one is closed at once
    connections_per_address: Annotated[int, Meta(ge=0)] = 10_000  # of an IPv6 /64 too; 0: no limit
    connect_rate: Annotated[int, Meta(ge=0)] = 5_000  # a second; further ones wait in line, unread; 0: no limit
    failed_logins: Annotated[int, Meta(ge=0)] = 60  # an address and minute; further ones are told late; 0: no limit
    late_refusal: timedelta = timedelta(seconds=3)  # how late
    late_refusals: Annotated[int, Meta(ge=0)] = 1_000  # at a time; further ones are closed at once, untold
    connect_deadline: timedelta = timedelta(seconds=5)  # from accept to CONNECT, websocket handshake included
    linger: timedelta = timedelta(seconds=5)  # how long a closed connection may take its last bytes
    sweep: timedelta = timedelta(seconds=0.5)  # how often deadlines, keep-alive and token expiry are looked at

    largest_packet: Annotated[Size, Meta(ge=KIB, le=268_435_455)] = 256 * KIB  # MQTT has no larger one
    largest_connect: Annotated[Size, Meta(ge=KIB, le=MIB)] = 16 * KIB  # before anybody is known, memory is dear
    longest_topic: Annotated[Size, Meta(ge=128, le=65_535)] = 1 * KIB
    deepest_topic: Annotated[int, Meta(le=256)] = 32  # levels

    subscriptions: int = 200  # a client
    message_rate: Annotated[int, Meta(ge=0)] = 1_000  # of a client, a second; above it is read later; 0: no limit
    unsettled: int = 256  # messages of a client that the bridge has not stored yet, of either QoS
    unsettled_bytes: Size = 1 * MIB
    in_flight: Annotated[int, Meta(le=60_000)] = 64  # messages above QoS 0 to a client without its acknowledgment
    queue_messages: int = 10_000  # to a client, in flight or waiting
    queue_bytes: Size = 8 * MIB
    write_buffer: Size = 64 * KIB  # handed to the socket; above it the client counts as slow
    sessions_per_identity: int = 50  # connected ones, and those that are kept; a device has one
    session_life: timedelta = timedelta(days=7)  # how long a session is kept after its connection ended
    kept_bytes: Size = 1024 * MIB  # for all clients but the bridge; beyond it nothing more is kept for who is away
    bridge_in_flight: Annotated[int, Meta(le=60_000)] = 2_000  # to a bridge that is a process of its own
    bridge_queue_messages: int = 1_000_000  # for it; then publishers are held until there is room
    bridge_queue_bytes: Size = 128 * MIB
    retained_messages: int = 1_000  # an integrator; what the bridge retains is not counted
    retained_bytes: Size = 8 * MIB

    def is_too_long(self, topic: str) -> bool:
        """Whether a topic, or a filter, is longer or deeper than may be."""
        return len(topic.encode()) > self.longest_topic or topic.count("/") >= self.deepest_topic
