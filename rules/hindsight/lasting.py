"""What takes a while, or a few messages, before it is trouble: a kiosk that was left, a tablet off its dock, heat, a
wrong clock, a backlog. How near it came is read from what the rule itself remembers.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct

from rules import backlog, clock, power
from rules.alerts import Because, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import Run, alert_of, names
from rules.messages import Heartbeat
from rules.policy import Policy
from rules.replay import Step
from rules.state import DeviceState

Nearness = Callable[[DeviceState, Policy, datetime], Reason | None]
"""What is observed so far and what it would take; None: nothing of the kind goes on."""


def _each(_: Heartbeat) -> bool:
    return True


class Slow(Struct, frozen=True):
    """One kind of trouble that is slow to come. `speaks_for`: an alert that has such a reason is of this kind.

    `asks`: whether the rule asks at this heartbeat how long it has lasted.
    """

    rule: Rule
    speaks_for: frozenset[Because]
    nearness: Nearness
    asks: Callable[[Heartbeat], bool] = _each


def _few(observed: int, limit: int) -> Reason | None:
    return Reason(Because.TOO_FEW_SAMPLES, observed=observed, limit=limit) if observed else None


def _waiting(state: DeviceState, policy: Policy, at: datetime) -> Reason | None:
    """A backlog is too long or too old; of what it is, whichever is nearer to what it takes."""
    memory = state.rare.backlog
    since = memory.filled_at if memory.filled_at != at else None  # one sample is no stretch of time yet
    long, old = _few(memory.long, backlog.SAMPLES), _short(since, at, policy.backlog_oldest.total_seconds())
    return max((reason for reason in (long, old) if reason is not None), key=_share, default=None)


def _share(reason: Reason) -> float:
    """How much of what it takes was there."""
    assert isinstance(reason.observed, (float, int))  # noqa: S101 - both are figures here
    assert isinstance(reason.limit, (float, int))  # noqa: S101
    return reason.observed / reason.limit if reason.limit else 1.0


def _short(since: datetime | None, at: datetime, limit_s: float) -> Reason | None:
    if since is None:
        return None
    return Reason(Because.TOO_SHORT, observed=(at - since).total_seconds(), limit=limit_s, since=since)


SLOW: Final = (
    Slow(
        Rule.TAMPER_KIOSK,
        frozenset({Because.KIOSK_LEFT}),
        lambda state, policy, at: _short(state.rare.tamper.left_at, at, policy.kiosk_left_longest.total_seconds()),
    ),
    Slow(
        Rule.POWER_UNPLUGGED,
        frozenset({Because.UNPLUGGED, Because.CARRIED_OFF}),
        lambda state, policy, at: _short(state.rare.supply.unplugged_at, at, policy.unplugged_longest.total_seconds()),
    ),
    Slow(
        Rule.POWER_OVERHEAT,
        frozenset({Because.OVERHEATED}),
        lambda state, _policy, _at: _few(state.rare.heat.hot, power.HOT_SAMPLES),
    ),
    Slow(
        Rule.CLOCK_SKEW,
        frozenset({Because.CLOCK_WRONG}),
        lambda state, _policy, _at: _few(state.rare.skew.wrong, clock.MESSAGES),
    ),
    Slow(
        Rule.BACKLOG_STUCK,
        frozenset({Because.BACKLOG_LONG, Because.BACKLOG_OLD}),
        _waiting,
        lambda beat: beat.backlog is not None,
    ),
)


class Lasting:
    """One kind of slow trouble, from its first sign until nothing of it is remembered any more."""

    def __init__(self, kind: Slow) -> None:
        self._kind = kind
        self._run: Run | None = None
        self._nearest: Reason | None = None
        self._last: Reason | None = None

    def see(self, step: Step) -> Finding | None:
        kind = self._kind
        near = kind.nearness(step.verdict.state, step.assignment.policy, step.at)
        if near is None:
            return self.end(step.at)
        self._run = run = self._run or Run(kind.rule, step)
        alert = alert_of(step, kind.rule.family)
        if alert is not None and names(alert, kind.speaks_for):
            run.has_alert(alert)
        is_long = near.because is Because.TOO_SHORT
        if step.message is not None and (is_long or run.is_alert or near != self._last):
            run.add(step.at)  # a message that says nothing of it is no sign of it
        self._last = near
        # How long it lasted a rule asks at heartbeats alone: what came to its limit in between was not held back by it.
        is_asked = not is_long or (isinstance(step.message, Heartbeat) and kind.asks(step.message))
        if self._nearest is None:
            self._nearest = near if is_asked or _share(near) < 1 else None
        elif is_asked and _share(near) >= _share(self._nearest):
            self._nearest = near
        return None

    def end(self, at: datetime) -> Finding | None:
        run, near = self._run, self._nearest
        self._run, self._nearest, self._last = None, None, None
        return None if run is None or near is None else run.found(near, speaks_for=self._kind.speaks_for)
