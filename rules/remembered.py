"""Alerts that were over a short time ago: they may still be explained, and then they are forgotten."""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from rules.alerts import AlertChange, ChangeKind, Family, Reason, Rule
from rules.state import DeviceState

REMEMBERED: Final = timedelta(minutes=30)
"""How long an alert that is over may still be explained by what comes late."""

Followed = tuple[DeviceState, AlertChange | None]


def relabel(state: DeviceState, family: Family, *, rule: Rule, said: Reason, at: datetime) -> Followed:
    """Name what is open or was over lately by what the tablet said: nobody is told, no severity moves.

    What it was taken to have said before stands no more.
    """
    alert, over = state.alerts.get(family), state.ended.get(family)
    told = alert or (over.alert if over is not None and at - over.at <= REMEMBERED else None)
    if told is None or (told.rule is rule and said in told.why):
        return state, None
    first, *others = told.bare
    named = replace(first, rule=rule, why=_explained(first.why, said, instead_of=first.rule))
    why = _explained(told.why, said, instead_of=first.rule)
    seen = tuple(replace(one, rule=rule) if one.rule is first.rule else one for one in told.dismissed_causes)
    told = replace(told, rule=rule, why=why, causes=(named, *others), dismissed_causes=seen)
    if alert is not None:
        change = AlertChange(kind=ChangeKind.RELABELLED, alert=told, at=at, why=why)
        return replace(state, alerts=state.alerts | {family: told}), change
    assert over is not None  # noqa: S101 - it is what was told of
    change = AlertChange(kind=ChangeKind.RELABELLED, alert=told, at=at, why=(*why, *over.why))
    return replace(state, ended=state.ended | {family: replace(over, alert=told)}), change


def _explained(why: tuple[Reason, ...], said: Reason, *, instead_of: Rule) -> tuple[Reason, ...]:
    """The reasons with this one first, and without the one that the rule was named by."""
    return (said, *(reason for reason in why if reason.because.value != instead_of.value))


def forget(state: DeviceState, *, at: datetime) -> DeviceState:
    """Without the alerts that were over too long ago to matter."""
    if not state.ended or not is_too_long_ago(state, at=at):
        return state
    return replace(state, ended={family: over for family, over in state.ended.items() if at - over.at <= REMEMBERED})


def is_too_long_ago(state: DeviceState, *, at: datetime) -> bool:
    """Whether there is anything to forget."""
    for over in state.ended.values():  # noqa: SIM110 - asked at every heartbeat: a generator costs twice as much
        if at - over.at > REMEMBERED:
            return True
    return False
