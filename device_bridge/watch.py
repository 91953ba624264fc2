"""Deadlines: the moments at which nothing heard changes something. Kept in a heap, rebuilt at every start.

A deadline is computed from stored facts, never stored itself. A heartbeat only moves a tablet's deadline
further away, so the heap is not touched for it: when an entry comes up it is computed again, and put back if
it has moved. Whether a deadline has really passed is judged in the queue, after every message that came before.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from device_bridge.fleet import Fleet, Tablet
from device_bridge.hearing import Hearing
from device_bridge.queue import Began, DeadlineDue, InputQueue
from rules.deadlines import deadline

_LOOK_EVERY = timedelta(seconds=0.5)
_STALL_S = 5.0


class Watch:
    """Asks each tablet's rules when to look again, and looks then.

    `clock_steps` counts how often the wall clock was set, so that nobody is blamed for it.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        queue: InputQueue,
        hearing: Hearing,
        now: Callable[[], datetime],
        clock_steps: Callable[[], int],
    ) -> None:
        self._hearing = hearing
        self._begun_for = 0  # the time of hearing that the watch began with
        self._fleet = fleet
        self._queue = queue
        self._now = now
        self._clock_steps = clock_steps
        self._heap: list[tuple[datetime, int, Tablet]] = []
        self._turn = itertools.count()  # two entries never compare their tablets
        self._sooner = asyncio.Event()
        self.watching_since = now()

    def begin_again(self, at: datetime) -> None:
        """We were not listening: from `at` on every tablet gets the grace of a start before silence is judged.

        A tablet that was last heard in the future, because the clock was set back since, counts as heard now.
        """
        self.watching_since = at
        self._begun_for = self._hearing.times
        self._heap.clear()
        self._queue.put(Began(at))
        for tablet in self._fleet:
            tablet.deadline = None
            if tablet.state.last_heard is not None and tablet.state.last_heard > at:
                tablet.state = replace(tablet.state, last_heard=at)
        self.look_at(self._fleet)

    def look_later(self, tablet: Tablet, *, at: datetime) -> None:
        """Look at this tablet again at `at`, although its deadline has passed: judging it could not be stored."""
        tablet.deadline = at
        heapq.heappush(self._heap, (at, next(self._turn), tablet))

    def look_at(self, tablets: Iterable[Tablet]) -> None:
        """After a commit: these tablets' deadlines may have come nearer."""
        for tablet in tablets:
            due = deadline(tablet.state, assignment=tablet.assignment, watching_since=self.watching_since)
            if due is not None and (tablet.deadline is None or due < tablet.deadline):
                tablet.deadline = due
                heapq.heappush(self._heap, (due, next(self._turn), tablet))
                if self._heap[0][2] is tablet:
                    self._sooner.set()

    async def run(self) -> None:
        """Look until cancelled. While nobody can be heard nothing is judged, and afterwards the watch begins again."""
        loop = asyncio.get_running_loop()
        looked, steps = loop.time(), self._clock_steps()
        while True:
            if loop.time() - looked > _STALL_S or self._clock_steps() != steps:
                # This process or machine stood still, or the clock was set: the tablets are not to blame.
                self.begin_again(self._now())
            looked, steps = loop.time(), self._clock_steps()
            if self._hearing.deaf_since is not None:
                await self._pause(_LOOK_EVERY)
                continue
            if self._hearing.times != self._begun_for:
                self.begin_again(self._now())
            await self._pause(self.pass_due(self._now()))

    def pass_due(self, now: datetime) -> timedelta:
        """Hand what is due at `now` to the queue; how long until the next one."""
        while self._heap and self._heap[0][0] <= now:
            at, _, tablet = heapq.heappop(self._heap)
            if tablet.deadline != at:
                continue  # an entry that a nearer one has replaced
            tablet.deadline = None
            due = deadline(tablet.state, assignment=tablet.assignment, watching_since=self.watching_since)
            if due is not None and due <= now:
                # Judging it commits, and the commit comes back to look_at() for the deadline after it.
                self._queue.put(DeadlineDue(tablet.hotel_id, tablet.device_id, now))
            else:
                self.look_at([tablet])
        return self._heap[0][0] - now if self._heap else _LOOK_EVERY

    async def _pause(self, until_next: timedelta) -> None:
        """Until the next deadline, a nearer one, or the next look: a moved test clock rings no bell."""
        try:
            async with asyncio.timeout(min(until_next, _LOOK_EVERY).total_seconds()):
                await self._sooner.wait()
            self._sooner.clear()
        except TimeoutError:
            return
