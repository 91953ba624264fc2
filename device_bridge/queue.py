"""What waits to be judged: device messages, ended tokens, passed deadlines and our own beginnings, in one order.

The queue is bounded and never drops: a publisher that fills it is asked to stop reading (`offer` says False)
and is called again when half of it has drained. Deadlines stand in the same order as messages, so a tablet
whose heartbeat arrived before its deadline was looked at is never called silent.

It also sets the pace (docs/adr/0016): a commit costs as much as twenty messages, so right after one heartbeats wait a
few milliseconds for company. Whatever is not a heartbeat is in a hurry, and takes along all that came before it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from broker.delivery import Delivery, TokenEnd
from broker.topics import Kind
from rules.gap import Gap
from rules.ids import DeviceId, HotelId
from rules.inputs import ReviewRecord
from rules.response import Resolved
from rules.room_fit import Partner
from store.records import InboxKey

PAUSE: Final = timedelta(milliseconds=4)
"""How long heartbeats may wait for company, counted from the end of the batch before."""

COMPANY: Final = 50
"""Inputs that need not wait for any more."""

_HEARTBEAT: Final = Kind.HEARTBEAT  # to name the member takes as long as to take the message


class Arrived(Struct, frozen=True, gc=False):
    """A message that the broker handed over, and when; from the inbox, with the row that holds it."""

    delivery: Delivery
    at: datetime
    inbox_key: InboxKey | None = None


class Ended(Struct, frozen=True):
    """The broker closed a device's connection because its token ended."""

    hotel_id: HotelId
    device_id: DeviceId
    cause: TokenEnd
    at: datetime


class Deed(Struct, frozen=True):
    """What a person did about an alert, from the inbox. `settle` is called when it is stored."""

    hotel_id: HotelId
    device_id: DeviceId
    deed: Resolved
    at: datetime
    inbox_key: InboxKey
    settle: Callable[[], None]


class DeadlineDue(Struct, frozen=True):
    """The watch found a deadline that has passed; whether it still holds is judged in its turn.

    `alive_at`: when the broker last had a packet of the tablet's connection, as far as it can be asked. `as_of_now`:
    judge it as of `at`, for it does not lead onwards (`device_bridge.onwards`).
    """

    hotel_id: HotelId
    device_id: DeviceId
    at: datetime
    alive_at: datetime | None = None
    as_of_now: bool = False


class OutageDue(Struct, frozen=True):
    """An incident of the hotel is to be looked at: its deadline has come, or a tablet of it is no more."""

    hotel_id: HotelId
    at: datetime


class Began(Struct, frozen=True):
    """The bridge began to listen, at its start or after it heard nobody for a while; `why` it did not.

    `gap`: when it did not, where that is known and long enough to be our own outage.
    """

    at: datetime
    gap: Gap | None = None
    why: str | None = None


class Paired(Struct, frozen=True):
    """It was found with which tablet this one is swapped; None: with none any more."""

    hotel_id: HotelId
    device_id: DeviceId
    partner: Partner | None
    at: datetime


class Decided(Struct, frozen=True):
    """People have decided something else of a tablet that has alerts: they are to be judged anew."""

    hotel_id: HotelId
    device_id: DeviceId
    record: ReviewRecord
    at: datetime


Input = Arrived | Ended | Deed | DeadlineDue | OutageDue | Began | Paired | Decided


class InputQueue:
    """The broker's `Intake`: what it offers is kept until the bridge has stored it."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        limit: int = 10_000,
        limit_bytes: int = 32 * 1024 * 1024,
        pause: timedelta = PAUSE,
    ) -> None:
        self._now = now
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._inputs: deque[Input] = deque()
        self._resumes: list[Callable[[], None]] = []
        self._pause = pause.total_seconds()
        self._hurried = False  # one of the inputs must not wait
        self._rested_at = 0.0  # on the loop's clock: when heartbeats need not wait any more
        self._rest: asyncio.TimerHandle | None = None
        self._taker: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._inputs)

    def offer(self, delivery: Delivery, *, inbox_key: InboxKey | None = None) -> bool:
        """Take the message, always; False asks its connection to stop reading until `on_room` calls it."""
        self._bytes += len(delivery.payload)
        self._inputs.append(Arrived(delivery, self._now(), inbox_key))
        if delivery.topic.kind is not _HEARTBEAT:
            self._hurried = True
        if self._taker is not None:
            self._look(self._taker)
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
        self._hurried = True
        if self._taker is not None:
            self._look(self._taker)

    async def take(self, most: int) -> list[Input]:
        """The next inputs in order, at least one and `most` at the most, for one who stores them before asking again.

        Whatever arrives while one batch is being committed is the next batch: batches grow with the load. Heartbeats
        that come within `pause` of the last batch wait for its end, or for `COMPANY`, or for whoever is in a hurry; one
        that comes later never waits.
        """
        loop = asyncio.get_running_loop()
        self._rested_at = loop.time() + self._pause
        if not self._has_enough():
            taker = self._taker = loop.create_future()
            if self._inputs:
                self._look(taker)
            try:
                await taker
            finally:
                self._let_go(taker)
        taken = self._taken(most)
        if self._resumes and self._has_room():
            resumes, self._resumes = self._resumes, []
            for resume in resumes:
                resume()
        return taken

    def _taken(self, most: int) -> list[Input]:
        if len(self._inputs) <= most:
            taken = list(self._inputs)
            self._inputs.clear()
            self._bytes, self._hurried = 0, False
            return taken
        taken = [self._inputs.popleft() for _ in range(most)]
        self._bytes -= sum(len(item.delivery.payload) for item in taken if isinstance(item, Arrived))
        return taken

    def _has_enough(self) -> bool:
        return self._hurried or len(self._inputs) >= COMPANY

    def _look(self, taker: asyncio.Future[None]) -> None:
        """Let the taker go, or see to it that the rest ends: something is there."""
        if self._has_enough():
            self._let_go(taker)
        elif self._rest is None:
            loop = taker.get_loop()
            if loop.time() < self._rested_at:
                self._rest = loop.call_at(self._rested_at, self._let_go, taker)
            else:
                self._let_go(taker)

    def _let_go(self, taker: asyncio.Future[None]) -> None:
        self._taker = None
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        if not taker.done():
            taker.set_result(None)

    def _has_room(self) -> bool:
        return len(self._inputs) <= self._limit // 2 and self._bytes <= self._limit_bytes // 2
