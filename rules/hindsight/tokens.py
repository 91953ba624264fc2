"""token.expiring and token.expired: a token that was not renewed in time, or a tablet that was put out with an old one.

That a tablet is kept out on purpose is told as the silence that it is (`rules.hindsight.silences`).
"""

from datetime import datetime
from typing import Final

from rules import token
from rules.alerts import Because, Family, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import Run, alert_of, is_life, names
from rules.messages import TokenEnd, TokenEnded
from rules.replay import Step
from rules.snapshot import token_end_of
from rules.state import LinkState

_OF_TOKEN: Final = frozenset({Because.TOKEN_NOT_RENEWED, Because.TOKEN_EXPIRED, Because.KEPT_OUT})


class PutOut:
    """A connection of ours that we ended because of an expired token, until the tablet is back."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._held_back: Reason | None = None

    def see(self, step: Step) -> Finding | None:
        message = step.message
        if self._run is not None and is_life(step):
            return self.end(step.at)
        if isinstance(message, TokenEnded) and message.cause is TokenEnd.EXPIRED:
            self._run = self._run or Run(Rule.TOKEN_EXPIRED, step)
            self._run.add(step.at)
            memory, limit = step.verdict.state.token, step.assignment.policy.bye_reconnect.total_seconds()
            if memory.expires_at is not None and memory.expires_at > step.at:
                self._held_back = Reason(Because.HAS_NEWER_TOKEN, limit=limit, since=step.at)
        alert = alert_of(step, Family.TOKEN)
        if self._run is not None and alert is not None and names(alert, _OF_TOKEN):
            self._run.has_alert(alert)
        return None

    def end(self, at: datetime) -> Finding | None:
        run, held_back = self._run, self._held_back
        self._run, self._held_back = None, None
        return None if run is None else run.found(held_back, speaks_for=_OF_TOKEN)


class Renewals:
    """A token that should have been renewed, until it is."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._last: Step | None = None
        self._began_again: datetime | None = None

    def began_again(self, at: datetime) -> None:
        """The bridge began to watch: from here on every tablet had the grace of a start."""
        self._began_again = at

    def see(self, step: Step) -> Finding | None:
        state, policy = step.verdict.state, step.assignment.policy
        soon = token.expiring_from(state.token, policy)
        if soon is None or step.at < soon:
            return self.end(step.at)
        self._run, self._last = self._run or Run(Rule.TOKEN_EXPIRING, step, since=soon), step
        self._run.add(step.at)
        alert = alert_of(step, Family.TOKEN)
        if alert is not None and names(alert, _OF_TOKEN):
            self._run.has_alert(alert)
        return None

    def end(self, at: datetime) -> Finding | None:
        run, last = self._run, self._last
        self._run, self._last = None, None
        return None if run is None or last is None else run.found(self._held_back(last), speaks_for=_OF_TOKEN)

    def _held_back(self, last: Step) -> Reason | None:
        state, policy = last.verdict.state, last.assignment.policy
        if state.link is LinkState.NEVER_SEEN:
            return Reason(Because.NEVER_HEARD, since=last.assignment.added_at)
        if token_end_of(state) is TokenEnd.REVOKED:
            return Reason(Because.TOKEN_REVOKED)
        if self._began_again is None or last.at > self._began_again + policy.restart_grace:
            return None
        return Reason(Because.WE_BEGAN_AGAIN, limit=policy.restart_grace.total_seconds(), since=self._began_again)
