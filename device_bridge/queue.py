"""What waits to be judged: device messages, ended tokens and passed deadlines, in one order.

The queue is bounded and never drops: a publisher that fills it is asked to stop reading (`offer` says False)
and is called again when half of it has drained. Deadlines stand in the same order as messages, so a tablet
whose heartbeat arrived before its deadline was looked at is never called silent.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from broker.delivery import Delivery
from rules.ids import DeviceId, HotelId


class Arrived(Struct, frozen=True):
    """A message that the broker handed over, and when."""

    delivery: Delivery
    at: datetime


class Expired(Struct, frozen=True):
    """The broker closed a device's connection because its token ended."""

    hotel_id: HotelId
    device_id: DeviceId
    at: datetime


class DeadlineDue(Struct, frozen=True):
    """The watch found a deadline that has passed; whether it still holds is judged in its turn."""

    hotel_id: HotelId
    device_id: DeviceId
    at: datetime


Input = Arrived | Expired | DeadlineDue


class InputQueue:
    """The broker's `Intake`: what it offers is kept until the bridge has stored it."""

    def __init__(self, *, now: Callable[[], datetime], limit: int = 10_000) -> None:
        self._now = now
        self._limit = limit
        self._inputs: deque[Input] = deque()
        self._arrived = asyncio.Event()
        self._resumes: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._inputs)

    def offer(self, delivery: Delivery) -> bool:
        """Take the message, always; False asks its connection to stop reading until `on_room` calls it."""
        self.put(Arrived(delivery, self._now()))
        return len(self._inputs) < self._limit

    def on_room(self, resume: Callable[[], None]) -> None:
        if self._has_room():
            resume()
        else:
            self._resumes.append(resume)

    def expired(self, hotel_id: HotelId, device_id: DeviceId) -> None:
        self.put(Expired(hotel_id, device_id, self._now()))

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
        if self._resumes and self._has_room():
            resumes, self._resumes = self._resumes, []
            for resume in resumes:
                resume()
        return taken

    def _has_room(self) -> bool:
        return len(self._inputs) <= self._limit // 2
