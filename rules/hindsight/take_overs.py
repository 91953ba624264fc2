"""identity.conflict: one start of the tablet put out another, but too rarely, or none of them ever came back."""

from datetime import datetime
from typing import Final

from rules.alerts import Because, Family, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import Run, alert_of, names
from rules.memory import IdentityMemory
from rules.policy import Policy
from rules.replay import Step

NOTABLE: Final = 2
"""Take-overs within minutes: one is a tablet that was started anew."""

_CONFLICT: Final = frozenset({Because.TAKEN_OVER})


class TakeOvers:
    def __init__(self) -> None:
        self._run: Run | None = None
        self._last: datetime | None = None
        self._held_back: Reason | None = None

    def see(self, step: Step) -> Finding | None:
        memory, alert = step.verdict.state.rare.identity, alert_of(step, Family.IDENTITY)
        if len(memory.boots) <= NOTABLE:
            return self.end(step.at)
        first, last = memory.boots[0][0], memory.boots[-1][0]
        if self._run is None:
            self._run = Run(Rule.IDENTITY_CONFLICT, step, since=first)
            for at, _ in memory.boots[1:-1]:
                self._run.add(at)
        if last != self._last:
            self._run.add(last)
            self._last, self._held_back = last, _held_back(memory, step.assignment.policy)
        if alert is not None and names(alert, _CONFLICT):
            self._run.has_alert(alert)
        return None

    def end(self, at: datetime) -> Finding | None:
        run, held_back = self._run, self._held_back
        self._run, self._last, self._held_back = None, None, None
        return None if run is None else run.found(held_back, speaks_for=_CONFLICT)


def _held_back(memory: IdentityMemory, policy: Policy) -> Reason:
    take_overs = len(memory.boots) - 1
    because = Because.TOO_FEW_TAKE_OVERS if take_overs < policy.take_overs else Because.ONLY_RESTARTED
    return Reason(because, observed=take_overs, limit=policy.take_overs, since=memory.boots[0][0])
