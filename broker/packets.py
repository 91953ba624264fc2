"""What MQTT packets say, as records, whatever version of the protocol said it."""

from enum import IntEnum, StrEnum

from msgspec import Struct


class PacketType(IntEnum):
    """The upper half of a packet's first byte (3.1.1 §2.2.1)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class Fault(StrEnum):
    """How a peer broke the protocol. One value for log and metric."""

    PACKET_TYPE = "packet-type"
    FLAGS = "flags"
    LENGTH = "remaining-length"
    TOO_LARGE = "too-large"
    TRUNCATED = "truncated"
    TRAILING = "trailing-bytes"
    TEXT = "bad-text"
    TOPIC = "bad-topic"
    TOPIC_TOO_LONG = "topic-too-long"
    PACKET_ID = "packet-id"
    QOS = "qos"
    NO_FILTER = "no-filter"
    TOO_MANY_FILTERS = "too-many-filters"
    NOT_CONNECTED = "not-connected"
    CONNECTED_TWICE = "connected-twice"
    PROTOCOL_NAME = "protocol-name"
    CONNECT_FLAGS = "connect-flags"
    WEBSOCKET = "websocket"
    TLS = "tls"


class Violation(Exception):
    """A peer broke the protocol: its connection is closed, and nothing else happens."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class UnsupportedProtocol(Exception):
    """A CONNECT of another version; `level` is the one that it asks for."""

    def __init__(self, level: int) -> None:
        super().__init__(f"protocol level {level}")
        self.level = level


class ConnectAnswer(StrEnum):
    """What becomes of a CONNECT; each version of the protocol has its own number for it."""

    ACCEPTED = "accepted"
    PROTOCOL = "protocol"
    CLIENT_ID = "client-id"
    UNAVAILABLE = "unavailable"
    CREDENTIALS = "credentials"  # no token, or something that is none
    NOT_AUTHORIZED = "not-authorized"


class Will(Struct, frozen=True):
    topic: str
    payload: bytes
    qos: int
    retain: bool


class Connect(Struct, frozen=True, kw_only=True):
    client_id: str
    clean_session: bool
    keep_alive: int  # seconds, 0: none
    username: str | None
    password: bytes | None
    will: Will | None

    def __repr__(self) -> str:
        return f"Connect(client_id={self.client_id!r})"  # Never the password, not even in a traceback.


class Publish(Struct, gc=False):
    """An incoming PUBLISH. `topic` is unread: a connection that has seen the same bytes before need not check them."""

    topic: bytes
    payload: bytes
    qos: int
    retain: bool
    packet_id: int  # 0 for QoS 0


class Subscribe(Struct, frozen=True):
    packet_id: int
    filters: tuple[tuple[str, int], ...]  # and the QoS asked for


class Unsubscribe(Struct, frozen=True):
    packet_id: int
    filters: tuple[str, ...]
