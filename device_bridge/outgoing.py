"""What the bridge publishes to a broker that may go away: announcements wait for it, receipts do not.

An announcement is kept, in order, until the broker has acknowledged it; what a lost connection left unacknowledged
goes out again first on the next one. So it arrives at least once, and a later one never before an earlier one alone. A
receipt that is lost is had again: the tablet sends its message a second time (docs/contract.md, 3).
"""

import asyncio
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from device_bridge.mqtt_wire import Wire, WireLost

_IN_FLIGHT = 500  # without their acknowledgment; a broker's default window towards us is smaller or as large
_MOST, _MOST_BYTES = 2_000, 16 * 1024 * 1024  # announcements that wait or are in flight
_MOST_RECEIPTS = 2_000  # in flight
_PATIENCE_S = 0.5


class _Leaf(Struct, frozen=True):
    number: int
    topic: str
    payload: bytes
    retain: bool


class Announcements:
    """A `Publisher` that waits: for the broker, and for room when it is behind."""

    def __init__(self) -> None:
        self._wire: Wire | None = None
        self._waiting: deque[_Leaf] = deque()
        self._flying: dict[int, _Leaf] = {}  # by packet id, in order
        self._bytes = 0
        self._numbers = 0
        self._moved = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._flying)

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Have it published, after all before it; returns as soon as there is room for it. Always at QoS 1."""
        while len(self) >= _MOST or self._bytes >= _MOST_BYTES:
            await self._move()
        self.put(topic, payload, retain=retain)

    def put(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Have it published whether there is room or not: for the few that cannot wait."""
        self._numbers += 1
        self._waiting.append(_Leaf(self._numbers, topic, payload, retain))
        self._bytes += len(payload)
        self._send()

    async def acknowledged(self) -> None:
        """Return when the broker has acknowledged all that was published until now."""
        last = self._numbers
        while self._oldest() <= last:
            await self._move()

    def attach(self, wire: Wire) -> None:
        """Publish through this connection from now on."""
        self._wire = wire
        self._send()

    def detach(self) -> None:
        """The connection has ended: what it did not get acknowledged is to be sent again, first."""
        self._wire = None
        self._waiting.extendleft(reversed(self._flying.values()))
        self._flying.clear()

    def published(self, packet_id: int) -> bool:
        """Take a PUBACK; False when it is for somebody else."""
        leaf = self._flying.pop(packet_id, None)
        if leaf is None:
            return False
        self._bytes -= len(leaf.payload)
        self._moved.set()
        self._send()
        return True

    def _send(self) -> None:
        while self._wire is not None and self._waiting and len(self._flying) < _IN_FLIGHT:
            leaf = self._waiting[0]
            try:
                packet_id = self._wire.publish(leaf.topic, leaf.payload, retain=leaf.retain)
            except WireLost:
                return  # whoever has the connection is about to detach it
            self._waiting.popleft()
            self._flying[packet_id] = leaf

    def _oldest(self) -> int:
        first = next(iter(self._flying.values()), None) or (self._waiting[0] if self._waiting else None)
        return first.number if first is not None else self._numbers + 1

    async def _move(self) -> None:
        self._moved.clear()
        await self._moved.wait()


class Receipts:
    """A `Publisher` that never keeps the intake waiting for long: what cannot go out is lost, and counted."""

    def __init__(self, *, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._wire: Wire | None = None
        self._flying: set[int] = set()
        self._moved = asyncio.Event()
        self._is_patient = True

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish it at once, or within half a second, or not at all. Always at QoS 1."""
        if not await self._has_room() or self._wire is None:
            self._lost()
            return
        try:
            self._flying.add(self._wire.publish(topic, payload, retain=retain))
        except WireLost:
            self._lost()

    async def _has_room(self) -> bool:
        """Wait for room; after that was in vain no more, until there is some."""
        if len(self._flying) < _MOST_RECEIPTS:
            self._is_patient = True
            return True
        if not self._is_patient:
            return False
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while len(self._flying) >= _MOST_RECEIPTS:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            self._is_patient = False
        return self._is_patient

    def attach(self, wire: Wire) -> None:
        self._wire = wire

    def detach(self) -> None:
        self._wire = None
        self._flying.clear()
        self._moved.set()

    def published(self, packet_id: int) -> None:
        self._flying.discard(packet_id)
        self._moved.set()
