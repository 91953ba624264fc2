"""power.unplugged, where nobody said that a room's tablets stay on their chargers: what the rule does not look at."""

from datetime import datetime

from rules import power
from rules.alerts import Because, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import Run
from rules.messages import Heartbeat
from rules.replay import Step


class Undocked:
    """A tablet that was seen to be taken off its charger, for longer than one of a dock may be."""

    def __init__(self) -> None:
        self._was_plugged = False
        self._run: Run | None = None
        self._limit_s = 0.0

    def see(self, step: Step) -> Finding | None:
        beat = step.message
        if not isinstance(beat, Heartbeat):
            return None
        plugged, policy = power.is_plugged(beat), step.assignment.policy
        if plugged or policy.docked:
            self._was_plugged = bool(plugged)
            return self.end(step.at)
        if plugged is None or not (self._was_plugged or self._run):
            return None
        self._run = self._run or Run(Rule.POWER_UNPLUGGED, step)
        self._run.add(step.at)
        self._was_plugged, self._limit_s = False, policy.unplugged_longest.total_seconds()
        return None

    def end(self, at: datetime) -> Finding | None:
        run, self._run = self._run, None
        if run is None or run.lasted.total_seconds() <= self._limit_s:
            return None
        lasted = run.lasted.total_seconds()
        held_back = Reason(Because.NOT_DOCKED, observed=lasted, limit=self._limit_s, since=run.since)
        return run.found(held_back, speaks_for=frozenset())
