"""A client that says exactly what a test wants it to, byte by byte; its encoder shares nothing with the broker's."""

import asyncio
import contextlib
from typing import NamedTuple

PATIENCE = 5.0
"""Seconds until something that must come is missed."""


class Ticket(NamedTuple):
    client_id: str
    username: str
    token: str


class Will(NamedTuple):
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


class Published(NamedTuple):
    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    packet_id: int


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(2) + raw


def packet(first: int, body: bytes = b"") -> bytes:
    length, rest = len(body), b""
    while True:
        length, digit = divmod(length, 128)
        rest += bytes((digit | (128 if length else 0),))
        if not length:
            return bytes((first,)) + rest + body


def connect_packet(
    ticket: Ticket, *, will: Will | None = None, keep_alive: int = 0, clean: bool = True, level: int = 4
) -> bytes:
    flags = 0xC0 | clean << 1
    payload = text(ticket.client_id)
    if will is not None:
        flags |= 0x04 | will.qos << 3 | will.retain << 5
        payload += text(will.topic) + text(will.payload)
    payload += text(ticket.username) + text(ticket.token)
    return packet(0x10, text("MQTT") + bytes((level, flags)) + keep_alive.to_bytes(2) + payload)


def publish_packet(
    topic: str | bytes, payload: bytes, *, qos: int = 1, packet_id: int = 1, retain: bool = False, dup: bool = False
) -> bytes:
    identifier = packet_id.to_bytes(2) if qos else b""
    return packet(0x30 | dup << 3 | qos << 1 | retain, text(topic) + identifier + payload)


def subscribe_packet(*filters: tuple[str, int], packet_id: int = 1) -> bytes:
    return packet(0x82, packet_id.to_bytes(2) + b"".join(text(name) + bytes((qos,)) for name, qos in filters))


class RawClient:
    """One socket. Whatever is expected must come within `PATIENCE`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.present = False  # whether the broker had the session, by its CONNACK

    @classmethod
    async def dial(cls, port: int) -> "RawClient":
        async with asyncio.timeout(PATIENCE):
            return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def packet(self) -> tuple[int, bytes]:
        """Return the first byte and the body of the next packet; raises IncompleteReadError when there is none."""
        async with asyncio.timeout(PATIENCE):
            first = (await self.reader.readexactly(1))[0]
            length = shift = 0
            while True:
                digit = (await self.reader.readexactly(1))[0]
                length |= (digit & 127) << shift
                shift += 7
                if digit < 128:
                    return first, await self.reader.readexactly(length)

    async def connect(
        self, ticket: Ticket, *, will: Will | None = None, keep_alive: int = 0, clean: bool = True
    ) -> int:
        """Say CONNECT and return the code of the answer."""
        await self.send(connect_packet(ticket, will=will, keep_alive=keep_alive, clean=clean))
        first, body = await self.packet()
        assert (first, len(body)) == (0x20, 2)
        assert body[0] in (0, 1)
        self.present = body[0] == 1
        return body[1]

    async def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, packet_id: int = 1, retain: bool = False
    ) -> None:
        await self.send(publish_packet(topic, payload, qos=qos, packet_id=packet_id, retain=retain))

    async def subscribe(self, *filters: tuple[str, int] | str) -> list[int]:
        """Subscribe, at QoS 1 where none is given, and return the codes of the SUBACK."""
        pairs = [(one, 1) if isinstance(one, str) else one for one in filters]
        await self.send(subscribe_packet(*pairs, packet_id=9))
        first, body = await self.packet()
        assert (first, body[:2]) == (0x90, b"\x00\x09")
        return list(body[2:])

    async def expect_puback(self, packet_id: int) -> None:
        assert await self.packet() == (0x40, packet_id.to_bytes(2))

    async def expect_publish(self) -> Published:
        """Return the next PUBLISH, unacknowledged."""
        first, body = await self.packet()
        assert first >> 4 == 3, hex(first)
        end = 2 + int.from_bytes(body[:2])
        qos = first >> 1 & 3
        packet_id = int.from_bytes(body[end : end + 2]) if qos else 0
        payload = body[end + 2 :] if qos else body[end:]
        return Published(body[2:end].decode(), payload, qos, bool(first & 1), bool(first & 8), packet_id)

    async def take(self) -> Published:
        """Return the next PUBLISH and acknowledge it."""
        published = await self.expect_publish()
        if published.qos:
            await self.send(packet(0x40, published.packet_id.to_bytes(2)))
        return published

    async def read(self, size: int) -> bytes:
        """Return exactly the next `size` bytes."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(size)

    async def ping(self) -> None:
        """Make sure that everything sent so far was handled and nothing else is on its way."""
        await self.send(b"\xc0\x00")
        assert await self.packet() == (0xD0, b"")

    async def expect_end(self) -> None:
        """Make sure that the broker ends the connection, saying nothing more."""
        assert await self.rest() == b""

    async def rest(self) -> bytes:
        """Return what comes until the broker ends the connection."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
            return b""

    async def disconnect(self) -> None:
        """Say goodbye and close."""
        await self.send(b"\xe0\x00")
        await self.hang_up()

    async def hang_up(self) -> None:
        """Close without a word."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def cut(self) -> None:
        """Drop the connection as a power cut would."""
        self.writer.transport.abort()
