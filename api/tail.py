"""The newest events of one hotel, read once for all the streams that follow it.

Events never change and their ids have no gaps, so what was read for one reader is right for every other. A reader that
is far behind reads pages of its own and leaves the shared ones alone.
"""

import asyncio
import math
import time
from collections import deque
from itertools import islice

import msgspec
from msgspec import Struct

from rules.ids import HotelId
from store import Store
from store.records import Event

PAGE = 256
"""Events of one read: what a stream sends at once."""

KEPT = 512


class Line(Struct, frozen=True):
    """One event as server-sent text."""

    id: int
    text: bytes


class Tail:
    """Gives lines after an id, in order. Readers that are woken together are served by one query."""

    def __init__(self, store: Store, hotel_id: HotelId) -> None:
        self._store = store
        self._hotel_id = hotel_id
        self._recent: deque[Line] = deque(maxlen=KEPT)
        self._reading = asyncio.Lock()
        self._looked_at = -math.inf
        self._end = -1

    async def after(self, last: int, *, since: float) -> list[Line]:
        """Return the lines after `last`, at most PAGE of them; none: there was no other at `since` or later.

        `since` is in monotonic seconds. The first line is `last` + 1 unless that one has been pruned.
        """
        async with self._reading:
            lines = self._remembered(last)
            if lines or (last == self._end and since < self._looked_at):
                return lines
            await asyncio.sleep(0)  # Others, woken by the same ring, get in line: this look will do for them too.
            return await self._read(last)

    def _remembered(self, last: int) -> list[Line]:
        start = last + 1 - self._recent[0].id if self._recent else -1
        return list(islice(self._recent, start, start + PAGE)) if start >= 0 else []

    async def _read(self, last: int) -> list[Line]:
        began = time.monotonic()
        events = self._store.events_here_after(self._hotel_id, last, limit=PAGE)
        events = events or await self._store.events_after(self._hotel_id, last, limit=PAGE)
        lines = [line(event) for event in events]
        if len(lines) < PAGE:
            self._looked_at, self._end = began, lines[-1].id if lines else last
        if lines and (not self._recent or lines[0].id > self._recent[-1].id):
            if self._recent and lines[0].id != self._recent[-1].id + 1:
                self._recent.clear()  # Nobody read for a while; what is kept must have no gap.
            self._recent.extend(lines)
        return lines


def line(event: Event) -> Line:
    """Encode an event: its JSON, which is the same as on MQTT, under its id and type."""
    text = b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.type.encode(), msgspec.json.encode(event))
    return Line(event.id, text)
