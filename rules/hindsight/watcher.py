"""What looks at each step of a replay, for one family; and a run of signs, which is what most families wait for."""

from datetime import datetime, timedelta
from typing import Final, Protocol

from rules.alerts import Because, Family, OpenAlert, Reason, Rule
from rules.hindsight.finding import Finding
from rules.messages import Link, State, TokenEnded
from rules.replay import Step


class Watcher(Protocol):
    """Sees every step of one tablet in order, from before the time that is asked for."""

    def see(self, step: Step) -> Finding | None:
        """What has just turned out to be over."""
        ...

    def end(self, at: datetime) -> Finding | None:
        """What goes on at the end of the time that is asked for."""
        ...


def alert_of(step: Step, family: Family) -> OpenAlert | None:
    """The family's alert that is open after a step, or was until it."""
    return step.verdict.state.alerts.get(family) or step.before.alerts.get(family)


def is_life(step: Step) -> bool:
    """Whether the tablet itself was heard, and in time."""
    message = step.message
    if message is None or isinstance(message, TokenEnded):
        return False
    return not (isinstance(message, State) and message.state is Link.LOST)


def names(alert: OpenAlert | None, reasons: frozenset[Because]) -> bool:
    """Whether there is an alert that gives one of these reasons."""
    return alert is not None and any(reason.because in reasons for reason in alert.why)


def untold(alert: OpenAlert | None, *, before: OpenAlert | None) -> Reason | None:
    """Why nobody is told of an alert: a person has resolved it already, something suppresses it, or it was flapping.

    `before` is what was open of its family when this began: an alert that is held open is told of when it gets worse.
    """
    if alert is None:
        return None
    if alert.dismissed is not None:
        return Reason(Because.DISMISSED, since=alert.dismissed_at)
    if alert.suppressed_by is not None:
        named = (reason for reason in alert.why if reason.because is alert.suppressed_by)
        return next(named, Reason(alert.suppressed_by))
    if before is None or before.flapping is None or before.fired_at != alert.fired_at:
        return None
    return before.flapping if alert.severity.rank <= before.severity.rank else None


class Run:
    """Signs in a row of one kind of trouble, and what has come of them so far."""

    def __init__(self, rule: Rule, step: Step, *, since: datetime | None = None) -> None:
        """From its first sign on, which may have been before this step."""
        self._rule, self._family = rule, rule.family
        self.since: Final = since or step.at
        self.until = self.since
        self.signs = 0
        self._before = step.before.alerts.get(self._family)
        self._alert: OpenAlert | None = None
        self._opened_for: tuple[Because, ...] = ()

    def add(self, at: datetime) -> None:
        self.until = at
        self.signs += 1

    def has_alert(self, alert: OpenAlert) -> None:
        self._opened_for = self._opened_for or tuple(reason.because for reason in alert.why)
        self._alert = alert

    @property
    def is_alert(self) -> bool:
        """Whether an alert came of it, or was open already."""
        return self._alert is not None

    @property
    def lasted(self) -> timedelta:
        return self.until - self.since

    def short_of(self, *, samples: int, span: timedelta) -> Reason:
        """What it lacked: as many samples in a row as the rule wants, or the time that they must span."""
        if self.signs < samples:
            return Reason(Because.TOO_FEW_SAMPLES, observed=self.signs, limit=samples)
        return Reason(Because.TOO_SHORT, observed=self.lasted.total_seconds(), limit=span.total_seconds())

    def found(self, held_back: Reason | None, *, speaks_for: frozenset[Because]) -> Finding | None:
        """The alert's own reason of this kind, where there is an alert that has one; else what held it back.

        Of several it is one that the alert was opened for: what joined it later is not as old as the run.
        None: there was no alert, and nothing had to be held back.
        """
        because, alert = held_back, self._alert
        if alert is not None:
            own = [reason for reason in alert.why if reason.because in speaks_for]
            because = next((one for one in own if one.because in self._opened_for), (own or alert.why)[0])
        if because is None:
            return None
        return Finding(
            family=self._family,
            rule=self._rule,
            since=self.since,
            until=self.until,
            signs=self.signs,
            because=because,
            alert_id=None if alert is None else alert.id,
            untold=untold(alert, before=self._before),
        )
