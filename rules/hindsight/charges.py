"""battery.drain and battery.tonight: how near a battery came to emptying too fast, or before the morning.

The rules look at no battery on its charger. One that empties there all the same has a charger that does not suffice.
"""

from datetime import datetime
from typing import Final

from rules import drain
from rules.alerts import Because, Family, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import Run, alert_of, names
from rules.memory import DrainMemory
from rules.messages import Heartbeat
from rules.night import Night, night_of
from rules.policy import Policy
from rules.replay import Step

_DRAINING: Final = frozenset({Because.DRAINING})
_TONIGHT: Final = frozenset({Because.DIES_TONIGHT})


class Drains:
    """battery.drain: it lost its charge faster than what ends an alert. A sign is a charge that was noted."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._noted_at: datetime | None = None
        self._nearest: Reason | None = None

    def see(self, step: Step) -> Finding | None:
        memory, policy = step.verdict.state.drain, step.assignment.policy
        near = _nearness(memory, policy)
        if near is None:
            return self.end(step.at)
        noted = memory.recent[-1].noted_at
        if self._run is None:
            self._run = Run(Rule.BATTERY_DRAIN, step, since=memory.recent[0].noted_at)
            self._run.add(self._run.since)
        if noted != self._noted_at:
            self._run.add(noted)
            self._noted_at, self._nearest = noted, _nearer(self._nearest, near)
        alert = alert_of(step, Family.BATTERY)
        if alert is not None and names(alert, _DRAINING):
            self._run.has_alert(alert)
        return None

    def end(self, at: datetime) -> Finding | None:
        run, near = self._run, self._nearest
        self._run, self._noted_at, self._nearest = None, None, None
        return None if run is None else run.found(near, speaks_for=_DRAINING)


def _nearness(memory: DrainMemory, policy: Policy) -> Reason | None:
    if len(memory.recent) < 2:
        return None
    first, last = memory.recent[0], memory.recent[-1]
    fall, span = drain.fall_of(first, last), last.noted_at - first.noted_at
    if span < drain.SPAN:
        if fall < policy.battery_drain:
            return None
        limit = drain.SPAN.total_seconds()
        return Reason(Because.TOO_SHORT, observed=span.total_seconds(), limit=limit, since=first.noted_at)
    if fall < policy.battery_drain_clear:
        return None
    return Reason(Because.DRAINS_SLOWLY, observed=round(fall, 1), limit=policy.battery_drain, since=first.noted_at)


def _nearer(one: Reason | None, other: Reason) -> Reason:
    """What was judged over the whole half hour says more than what was not; of two such, the faster."""
    if one is None or one.because is not other.because:
        return other if one is None or other.because is Because.DRAINS_SLOWLY else one
    return max(one, other, key=lambda reason: float(reason.observed or 0))


class OnCharger:
    """battery.drain of a tablet on its charger, reckoned as of one that is not."""

    def __init__(self) -> None:
        self._memory = DrainMemory()
        self._run: Run | None = None
        self._fastest = 0.0
        self._limit = 0.0

    def see(self, step: Step) -> Finding | None:
        beat = step.message
        if not step.verdict.state.charging:
            self._memory = DrainMemory()
            return self.end(step.at)
        if not isinstance(beat, Heartbeat):
            return None
        before, self._memory = (
            self._memory,
            drain.remember(self._memory, beat.battery, charging=False, assignment=step.assignment, now=step.at),
        )
        if self._memory is before:
            return None
        if not self._memory.draining:
            return self.end(step.at)
        self._note(step)
        return None

    def end(self, at: datetime) -> Finding | None:
        run, fastest, self._run, self._fastest = self._run, self._fastest, None, 0.0
        if run is None:
            return None
        held_back = Reason(Because.FALLS_ON_CHARGER, observed=round(fastest, 1), limit=self._limit, since=run.since)
        return run.found(held_back, speaks_for=frozenset())

    def _note(self, step: Step) -> None:
        first, last = self._memory.recent[0], self._memory.recent[-1]
        if self._run is None:
            self._run = Run(Rule.BATTERY_DRAIN, step, since=first.noted_at)
            for one in self._memory.recent[:-1]:
                self._run.add(one.noted_at)
        self._run.add(last.noted_at)
        self._fastest, self._limit = (
            max(self._fastest, drain.fall_of(first, last)),
            step.assignment.policy.battery_drain,
        )


class Nights:
    """battery.tonight: as it went on it would have been nearly empty in the morning."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._night: Night | None = None
        self._held_back: Reason | None = None

    def see(self, step: Step) -> Finding | None:
        state, policy = step.verdict.state, step.assignment.policy
        night = night_of(step.at, timezone=step.assignment.timezone)
        over = self.end(step.at) if self._night not in (None, night) else None
        left = drain.forecast(state.drain, at=night.morning)
        if left is not None and left < policy.battery_tonight and self._run is None:
            self._run, self._night = Run(Rule.BATTERY_TONIGHT, step), night
        if self._run is None:
            return over
        self._run.add(step.at)
        alert = alert_of(step, Family.BATTERY)
        if alert is not None and names(alert, _TONIGHT):
            self._run.has_alert(alert)
        if left is None:
            self._held_back = Reason(Because.CHARGING) if state.charging else self._held_back
            return self.end(step.at)
        if left >= policy.battery_tonight_clear:
            self._held_back = Reason(Because.LASTS_TILL_MORNING, observed=left, limit=policy.battery_tonight)
            return self.end(step.at)
        if step.at < night.evening:
            limit = policy.battery_tonight
            self._held_back = Reason(Because.NOT_YET_EVENING, observed=round(left, 1), limit=limit, since=night.evening)
        return over

    def end(self, at: datetime) -> Finding | None:
        run, held_back = self._run, self._held_back
        self._run, self._night, self._held_back = None, None, None
        return None if run is None else run.found(held_back, speaks_for=_TONIGHT)
