"""never-seen: a tablet that was added, and of which nothing was heard yet."""

from datetime import datetime
from typing import Final

from rules.alerts import Because, Family, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import Run, alert_of, names
from rules.replay import Step

_NEVER: Final = frozenset({Because.NEVER_HEARD})


class Arrivals:
    """One that is heard before it is missed is no finding: so every tablet begins."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._held_back: Reason | None = None

    def see(self, step: Step) -> Finding | None:
        alert, added = alert_of(step, Family.NEVER_SEEN), step.assignment.added_at
        if self._run is not None and alert is not None and names(alert, _NEVER):
            self._run.has_alert(alert)
        if step.verdict.state.last_heard is not None:
            self._held_back = None
            return self.end(step.at)
        if added is None:
            return None
        self._run = self._run or Run(Rule.NEVER_SEEN, step, since=added)
        self._run.until = max(step.at, added)
        if alert is not None and names(alert, _NEVER):
            self._run.has_alert(alert)
        policy = step.assignment.policy
        waited, limit = (step.at - added).total_seconds(), policy.never_seen_after.total_seconds()
        if waited < limit:
            self._held_back = Reason(Because.TOO_SHORT, observed=waited, limit=limit, since=added)
        else:
            self._held_back = Reason(Because.WE_BEGAN_AGAIN, limit=policy.restart_grace.total_seconds())
        return None

    def end(self, at: datetime) -> Finding | None:
        run, held_back = self._run, self._held_back
        self._run, self._held_back = None, None
        return None if run is None else run.found(held_back, speaks_for=_NEVER)
