"""The events that this process committed last: whoever follows them need not ask the database for each.

They are this process's own. Those of another one, such as the command line, leave a gap in the ids, and beyond a gap
nothing is said here: the database knows.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import groupby, takewhile
from typing import Final

from rules.ids import HotelId
from store.records import Event, Recorded

KEPT: Final = 256
"""Events of each hotel."""


class Recent:
    """Filled on the thread that writes, read on the loop: what is read is replaced, never changed."""

    def __init__(self) -> None:
        self._events: dict[HotelId, tuple[Event, ...]] = {}

    def add(self, recorded: Iterable[Recorded]) -> None:
        """Take in what one transaction committed.

        Of two that were under way at once, the one that committed later may come first.
        """
        for hotel_id, of_hotel in groupby(recorded, key=lambda one: one.hotel_id):
            before = self._events.get(hotel_id, ())
            new = tuple(one.event for one in of_hotel)
            events = (*before, *new)
            if before and new[0].id < before[-1].id:
                events = tuple(sorted(events, key=lambda event: event.id))
            self._events[hotel_id] = events[-KEPT:]

    def newest(self) -> dict[HotelId, int]:
        """Return the newest id of each hotel that has any here."""
        return {hotel_id: events[-1].id for hotel_id, events in tuple(self._events.items())}

    def after(self, hotel_id: HotelId, after: int, *, limit: int) -> list[Event]:
        """Return up to `limit` events with ids after + 1, after + 2, …; none where the next one is not known here."""
        events = self._events.get(hotel_id, ())
        start = bisect_right(events, after, key=lambda event: event.id)
        following = enumerate(events[start : start + limit], start=after + 1)
        return [event for _, event in takewhile(lambda one: one[0] == one[1].id, following)]
