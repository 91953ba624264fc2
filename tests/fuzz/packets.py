"""Framer and codec: refused or understood, the same however the bytes were cut, and nothing read that was not there."""

from broker import codec
from broker.framer import Framer
from broker.packets import Connect, PacketType, Publish, UnsupportedProtocol, Violation
from tests.broker.raw import packet, publish_packet, subscribe_packet, text

LARGEST = 2048

Taken = list[tuple[int, bytes] | str]
"""Packets in their order, and the fault that ended them if there was one."""


def target(data: bytes) -> None:
    """The first byte says in pieces of which size the others come."""
    if not data:
        return
    stream = data[1:]
    whole = taken([stream])
    assert taken(in_pieces(stream, data[0] % 16 + 1)) == whole
    for one in whole:
        if not isinstance(one, str):
            read(*one)


def in_pieces(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def taken(pieces: list[bytes]) -> Taken:
    framer, got = Framer(largest=LARGEST), Taken()
    for piece in pieces:
        framer.feed(piece)
        try:
            while (found := framer.take()) is not None:
                got.append(found)
                framer.put_back()
                assert framer.take() == found
        except Violation as violation:
            return [*got, violation.fault]
        assert framer.waiting <= LARGEST + 5
        assert framer.is_empty == (framer.waiting == 0)
    return got


def read(first: int, body: bytes) -> None:
    """Read a packet, and write what was understood: it must be what was there."""
    try:
        written = _written(first, body)
    except (Violation, UnsupportedProtocol):
        return
    assert written == packet(first, body), (first, body)


def _written(first: int, body: bytes) -> bytes:
    match first >> 4:
        case PacketType.CONNECT:
            return _connect(codec.read_connect(body))
        case PacketType.PUBLISH:
            return _publish(first, codec.read_publish(first, body))
        case PacketType.SUBSCRIBE:
            subscribe = codec.read_subscribe(body)
            return subscribe_packet(*subscribe.filters, packet_id=subscribe.packet_id)
        case PacketType.UNSUBSCRIBE:
            unsubscribe = codec.read_unsubscribe(body)
            return packet(first, unsubscribe.packet_id.to_bytes(2) + b"".join(map(text, unsubscribe.filters)))
        case PacketType.PINGREQ | PacketType.DISCONNECT:
            codec.read_nothing(body)
            return packet(first)
        case _:
            return packet(first, codec.read_packet_id(body).to_bytes(2))


def _publish(first: int, publish: Publish) -> bytes:
    codec.read_topic(publish.topic)
    return publish_packet(
        publish.topic,
        publish.payload,
        qos=publish.qos,
        packet_id=publish.packet_id,
        retain=publish.retain,
        dup=bool(first & 0x08),
    )


def _connect(connect: Connect) -> bytes:
    flags, payload = connect.clean_session << 1, text(connect.client_id)
    if connect.will is not None:
        flags |= 0x04 | connect.will.qos << 3 | connect.will.retain << 5
        payload += text(connect.will.topic) + text(connect.will.payload)
    if connect.username is not None:
        flags |= 0x80
        payload += text(connect.username)
    if connect.password is not None:
        flags |= 0x40
        payload += text(connect.password)
    return packet(0x10, text("MQTT") + bytes((4, flags)) + connect.keep_alive.to_bytes(2) + payload)
