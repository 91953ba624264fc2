"""What waits to be judged: device messages, ended tokens, passed deadlines and our own beginnings, in one order.

The queue is bounded and never drops: a publisher that fills it is asked to stop reading (`offer` says False)
and is called again when half of it has drained. Deadlines stand in the same order as messages, so a tablet
whose heartbeat arrived before its deadline was looked at is never called silent.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from broker.delivery import Delivery, TokenEnd
from rules.ids import DeviceId, HotelId


class Arrived(Struct, frozen=True):
    """A message that the broker handed over, and when."""

    delivery: Delivery
    at: datetime


class Ended(Struct, frozen=True):
    """The broker closed a device's connection because its token ended."""

    hotel_id: HotelId
    device_id: DeviceId
    cause: TokenEnd
    at: datetime


class DeadlineDue(Struct, frozen=True):
    """The watch found a deadline that has passed; whether it still holds is judged in its turn."""

    hotel_id: HotelId
    device_id: DeviceId
    at: datetime


class Began(Struct, frozen=True):
    """The bridge began to listen, at its start or after it heard nobody for a while."""

    at: datetime


Input = Arrived | Ended | DeadlineDue | Began


class InputQueue:
    """The broker's `Intake`: what it offers is kept until the bridge has stored it."""

    def __init__(
        self, *, now: Callable[[], datetime], limit: int = 10_000, limit_bytes: int = 32 * 1024 * 1024
    ) -> None:
        self._now = now
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._inputs: deque[Input] = deque()
        self._arrived = asyncio.Event()
        self._resumes: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._inputs)

    def offer(self, delivery: Delivery) -> bool:
        """Take the message, always; False asks its connection to stop reading until `on_room` calls it."""
        self._bytes += len(delivery.payload)
        self.put(Arrived(delivery, self._now()))
        return len(self._inputs) < self._limit and self._bytes < self._limit_bytes

    def on_room(self, resume: Callable[[], None]) -> None:
        if self._has_room():
            resume()
        else:
            self._resumes.append(resume)

    def ended(self, hotel_id: HotelId, device_id: DeviceId, cause: TokenEnd) -> None:
        self.put(Ended(hotel_id, device_id, cause, self._now()))

    def put(self, item: Input) -> None:
        self._inputs.append(item)
        self._arrived.set()

    async def take(self, most: int) -> list[Input]:
        """The next inputs in order, at least one and `most` at the most; waits only while there is none.

        Whatever arrives while one batch is being committed is the next batch: batches grow with the load,
        and a lone message never waits for company.
        """
        while not self._inputs:
            self._arrived.clear()
            await self._arrived.wait()
        taken = [self._inputs.popleft() for _ in range(min(most, len(self._inputs)))]
        self._bytes -= sum(len(item.delivery.payload) for item in taken if isinstance(item, Arrived))
        if self._resumes and self._has_room():
            resumes, self._resumes = self._resumes, []
            for resume in resumes:
                resume()
        return taken

    def _has_room(self) -> bool:
        return len(self._inputs) <= self._limit // 2 and self._bytes <= self._limit_bytes // 2
