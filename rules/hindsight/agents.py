"""agent-stuck: heartbeats that were missing while something else was heard of the tablet."""

from datetime import datetime
from typing import Final

from rules import agent_stuck
from rules.alerts import Because, Family, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import Run, alert_of, is_life, names
from rules.messages import Heartbeat
from rules.replay import Step
from rules.state import LinkState

_STUCK: Final = frozenset({Because.NO_HEARTBEAT})


class Agents:
    """A sign is whatever was heard and was no heartbeat. Where nothing was heard it is a silence, and told as one."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._since: datetime | None = None
        self._last: Step | None = None

    def see(self, step: Step) -> Finding | None:
        missing_at = step.verdict.state.rare.stuck.missing_at
        if isinstance(step.message, Heartbeat) or missing_at is None:
            return self.end(step.at)
        if self._run is None or self._since != missing_at:
            self._run, self._since = Run(Rule.AGENT_STUCK, step, since=missing_at), missing_at
        if is_life(step):
            self._run.add(step.at)
        self._last = step
        alert = alert_of(step, Family.SILENCE)
        if alert is not None and names(alert, _STUCK):
            self._run.has_alert(alert)
        return None

    def end(self, at: datetime) -> Finding | None:
        run, last = self._run, self._last
        self._run, self._since, self._last = None, None, None
        if run is None or last is None:
            return None
        return run.found(_held_back(run, last, at), speaks_for=_STUCK)


def _held_back(run: Run, last: Step, at: datetime) -> Reason | None:
    """None: it was heard so little that nothing but its silence is known."""
    policy, state = last.assignment.policy, last.verdict.state
    overdue = agent_stuck.OVERDUE * policy.heartbeat_interval
    if run.until < run.since + overdue or at <= run.since + overdue:
        return None
    observed = (at - run.since).total_seconds()
    limit = (policy.silence_allowance + policy.grace).total_seconds()
    if state.silence.quiet_until is not None:
        rest = Because.SAID_GOODBYE if state.link is LinkState.AWAY else Because.ASLEEP
        allowed = (state.silence.quiet_until + policy.grace - run.since).total_seconds()
        return Reason(rest, observed=observed, limit=allowed) if observed <= allowed else None
    return Reason(Because.HEARTBEATS_LATE, observed=observed, limit=limit) if observed <= limit else None
