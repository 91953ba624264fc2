"""Deadlines that do not lead onwards: judged, and due again at the same moment, again and again, before all else.

None should be such (`rules.deadlines`). One that is, by a mistake in a rule, is found by how often it came in a row.
From then on the tablet is judged as of now, and not as of the deadline, once a minute: whatever else of it is due by
then passes too, so that nobody who is gone is hidden by it.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from msgspec import Struct

from device_bridge.metrics import BridgeMetrics
from device_bridge.tablet import Tablet

_log = logging.getLogger(__name__)

IN_A_ROW: Final = 16
"""Of one tablet within a second of its deadlines, whose families have one each."""

PAUSE: Final = timedelta(minutes=1)

_A_MOMENT = timedelta(seconds=1)

Passed = tuple[Tablet, datetime]
"""Whose deadline was judged, and which."""


class _Run(Struct):
    """`since`: the first deadline of the run. `judged_at`: when the tablet was last judged as of then."""

    since: datetime
    times: int = 1
    judged_at: datetime | None = None

    @property
    def ends_after(self) -> datetime:
        return self.judged_at or self.since + _A_MOMENT


class Onwards:
    def __init__(self, metrics: BridgeMetrics) -> None:
        self._metrics = metrics
        self._runs: WeakKeyDictionary[Tablet, _Run] = WeakKeyDictionary()  # of those that are retired, nothing

    def begin_again(self) -> None:
        """Our clock may have been set."""
        self._runs.clear()

    def passed(self, deadlines: Iterable[Passed]) -> None:
        """After the commit: these were judged, each as of itself."""
        for tablet, due in deadlines:
            run = self._runs.get(tablet)
            if run is None or due > run.ends_after:
                self._runs[tablet] = _Run(due)
            else:
                run.times += 1

    def leads(self, tablet: Tablet, due: datetime) -> bool:
        """Whether this deadline is to be judged as of itself."""
        run = self._runs.get(tablet)
        return run is None or run.times < IN_A_ROW or due > run.ends_after

    def puts_off(self, tablet: Tablet, *, now: datetime) -> datetime | None:
        """Of one that does not lead onwards: until when it waits; None: it is judged as of now."""
        run = self._runs[tablet]
        if run.judged_at is not None and now < run.judged_at + PAUSE:
            return run.judged_at + PAUSE
        if run.judged_at is None:
            ids = {"hotel": tablet.hotel_id, "device": tablet.device_id}
            _log.error("a deadline leads nowhere, and is judged once a minute from now on", {**ids, "due": run.since})
        self._metrics.leading_nowhere.inc()
        run.judged_at = now
        return None
