"""Reads and writes the packets of MQTT 3.1.1, strictly: whatever the standard forbids raises Violation.

Section numbers are those of the OASIS standard of 2014. Bodies come from `framer`, which has checked first byte and
size.
"""

import re
from collections.abc import Iterable, Sized

from broker.packets import (
    Connect,
    ConnectAnswer,
    Fault,
    Publish,
    Subscribe,
    Unsubscribe,
    UnsupportedProtocol,
    Violation,
    Will,
)
from broker.topics import is_filter, is_name

PINGRESP = b"\xd0\x00"
CONNACK_V5_UNSUPPORTED = b"\x20\x03\x00\x84\x00"
"""What a client of MQTT 5 understands: unsupported protocol version, no properties (MQTT 5, §3.2)."""

MOST_FILTERS = 1000
"""In one packet. There is room for 65,000; nobody can be granted so many, and others would wait while they are read."""

_FAILURE = 0x80
"""The SUBACK code of a refused filter."""

_ANSWERS = {
    ConnectAnswer.ACCEPTED: 0,
    ConnectAnswer.PROTOCOL: 1,
    ConnectAnswer.CLIENT_ID: 2,
    ConnectAnswer.UNAVAILABLE: 3,
    ConnectAnswer.CREDENTIALS: 4,
    ConnectAnswer.NOT_AUTHORIZED: 5,
}
"""The return codes of CONNACK (§3.2.2.3)."""

# U+0000 is forbidden; the other controls and the non-characters are what §1.5.3 lets a receiver refuse, and in a name
# that ends up in logs and pages they never mean well.
_NON_CHARACTERS = "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
_UNWANTED = re.compile(f"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef{_NON_CHARACTERS}]")


