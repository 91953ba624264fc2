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

    A limit is a `timedelta`, a `Size`, or an `int` that counts; `Meta(ge=, le=)` bounds what may be set. What it is
    stands beside its type, and in docs/configuration.md.
    """

    listeners: tuple[Listener, ...] = (Listener(Scheme.MQTT, port=1883), Listener(Scheme.WS, port=8083))
    tls: TlsFiles | None = None  # needed by listeners that are secure
    origins: frozenset[str] = frozenset()  # pages on other hosts that may open a websocket, as str(Origin) writes them

    connections: Annotated[
        int,
        "Connections, all listeners together (or as many as the system has file descriptors for); a further one takes"
        " the place of one that has not been let in, or is closed at once.",
    ] = 50_000
    connections_per_address: Annotated[
        int, Meta(ge=0), "Connections from one address (IPv6: from one /64); `0`: no limit, as behind a proxy."
    ] = 10_000
    connect_rate: Annotated[
        int,
        Meta(ge=0),
        "New connections a second; further ones wait in line, unread, until the deadline for their CONNECT; `0`: no"
        " limit.",
    ] = 5_000
    failed_logins: Annotated[
        int, Meta(ge=0), "Refused CONNECTs of an address in a minute; further ones are refused late; `0`: no limit."
    ] = 60
    late_refusal: Annotated[timedelta, "How late a refusal is where an address had too many."] = timedelta(seconds=3)
    late_refusals: Annotated[
        int, Meta(ge=0), "Late refusals that wait at a time; further ones are closed at once, without an answer."
    ] = 1_000
    connect_deadline: Annotated[timedelta, "From the connection to its CONNECT, handshakes included."] = timedelta(
        seconds=5
    )
    linger: Annotated[timedelta, "How long a closed connection may take its last bytes."] = timedelta(seconds=5)
    sweep: Annotated[timedelta, "How often deadlines, keep-alive and expiry of tokens are looked at."] = timedelta(
        seconds=0.5
    )

    # MQTT has no larger one.
    largest_packet: Annotated[Size, Meta(ge=KIB, le=268_435_455), "A packet of a client that was let in."] = 256 * KIB
    # Before anybody is known, memory is dear.
    largest_connect: Annotated[
        Size, Meta(ge=KIB, le=MIB), "A packet, or the handshakes, of a client that was not let in yet."
    ] = 16 * KIB
    longest_topic: Annotated[Size, Meta(ge=128, le=65_535), "A topic or filter."] = 1 * KIB
    deepest_topic: Annotated[int, Meta(le=256), "Levels of a topic or filter."] = 32

    subscriptions: Annotated[int, "Subscriptions of a client."] = 200
    message_rate: Annotated[
        int,
        Meta(ge=0),
        "Packets of a client a second, five seconds' worth at once; what is above it is read later; services have no"
        " limit; `0`: no limit.",
    ] = 1_000
    unsettled: Annotated[int, "Messages of a client that are not stored yet; then it is not read."] = 256
    unsettled_bytes: Annotated[Size, "The same in bytes."] = 1 * MIB
    in_flight: Annotated[
        int, Meta(le=60_000), "Messages above QoS 0 to a client that it has not acknowledged; others wait."
    ] = 64
    queue_messages: Annotated[int, "Messages to a client, in flight or waiting."] = 10_000
    queue_bytes: Annotated[Size, "The same in bytes."] = 8 * MIB
    write_buffer: Annotated[Size, "Handed to a client's socket; above it the client counts as slow."] = 64 * KIB
    sessions_per_identity: Annotated[
        int,
        "Sessions of one person, integrator or service, connected or kept; the one that is away longest makes room.",
    ] = 50
    session_life: Annotated[timedelta, "How long a session is kept after its connection ended."] = timedelta(days=7)
    kept_bytes: Annotated[
        Size,
        "Messages above QoS 0 that are kept for all clients but the bridge together; beyond it those for clients that"
        " are away are refused.",
    ] = 1024 * MIB
    bridge_in_flight: Annotated[
        int, Meta(le=60_000), "Messages to a bridge in a process of its own that it has not acknowledged."
    ] = 2_000
    bridge_queue_messages: Annotated[int, "Messages that wait for such a bridge; then publishers are not read."] = (
        1_000_000
    )
    bridge_queue_bytes: Annotated[Size, "The same in bytes."] = 128 * MIB
    retained_messages: Annotated[
        int, "Retained messages of one integrator; what Innwatch itself retains is not counted."
    ] = 1_000
    retained_bytes: Annotated[Size, "The same in bytes."] = 8 * MIB

    def is_too_long(self, topic: str) -> bool:
        """Whether a topic, or a filter, is longer or deeper than may be."""
        return len(topic.encode()) > self.longest_topic or topic.count("/") >= self.deepest_topic
