"""When we were listening: connected to the broker, with the database up, and neither stopped nor standing still.

Whatever else looks at a time of ours asks here first. Nobody is judged while we are not listening; and when we are
again, `resume` says what there was in between. Of a run that ended, or of another bridge, the store's journal knows how
long it was listening, to within `NOTED_EVERY`.

Time that a test lets pass by its clock file, while we listen, is no gap; while we do not, it is. Nor does anything
stand still where time does.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from device_bridge.hearing import Hearing
from device_bridge.queue import Began
from rules.gap import Gap
from store import DataRefused, Store, StoreUnavailable

NOTED_EVERY: Final = timedelta(seconds=3)

OURS: Final = timedelta(seconds=10)
"""A longer gap is our own outage, which moves every clock of the rules. After a shorter one there is grace alone."""

_JITTER = timedelta(seconds=2)  # between the clocks of two machines
_STALL_S = 5.0
_UNSTORED_S = 15.0

NOT_RUNNING = "Innwatch was not running"
NO_BROKER = "the broker did not answer"
NO_DATABASE = "the database did not answer"
STOOD_STILL = "this process or its machine stood still"
CLOCK_SET = "the clock was set"


class Journal:
    """`away_since`: since when the database has not been answering whoever stores messages; None while it does.

    `ticks`: seconds on a clock that nobody sets, to see how long we took from one look to the next.
    """

    def __init__(
        self,
        *,
        store: Store,
        hearing: Hearing,
        away_since: Callable[[], datetime | None],
        now: Callable[[], datetime],
        clock_steps: Callable[[], int],
        ticks: Callable[[], float],
    ) -> None:
        self._store = store
        self._hearing = hearing
        self._away_since = away_since
        self._now = now
        self._clock_steps = clock_steps
        self._now_ticks = ticks
        self._until: datetime | None = None  # as far as we know that somebody listened
        self._why: str | None = NOT_RUNNING
        self._ticks = self._stored = 0.0  # of the last look, of the last note
        self._steps = clock_steps()
        self._times = 0  # of hearing, as of the last look
        self.last_gap: Began | None = None

    @property
    def away_since(self) -> datetime | None:
        """Since when the database does not answer; None while it does."""
        return self._away_since()

    @property
    def has_resumed(self) -> bool:
        """Whether whatever kept us from listening is over and done with."""
        return self._why is None and self._times == self._hearing.times

    @property
    def listened_until(self) -> datetime | None:
        """While we are not listening: until when somebody was, as far as that is known."""
        return None if self.has_resumed else self._until

    async def open(self) -> list[Began]:
        """Read when the last stretches began, the earliest first, and where they ended. Raises StoreUnavailable."""
        began = list[Began]()
        for stretch in await self._store.listened():
            began.append(Began(stretch.since, _gap(self._until, stretch.since)))
            self._until = stretch.until
        self._stored = self._now_ticks()
        return began

    def is_listening(self) -> bool:
        """Look whether we are; what is heard while we are not, or is not, counts for nobody."""
        if self._hearing.deaf_since is not None:
            self._why = self._why or NO_BROKER
        elif self._away_since() is not None or self._is_unstored():
            return False  # whether that was long enough to matter is seen when it is over
        return self._hearing.deaf_since is None

    def _is_unstored(self) -> bool:
        """Whether the database takes no note. While there is nothing to note it is not asked, and is not to blame."""
        return self._why is None and self._now_ticks() - self._stored > _UNSTORED_S

    def resume(self) -> Began | None:
        """Go on listening; what began, if we were not until now. Nothing is judged between this and the look."""
        now, ticks, steps = self._now(), self._now_ticks(), self._clock_steps()
        is_set = steps != self._steps
        why = self._why or self._surprise(ticks, is_set=is_set)
        since, self._until = self._until, now
        if self._why is not None:
            self._stored = ticks  # from now on there is something to note
        self._ticks, self._steps, self._times, self._why = ticks, steps, self._hearing.times, None
        if why is None:
            return None
        gap = _gap(since, now, is_set=is_set)
        began = Began(now, gap, why)
        if gap is not None:
            self.last_gap = began
        return began

    def _surprise(self, ticks: float, *, is_set: bool) -> str | None:
        """What may have happened between two looks without anybody having said so."""
        if self._hearing.times != self._times:
            return NO_BROKER
        if is_set:
            return CLOCK_SET
        if ticks - self._ticks <= _STALL_S:
            return None
        return NO_DATABASE if ticks - self._stored > _STALL_S + NOTED_EVERY.total_seconds() else STOOD_STILL

    async def run(self) -> None:
        """Note until cancelled how far we have come. What the database does not take is noted when it does."""
        while True:
            await asyncio.sleep(NOTED_EVERY.total_seconds())
            if self._why is not None or self._until is None:
                continue
            try:
                await self._store.keep_listening(until=self._until)
            except (StoreUnavailable, DataRefused):
                continue
            self._stored = self._now_ticks()


def _gap(since: datetime | None, until: datetime, *, is_set: bool = False) -> Gap | None:
    """What lies between two stretches, where it is long enough to be our own outage."""
    return None if since is None or -_JITTER <= until - since <= OURS else Gap(since, until, clock_set=is_set)