def read_text(raw: bytes) -> str:
    """Return a UTF-8 string without control characters and non-characters (§1.5.3)."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Violation(Fault.TEXT) from None
    if not (text.isascii() and text.isprintable()) and _UNWANTED.search(text):  # The first half is the quicker one.
        raise Violation(Fault.TEXT)
    return text


def read_topic(raw: bytes) -> str:
    """Return the name that a message is published to (§3.3.2.1)."""
    topic = read_text(raw)
    if not is_name(topic):
        raise Violation(Fault.TOPIC)
    return topic


class _Body:
    """The body of a packet, read from the front."""

    __slots__ = ("_at", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def byte(self) -> int:
        at = self._past(1)
        return self._raw[at]

    def number(self) -> int:
        at = self._past(2)
        return self._raw[at] << 8 | self._raw[at + 1]

    def binary(self) -> bytes:
        length = self.number()
        at = self._past(length)
        return self._raw[at : at + length]

    def _past(self, length: int) -> int:
        """Go past so many bytes, and return where they begin."""
        at = self._at
        if at + length > len(self._raw):
            raise Violation(Fault.TRUNCATED)
        self._at = at + length
        return at

    def text(self) -> str:
        return read_text(self.binary())

    def packet_id(self) -> int:
        number = self.number()
        if number == 0:
            raise Violation(Fault.PACKET_ID)
        return number

    @property
    def ended(self) -> bool:
        return self._at == len(self._raw)

    def end(self) -> None:
        if not self.ended:
            raise Violation(Fault.TRAILING)


def read_connect(raw: bytes) -> Connect:
    """Read a CONNECT (§3.1); raises UnsupportedProtocol when it is of another version, without reading on."""
    body = _Body(raw)
    _protocol(body)
    flags = body.byte()
    _check_connect_flags(flags)
    keep_alive = body.number()
    client_id = body.text()
    will = None
    if flags & 0x04:
        will = Will(read_topic(body.binary()), body.binary(), flags >> 3 & 3, bool(flags & 0x20))
    username = body.text() if flags & 0x80 else None
    password = body.binary() if flags & 0x40 else None
    body.end()
    return Connect(
        client_id=client_id,
        clean_session=bool(flags & 0x02),
        keep_alive=keep_alive,
        username=username,
        password=password,
        will=will,
    )


def _protocol(body: _Body) -> None:
    name, level = body.binary(), body.byte()
    if name == b"MQIsdp":
        raise UnsupportedProtocol(level)
    if name != b"MQTT":
        raise Violation(Fault.PROTOCOL_NAME)
    if level != 4:
        raise UnsupportedProtocol(level)


def _check_connect_flags(flags: int) -> None:
    reserved = flags & 0x01
    will_details_without_will = not flags & 0x04 and flags & 0x38
    will_qos_3 = flags & 0x18 == 0x18
    password_without_username = flags & 0xC0 == 0x40
    if reserved or will_details_without_will or will_qos_3 or password_without_username:
        raise Violation(Fault.CONNECT_FLAGS)


def read_publish(first: int, raw: bytes) -> Publish:
    """Read a PUBLISH (§3.3). Its topic stays bytes; `read_topic` has the last word on them."""
    if len(raw) < 2:
        raise Violation(Fault.TRUNCATED)
    end = 2 + (raw[0] << 8 | raw[1])
    qos = first >> 1 & 3
    if qos == 0:
        if first & 0x08:
            raise Violation(Fault.FLAGS)  # DUP, [MQTT-3.3.1-2]
        if end > len(raw):
            raise Violation(Fault.TRUNCATED)
        return Publish(raw[2:end], raw[end:], 0, bool(first & 1), 0)
    begin = end + 2
    if begin > len(raw):
        raise Violation(Fault.TRUNCATED)
    packet_id = raw[end] << 8 | raw[end + 1]
    if packet_id == 0:
        raise Violation(Fault.PACKET_ID)
    return Publish(raw[2:end], raw[begin:], qos, bool(first & 1), packet_id)


def read_subscribe(raw: bytes) -> Subscribe:
    """Read a SUBSCRIBE (§3.8). Filters are well-formed; whether they are allowed is another question."""
    body = _Body(raw)
    packet_id = body.packet_id()
    filters: list[tuple[str, int]] = []
    while not body.ended:
        _check_number(filters)
        topic_filter, qos = _filter(body), body.byte()
        if qos > 2:
            raise Violation(Fault.QOS)
        filters.append((topic_filter, qos))
    if not filters:
        raise Violation(Fault.NO_FILTER)
    return Subscribe(packet_id, tuple(filters))


def read_unsubscribe(raw: bytes) -> Unsubscribe:
    """Read an UNSUBSCRIBE (§3.10)."""
    body = _Body(raw)
    packet_id = body.packet_id()
    filters: list[str] = []
    while not body.ended:
        _check_number(filters)
        filters.append(_filter(body))
    if not filters:
        raise Violation(Fault.NO_FILTER)
    return Unsubscribe(packet_id, tuple(filters))


def _check_number(filters: Sized) -> None:
    if len(filters) >= MOST_FILTERS:
        raise Violation(Fault.TOO_MANY_FILTERS)


def _filter(body: _Body) -> str:
    text = body.text()
    if not is_filter(text):
        raise Violation(Fault.TOPIC)
    return text


def read_packet_id(raw: bytes) -> int:
    """Read a PUBACK, PUBREC, PUBREL or PUBCOMP (§3.4 to §3.7), which is a packet id and nothing else."""
    if len(raw) != 2:
        raise Violation(Fault.TRAILING if len(raw) > 2 else Fault.TRUNCATED)
    packet_id = raw[0] << 8 | raw[1]
    if packet_id == 0:
        raise Violation(Fault.PACKET_ID)
    return packet_id


def read_nothing(raw: bytes) -> None:
    """Read a PINGREQ or DISCONNECT (§3.12, §3.14)."""
    if raw:
        raise Violation(Fault.TRAILING)


def connack(answer: ConnectAnswer, *, present: bool = False) -> bytes:
    """Write a CONNACK; `present` says that the client finds the session that it left."""
    return bytes((0x20, 2, present, _ANSWERS[answer]))


def puback(packet_id: int) -> bytes:
    return b"\x40\x02" + packet_id.to_bytes(2)


def pubrec(packet_id: int) -> bytes:
    return b"\x50\x02" + packet_id.to_bytes(2)


def pubrel(packet_id: int) -> bytes:
    return b"\x62\x02" + packet_id.to_bytes(2)


def pubcomp(packet_id: int) -> bytes:
    return b"\x70\x02" + packet_id.to_bytes(2)


def suback(packet_id: int, granted: Iterable[int | None]) -> bytes:
    """Write a SUBACK: for each filter the QoS that was granted, None where it was refused."""
    codes = bytes(_FAILURE if qos is None else qos for qos in granted)
    return b"\x90" + _varint(2 + len(codes)) + packet_id.to_bytes(2) + codes


def unsuback(packet_id: int) -> bytes:
    return b"\xb0\x02" + packet_id.to_bytes(2)


def publish_head(topic: bytes, payload_length: int, *, flags: int) -> bytes:
    """Write the front of a PUBLISH: the packet id follows if the QoS is above 0, then the payload."""
    length = 2 + len(topic) + (2 if flags & 0b0110 else 0) + payload_length
    return bytes((0x30 | flags,)) + _varint(length) + len(topic).to_bytes(2) + topic


def _varint(value: int) -> bytes:
    if value < 128:
        return bytes((value,))
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
