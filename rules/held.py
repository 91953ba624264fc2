"""Alerts that are held open although no cause is left, because they were flapping: when each is over after all.

Calm is what is heard to be calm. While a tablet is silent or away nothing is known of it, and while it sleeps nothing
but what it was heard to say meanwhile.
"""

from datetime import datetime, timedelta

from rules import alarm
from rules.alerts import AlertChange, Because, Family, OpenAlert, Reason
from rules.policy import Assignment
from rules.state import DeviceState, LinkState, Verdict
from rules.turns import CALM_AFTER


def deadline(
    state: DeviceState,
    *,
    assignment: Assignment,  # noqa: ARG001 - asked of all families
    watching_since: datetime,  # noqa: ARG001 - likewise
) -> datetime | None:
    """When the first of them is over, if nothing comes between; None: none is held, or nothing is heard."""
    if not state.alerts:
        return None
    dues = [due for alert in state.alerts.values() if (due := _due(state, alert)) is not None]
    return min(dues, default=None)


def pass_deadline(
    state: DeviceState,
    *,
    assignment: Assignment,  # noqa: ARG001 - asked of all families
    watching_since: datetime,  # noqa: ARG001 - likewise
    at: datetime,
) -> Verdict:
    """What the passing of `at`, which is the deadline, makes of a device."""
    changes: list[AlertChange] = []
    for family, alert in state.alerts.items():
        due = _due(state, alert)
        if due is None or due > at:
            continue
        calm = Reason(
            Because.CALM_AGAIN,
            observed=(at - (alert.calm_since or at)).total_seconds(),
            limit=CALM_AFTER.total_seconds(),
            since=alert.calm_since,
        )
        state, change = alarm.end(state, family, why=(calm,), at=at)
        changes += [] if change is None else [change]
    return Verdict(state, tuple(changes))


def _due(state: DeviceState, alert: OpenAlert) -> datetime | None:
    if alert.flapping is None or alert.calm_since is None or alert.dismissed is not None:
        return None
    if state.link is LinkState.AWAY or (state.link is LinkState.SILENT and alert.family is not Family.SILENCE):
        return None
    due = alert.calm_since + CALM_AFTER
    if state.last_heard is None:
        return due
    if state.link is LinkState.SLEEPING and state.last_heard < due:
        return None
    return max(due, state.last_heard + timedelta(seconds=state.deaf_s))  # after a silence it is late
