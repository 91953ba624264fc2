"""Exactly once, at QoS 2 from one client to another, whatever breaks in between: lines, the broker, the machine."""

import asyncio
import contextlib
import random

import pytest

from tests.broker.house import House, Openings
from tests.broker.raw import RawClient, Ticket, packet, publish_packet, subscribe_packet
from tests.support import eventually

DOOR = "hotels/h1/ext/opera/door"
PUBREC, PUBREL, PUBCOMP, SUBACK = 0x50, 0x62, 0x70, 0x90


class Lasting:
    """A client with a session that is kept, and what such a client remembers itself (3.1.1 §4.4)."""

    def __init__(self, house: House, ticket: Ticket) -> None:
        self.house = house
        self.ticket = ticket
        self.client: RawClient | None = None
        self.published: dict[int, bytes] = {}  # not received yet, in order
        self.released: list[int] = []  # not completed yet
        self.taken: set[int] = set()  # packet ids without their PUBREL
        self.got: list[int] = []
        self.subscribed = False
        self._last_id = 0
        self._reading: asyncio.Task[None] | None = None

    async def come(self, tasks: asyncio.TaskGroup) -> None:
        await self.go()
        self.client = await self.house.connect(self.ticket, clean=False)
        assert self.client.present is self.subscribed
        for packet_id in self.released:
            self._send(packet(PUBREL, packet_id.to_bytes(2)))
        for packet_id, payload in self.published.items():
            self._send(publish_packet(DOOR, payload, qos=2, packet_id=packet_id, dup=True))
        self._reading = tasks.create_task(self._read(self.client))

    async def go(self) -> None:
        """Break off. What was under way to us may still be read, or not."""
        if self.client is not None and self._reading is not None:
            self.client.cut()
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading

    def publish(self, payload: bytes) -> bool:
        """Publish, unless all packet ids are in use; there are few, so that they come round."""
        packet_id = self._last_id % 50 + 1
        if packet_id in self.published or packet_id in self.released:
            return False
        self._last_id = packet_id
        self.published[packet_id] = payload
        self._send(publish_packet(DOOR, payload, qos=2, packet_id=packet_id))
        return True

    async def subscribe(self, topic_filter: str) -> None:
        """Subscribe; the answer says that the session is on disk."""
        self._send(subscribe_packet((topic_filter, 2)))
        await eventually(lambda: self.subscribed, every=0.001)

    def _send(self, data: bytes) -> None:
        assert self.client is not None
        self.client.writer.write(data)

    async def _read(self, client: RawClient) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            while True:
                first, body = await client.packet()
                self._hear(first, body)

    def _hear(self, first: int, body: bytes) -> None:
        if first == SUBACK:
            self.subscribed = True
        elif first == PUBREC:
            packet_id = int.from_bytes(body)
            if self.published.pop(packet_id, None) is not None:
                self.released.append(packet_id)
            self._send(packet(PUBREL, body))
        elif first == PUBCOMP:
            self.released.remove(int.from_bytes(body))
        elif first == PUBREL:
            self.taken.discard(int.from_bytes(body))
            self._send(packet(PUBCOMP, body))
        else:
            self._take(body[2 + len(DOOR) :])

    def _take(self, rest: bytes) -> None:
        """Take a PUBLISH, of which this comes after the topic."""
        packet_id, payload = int.from_bytes(rest[:2]), rest[2:]
        if packet_id not in self.taken:
            self.taken.add(packet_id)
            self.got.append(int(payload))
        self._send(packet(PUBREC, rest[:2]))


@pytest.mark.parametrize("seed", range(8))
async def test_every_message_arrives_once_and_in_order(open_house: Openings, seed: int) -> None:
    chance = random.Random(seed)
    house = await open_house(in_flight=chance.choice([1, 3, 64]))
    reader = Lasting(house, house.integrator(app="reader"))
    writer = Lasting(house, house.integrator(app="writer"))
    sent = 0
    async with asyncio.TaskGroup() as tasks:
        await reader.come(tasks)
        await reader.subscribe(DOOR)
        await writer.come(tasks)
        await writer.subscribe(f"{DOOR}/other")
        for _ in range(60):
            for _ in range(chance.randint(0, 6)):
                sent += writer.publish(b"%d" % sent)
            for _ in range(chance.choice([0, 1, 5, 30])):
                await asyncio.sleep(0)
            match chance.randint(0, 9):
                case 0:
                    await house.crash()
                    await reader.come(tasks)
                    await writer.come(tasks)
                case 1:
                    await house.restart()
                    await writer.come(tasks)
                    await reader.come(tasks)
                case 2 | 3:
                    await reader.come(tasks)
                case 4 | 5:
                    await writer.come(tasks)
        await eventually(lambda: not writer.published and not writer.released and len(reader.got) >= sent)
        await reader.go()
        await writer.go()
    assert reader.got == list(range(sent))
    assert sent > 20
