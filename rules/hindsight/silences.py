"""Silences: whenever nothing was heard for longer than a tablet usually waits, and what that silence came to."""

from datetime import datetime
from typing import Final

from rules import maintenance
from rules.alerts import Because, Family, OpenAlert, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import alert_of, is_life, untold
from rules.messages import TokenEnd
from rules.policy import Assignment
from rules.replay import Step
from rules.state import DeviceState, LinkState

NOTABLE: Final = 2
"""Heartbeats that are missed, from which on a silence is worth telling of."""

_TOKEN = {TokenEnd.EXPIRED: Because.TOKEN_EXPIRED, TokenEnd.REVOKED: Because.TOKEN_REVOKED}


class Silences:
    """The last that was heard, and what has become of the silence since."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._last: Step | None = None
        self._before: OpenAlert | None = None
        self._opened: OpenAlert | None = None
        self._began_again: datetime | None = None

    def see(self, step: Step) -> Finding | None:
        if is_life(step):
            found = self.end(step.at, ended_by=step)
            self._since, self._last = step.at, step
            self._before = step.verdict.state.alerts.get(Family.SILENCE)
            self._opened, self._began_again = None, None
            return found
        alert = alert_of(step, Family.SILENCE)
        if alert is not None and self._opened is None:
            self._opened = alert
        if self._last is not None:
            self._last = step
        return None

    def began_again(self, at: datetime) -> None:
        """The bridge began to watch: from here on every tablet had the grace of a start."""
        self._began_again = at

    def end(self, at: datetime, *, ended_by: Step | None = None) -> Finding | None:
        if self._since is None or self._last is None:
            return None
        # What it was judged by may have changed while nothing was heard: what came last held it back.
        assignment = self._last.assignment if ended_by is None else ended_by.assignment
        state = self._last.verdict.state if ended_by is None else ended_by.before
        lasted = at - self._since
        if lasted <= NOTABLE * assignment.policy.heartbeat_interval:
            return None
        alert = self._opened or state.alerts.get(Family.SILENCE)
        because = alert.why[0] if alert is not None else self._held_back(state, at, assignment=assignment)
        return Finding(
            family=Family.SILENCE,
            rule=Rule.SILENCE if alert is None else alert.rule,
            since=self._since,
            until=at,
            signs=1,
            because=because,
            alert_id=None if alert is None else alert.id,
            untold=untold(state.alerts.get(Family.SILENCE, alert), before=self._before),
        )

    def _held_back(self, state: DeviceState, at: datetime, *, assignment: Assignment) -> Reason:
        """What the rules themselves waited for, the strongest first: each by itself would have kept it quiet."""
        assert self._since is not None  # noqa: S101 - nobody asks of a silence that has not begun
        policy, memory = assignment.policy, state.silence
        observed = (at - self._since).total_seconds()
        plainly = (policy.silence_allowance + policy.grace).total_seconds()
        if memory.token_ended is not None:
            return Reason(_TOKEN[memory.token_ended])
        if memory.lost_at is not None:
            observed = (at - memory.lost_at).total_seconds()
            return Reason(Because.WITHIN_ALLOWANCE, observed=observed, limit=policy.grace.total_seconds())
        if observed <= plainly:
            return Reason(Because.WITHIN_ALLOWANCE, observed=observed, limit=plainly)
        if memory.quiet_until is not None:
            limit = (memory.quiet_until + policy.grace - self._since).total_seconds()
            rest = Because.SAID_GOODBYE if state.link is LinkState.AWAY else Because.ASLEEP
            return Reason(rest, observed=observed, limit=limit)
        due = self._since + policy.silence_allowance + policy.grace
        if maintenance.judged_from(due, assignment=assignment, since=self._since) > due:
            window = next(one for one in assignment.windows if one.starts_at <= due and one.ends_at > self._since)
            limit = (window.ends_at - window.starts_at).total_seconds()
            return Reason(Because.MAINTENANCE, limit=limit, since=window.starts_at)
        if state.deaf_s > 0:
            return Reason(Because.NOT_LISTENING, observed=state.deaf_s)
        if self._began_again is not None:
            return Reason(Because.WE_BEGAN_AGAIN, limit=policy.restart_grace.total_seconds(), since=self._began_again)
        return Reason(Because.NOT_LISTENING, since=due)  # its deadline came, and nobody was there to pass it
