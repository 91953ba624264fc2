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

from device_bridge.fleet import Fleet
from device_bridge.journal import Journal
from device_bridge.metrics import BridgeMetrics
from device_bridge.onwards import Onwards, Passed
from device_bridge.patience import Patience
from device_bridge.queue import Began, DeadlineDue, InputQueue
from device_bridge.tablet import Tablet
from device_bridge.uplink import AliveAt
from rules.deadlines import deadline
from rules.policy import DEFAULTS

_LOOK_EVERY = timedelta(seconds=0.5)


class Watch:
    """Asks each tablet's rules when to look again, and looks then."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        queue: InputQueue,
        journal: Journal,
        now: Callable[[], datetime],
        alive_at: AliveAt,
        metrics: BridgeMetrics,
    ) -> None:
        self._fleet = fleet
        self._queue = queue
        self._journal = journal
        self._now = now
        self._alive_at = alive_at
        self._heap: list[tuple[datetime, int, Tablet]] = []
        self._turn = itertools.count()  # two entries never compare their tablets
        self._sooner = asyncio.Event()
        self.watching_since = now()
        self._told_since = self.watching_since  # as the rules heard of it
        self._patience = Patience()
        self._onwards = Onwards(metrics)

    def is_listening(self) -> bool:
        """Whether anybody may be judged now. Where that was not so until now, the watch begins again.

        Of a gap the rules hear in the queue, after all that came before its end.
        """
        if not self._journal.is_listening():
            return False
        began = self._journal.resume()
        if began is not None:
            self._take_up(began)
        return True

    @property
    def is_impatient(self) -> bool:
        """Whether our link comes and goes, so that tablets get no more time to come back to us."""
        return self._patience.is_over(self._now())

    def _take_up(self, began: Began) -> None:
        """Go on after a gap. One that was short, and gives no grace, is nothing that the rules need to hear of."""
        began = self._with_grace(began)
        self.begin_again(self._told_since)
        if began.gap is not None or self._told_since == began.at:
            self._queue.put(began)

    def remember(self, earlier: Iterable[Began]) -> None:
        """At the start: when we began to listen in earlier runs, so that one that ends again and again is a link that
        comes and goes. For after the fleet was read.
        """
        for began in earlier:
            self._with_grace(began)

    @property
    def _grace(self) -> timedelta:
        graces = (self._fleet.restart_grace(hotel_id) for hotel_id in self._fleet.hotels)
        return max(graces, default=DEFAULTS.restart_grace)

    def _with_grace(self, began: Began) -> Began:
        """The beginning, and with it whether it gives the tablets their time to come back."""
        gap, grace = began.gap, self._grace
        if self._patience.is_granted(began.at, until=began.at if gap is None else gap.since, grace=grace):
            self._told_since = began.at
        elif gap is not None:
            self._told_since = gap.moved(self._told_since)
            return replace(began, gap=replace(gap, gives_grace=False))
        return began

    def begin_again(self, at: datetime) -> None:
        """We were not listening: from `at` on every tablet gets the grace of a start before silence is judged."""
        self.watching_since = at
        self._heap.clear()
        self._onwards.begin_again()
        for tablet in self._fleet:
            tablet.deadline = None
        self.look_at(self._fleet)

    def look_later(self, tablet: Tablet, *, at: datetime) -> None:
        """Look at this tablet again at `at`, although its deadline has passed."""
        tablet.deadline = at
        heapq.heappush(self._heap, (at, next(self._turn), tablet))

    def passed(self, deadlines: Iterable[Passed]) -> None:
        """After a commit: these were judged, and what is due after them should be later."""
        self._onwards.passed(deadlines)

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
        """Look until cancelled. While nobody can be heard nothing is judged."""
        while True:
            await self._pause(self.pass_due(self._now()) if self.is_listening() else _LOOK_EVERY)

    def pass_due(self, now: datetime) -> timedelta:
        """Hand what is due at `now` to the queue; how long until the next one."""
        while self._heap and self._heap[0][0] <= now:
            at, _, tablet = heapq.heappop(self._heap)
            if tablet.deadline != at:
                continue  # an entry that a nearer one has replaced
            tablet.deadline = None
            due = deadline(tablet.state, assignment=tablet.assignment, watching_since=self.watching_since)
            if due is not None and due <= now:
                self._hand_in(tablet, due, now=now)
            else:
                self.look_at([tablet])
        return self._heap[0][0] - now if self._heap else _LOOK_EVERY

    def _hand_in(self, tablet: Tablet, due: datetime, *, now: datetime) -> None:
        """To be judged: that commits, and the commit comes back to look_at() for the deadline after it."""
        leads = self._onwards.leads(tablet, due)
        later = None if leads else self._onwards.puts_off(tablet, now=now)
        if later is not None:
            self.look_later(tablet, at=later)
            return
        alive_at = self._alive_at(tablet.hotel_id, tablet.device_id)
        self._queue.put(DeadlineDue(tablet.hotel_id, tablet.device_id, now, alive_at, as_of_now=not leads))

    async def _pause(self, until_next: timedelta) -> None:
        """Until the next deadline, a nearer one, or the next look: a moved test clock rings no bell."""
        try:
            async with asyncio.timeout(min(until_next, _LOOK_EVERY).total_seconds()):
                await self._sooner.wait()
            self._sooner.clear()
        except TimeoutError:
            return
