"""How an alert is raised, moves and ends: one open alert per family, named after its strongest cause.

Promise: a change is made only when staff would see a difference (rule, severity, what suppresses it, or the reasons
themselves, not the figures in them), so that a constant signal never makes a second one.

An alert whose causes are gone is over, unless it is held: one that was flapping until it has been calm for long enough
(`rules.held`), one of a family that needs a person until somebody resolves it. One that fires again soon after it was
over is the same alert. One that a person resolved while its causes went on is dismissed: nothing is said of it until
they are gone, one is stronger than what the person saw, or there is another.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from rules import turns
from rules.alerts import (
    AlertChange,
    Because,
    Cause,
    ChangeKind,
    Condition,
    EndedAlert,
    Family,
    OpenAlert,
    Reason,
)
from rules.causes import gist_of, was_seen
from rules.look import Look, as_it_looks, kind_of, look_of
from rules.occasion import Occasion, alert_id
from rules.policy import Assignment
from rules.response import Resolved
from rules.state import DeviceState, Verdict

__all__ = ["Cause", "Occasion", "alert_id", "anew", "end", "let_go", "pass_deadline", "resolve", "settle"]

NEED_A_PERSON: Final = frozenset({Family.TAMPER, Family.IDENTITY})
"""Families whose alerts a good signal never ends."""

Followed = tuple[DeviceState, AlertChange | None]


def settle(
    state: DeviceState,
    family: Family,
    *,
    causes: Sequence[Cause],
    ended: tuple[Reason, ...],
    signals: int,
    occasion: Occasion,
) -> Followed:
    """Bring the family's alert in line with its causes: those equally strong, the more telling first.

    Causes are as severe as the family holds them to be: what the hotel knows of the room, and what suppresses them, is
    seen to here. `ended` says what cleared the alert, should no cause be left; `signals` is how many firing signals
    (0 or 1) to count.
    """
    alert = state.alerts.get(family)
    if not causes:
        return (state, None) if alert is None else _quieten(state, alert, ended=ended, at=occasion.at)
    causes = tuple(sorted(causes, key=lambda cause: -cause.severity.rank))
    look = look_of(causes, occasion=occasion)
    if alert is None:
        return _fire(state, family, look, causes=causes, occasion=occasion)
    if alert.dismissed is not None:
        if look.severity.rank <= alert.dismissed.rank and was_seen(alert, causes):
            return _move(state, alert, None, causes=causes, signals=signals, at=occasion.at)
        return _fire(_undismissed(state, alert, why=()), family, look, causes=causes, occasion=occasion)
    if alert.calm_since is not None:
        return _fire_again(state, alert, look, causes=causes, signals=signals, at=occasion.at)
    return _move(state, alert, look, causes=causes, signals=signals, at=occasion.at)


def anew(state: DeviceState, *, occasion: Occasion) -> tuple[DeviceState, tuple[AlertChange, ...]]:
    """Judge what is open once more, because what is known of its room, or what suppresses it, has changed.

    So is what a person resolved: it was as severe as the room had it then. Each alert has been looked at now, whether
    or not it looks otherwise: what is due before now is asked no more (`rules.maintenance_end`, `rules.room_hours`).
    """
    changes = []
    for family, alert in state.alerts.items():
        if alert.calm_since is None:
            state, change = settle(state, family, causes=alert.bare, ended=(), signals=0, occasion=occasion)
            changes.append(change)
        now = state.alerts[family]
        suppressed_by = look_of(now.bare, occasion=occasion).suppressed_by
        now = replace(now, suppressed_by=suppressed_by, looked_at=occasion.at)
        state = replace(state, alerts=state.alerts | {family: now})
    return state, tuple(change for change in changes if change is not None)


def pass_deadline(
    state: DeviceState,
    /,
    *,
    assignment: Assignment,
    watching_since: datetime,  # noqa: ARG001 - as every family's
    at: datetime,
) -> Verdict:
    """What `at`, at which something else is known of its room or suppresses it, makes of what is open."""
    after, changes = anew(state, occasion=Occasion(assignment, at.isoformat(), at))
    return Verdict(after, changes)


def resolve(state: DeviceState, resolved: Resolved, *, occasion: Occasion) -> Followed:
    """Follow a person who resolved an alert; nothing happens where it is another by now, or has fired again since.

    If it has become worse than what the person saw, it fires again at once.
    """
    alert = state.alerts.get(resolved.family)
    if alert is None or alert.id != resolved.alert_id or (alert.fired_at or alert.opened_at) > resolved.at:
        return state, None
    if alert.calm_since is not None:
        return _over(state, alert, why=(), at=resolved.at), None
    alert = replace(
        alert,
        dismissed=resolved.severity,
        dismissed_at=resolved.at,
        dismissed_causes=alert.bare,
        flapping=None,
        turns=(),
    )
    state = replace(state, alerts=state.alerts | {alert.family: alert})
    return settle(state, alert.family, causes=alert.bare, ended=(), signals=0, occasion=occasion)


def let_go(state: DeviceState, family: Family) -> DeviceState:
    """Without what a person resolved of the family, if so: what its causes come to is asked on a new occasion."""
    alert = state.alerts.get(family)
    return state if alert is None or alert.dismissed is None else _undismissed(state, alert, why=())


def end(state: DeviceState, family: Family, *, why: tuple[Reason, ...], at: datetime) -> Followed:
    """End an alert that was held open, or leave it to a person if its family needs one."""
    alert = state.alerts[family]
    if family not in NEED_A_PERSON:
        change = AlertChange(kind=ChangeKind.CLEARED, alert=alert, at=at, why=why)
        return _over(state, alert, why=why, at=at), change
    waiting = replace(alert, condition=Condition.CLEARED, flapping=None)
    change = AlertChange(kind=ChangeKind.SUBSIDED, alert=waiting, at=at, why=why)
    return replace(state, alerts=state.alerts | {family: waiting}), change


def _fire(state: DeviceState, family: Family, look: Look, *, causes: tuple[Cause, ...], occasion: Occasion) -> Followed:
    """Open an alert, or the one again that was over a short time ago."""
    at, over = occasion.at, state.ended.get(family)
    turned = turns.turned(() if over is None else over.alert.turns, at=at)
    if over is not None and turns.is_again(over.at, at=at):
        kind, alert = ChangeKind.REOPENED, replace(over.alert, count=over.alert.count + 1, last_at=at)
    else:
        kind = ChangeKind.OPENED
        alert = OpenAlert(
            id=alert_id(family, occasion),
            family=family,
            rule=look.rule,
            severity=look.severity,
            opened_at=at,
            last_at=at,
        )
    alert = replace(alert, turns=turned, flapping=turns.too_many(turned), fired_at=at, condition=Condition.ACTIVE)
    alert = as_it_looks(alert, look, causes=causes, at=at)
    ended = {other: one for other, one in state.ended.items() if other is not family}
    state = replace(state, alerts=state.alerts | {family: alert}, ended=ended)
    return state, AlertChange(kind=kind, alert=alert, at=at, why=alert.why)


def _fire_again(
    state: DeviceState,
    alert: OpenAlert,
    look: Look,
    *,
    causes: tuple[Cause, ...],
    signals: int,
    at: datetime,
) -> Followed:
    """An alert that was held open has a cause again; one that waited for a person alone is news."""
    waited = alert.condition is Condition.CLEARED
    turned = turns.turned(alert.turns, at=at)
    alert = replace(alert, calm_since=None, condition=Condition.ACTIVE, turns=turned)
    if not waited:
        return _move(state, alert, look, causes=causes, signals=signals, at=at)
    alert = replace(alert, flapping=turns.too_many(turned), fired_at=at, last_at=at, count=alert.count + signals)
    alert = as_it_looks(alert, look, causes=causes, at=at)
    state = replace(state, alerts=state.alerts | {alert.family: alert})
    return state, AlertChange(kind=ChangeKind.REOPENED, alert=alert, at=at, why=alert.why)


def _move(
    state: DeviceState,
    alert: OpenAlert,
    look: Look | None,
    *,
    causes: tuple[Cause, ...],
    signals: int,
    at: datetime,
) -> Followed:
    """Bring an open alert in line with its causes; where there is nothing to look at, in silence."""
    kind = None if look is None else kind_of(alert, look)
    moved = alert
    if look is not None and kind is not None:
        moved = as_it_looks(alert, look, causes=causes, at=at)
    elif gist_of(causes) != gist_of(alert.bare):
        moved = replace(alert, causes=causes)
    if signals:
        moved = replace(moved, last_at=at, count=moved.count + signals)
    if moved is not state.alerts[alert.family]:
        state = replace(state, alerts=state.alerts | {alert.family: moved})
    return state, AlertChange(kind=kind, alert=moved, at=at, why=moved.why) if kind else None


def _quieten(state: DeviceState, alert: OpenAlert, *, ended: tuple[Reason, ...], at: datetime) -> Followed:
    """No cause is left: the alert is over, or held."""
    ended = ended or (Reason(Because.NO_LONGER_JUDGED),)
    if alert.dismissed is not None:
        return _undismissed(state, alert, why=ended), None
    if alert.calm_since is not None:
        return state, None
    turned = turns.turned(alert.turns, at=at)
    too_many = alert.flapping or turns.too_many(turned)
    quiet = replace(alert, turns=turned, calm_since=at)
    state = replace(state, alerts=state.alerts | {alert.family: quiet})
    if too_many is None:
        return end(state, alert.family, why=ended, at=at)
    if alert.flapping is not None:
        return state, None
    held = replace(quiet, flapping=too_many, why=(*alert.why, too_many))
    change = AlertChange(kind=ChangeKind.FLAPPING, alert=held, at=at, why=held.why)
    return replace(state, alerts=state.alerts | {alert.family: held}), change


def _undismissed(state: DeviceState, alert: OpenAlert, *, why: tuple[Reason, ...]) -> DeviceState:
    """What a person resolved is over as of then, now that the rules have no more to do with it."""
    over = replace(alert, dismissed=None, dismissed_at=None, dismissed_causes=())
    return _over(state, over, why=why, at=alert.dismissed_at or alert.last_at)


def _over(state: DeviceState, alert: OpenAlert, *, why: tuple[Reason, ...], at: datetime) -> DeviceState:
    """The state without the alert, which is remembered for a while; what was flapping has to do so anew."""
    alert = replace(
        alert, calm_since=None, flapping=None, turns=() if alert.flapping else alert.turns, suppressed_by=None
    )
    over = state.ended | {alert.family: EndedAlert(alert=alert, at=at, why=why)}
    return replace(_without(state, alert), ended=over)


def _without(state: DeviceState, alert: OpenAlert) -> DeviceState:
    return replace(
        state, alerts={family: other for family, other in state.alerts.items() if family is not alert.family}
    )
