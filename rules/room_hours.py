"""The hours of a room: what is open is judged anew when a departure comes near or is long past, and when nobody can be
taken to be cleaning any more, though nothing else is said or heard (`rules.context`).
"""

from datetime import datetime
from typing import Final

from rules.alerts import Because, OpenAlert
from rules.look import look_of
from rules.occasion import Occasion
from rules.policy import Assignment
from rules.room_status import DEPARTING_AT_MOST, HOUSEKEEPING_AT_MOST, NOTHING_SAID
from rules.state import DeviceState

_BY_THE_HOUR: Final = frozenset({Because.DEPARTING, Because.HOUSEKEEPING})


def deadline(state: DeviceState, /, *, assignment: Assignment, watching_since: datetime) -> datetime | None:  # noqa: ARG001 - as every family's
    """When the hour makes something that is open more or less severe than it was found to be when last looked at."""
    if not state.alerts or assignment.room is NOTHING_SAID:
        return None
    dues = (
        max(hour, _looked_at(alert))
        for hour in _hours_of(assignment)
        for alert in state.alerts.values()
        if _differs(alert, assignment=assignment, at=max(hour, _looked_at(alert)))
    )
    return min(dues, default=None)


def _hours_of(assignment: Assignment) -> tuple[datetime, ...]:
    """When what is known of the room begins to count, or counts no more, by itself."""
    departs_at, cleaned = assignment.room.departs_at, assignment.room.housekeeping_since
    within = assignment.policy.departing_within
    leaving = () if departs_at is None else (departs_at - within, departs_at + DEPARTING_AT_MOST)
    return leaving if cleaned is None else (*leaving, cleaned + HOUSEKEEPING_AT_MOST)


def _looked_at(alert: OpenAlert) -> datetime:
    known = (alert.looked_at, alert.fired_at, alert.dismissed_at)
    return max((at for at in known if at is not None), default=alert.opened_at)


def _differs(alert: OpenAlert, *, assignment: Assignment, at: datetime) -> bool:
    """Whether an alert would look otherwise at `at`, by the hour alone; a dismissed one, more severe than was seen."""
    if alert.calm_since is not None:
        return False
    look = look_of(alert.bare, occasion=Occasion(assignment, "", at))
    if alert.dismissed is not None:
        return look.severity.rank > alert.dismissed.rank
    then = {reason.because for reason in look.why} & _BY_THE_HOUR
    return then != {reason.because for reason in alert.why} & _BY_THE_HOUR
