"""The two ends of a maintenance window: what is open when it begins is hushed like what fires in it, though nothing
more is heard; and what was hushed and still fires at its end is judged anew, and told.
"""

from datetime import datetime

from rules.alerts import Because, OpenAlert
from rules.look import look_of
from rules.maintenance import over
from rules.occasion import Occasion
from rules.policy import Assignment
from rules.state import DeviceState


def deadline(state: DeviceState, /, *, assignment: Assignment, watching_since: datetime) -> datetime | None:  # noqa: ARG001 - as every family's
    """When a window begins that an open alert falls into; when the windows are over in which one was hushed.

    At once where somebody ended or withdrew them.
    Where none of the device's windows is the one that hushed it (withdrawn, or the device has moved), that is found out
    now: at once is when it was last heard of, not when the window began, and not in a window that it is in now.
    """
    if not state.alerts:
        return None
    dues = (
        _released_at(state, alert, assignment=assignment)
        if alert.suppressed_by is Because.MAINTENANCE
        else _hushed_at(alert, assignment=assignment)
        for alert in state.alerts.values()
    )
    return min((due for due in dues if due is not None), default=None)


def _hushed_at(alert: OpenAlert, *, assignment: Assignment) -> datetime | None:
    """When the first window begins of which nobody is told this; None: they are, or there is none."""
    looked_at = alert.looked_at or alert.opened_at
    for window in assignment.windows:
        begins = max(window.starts_at, looked_at)
        if look_of(alert.bare, occasion=Occasion(assignment, "", begins)).suppressed_by is Because.MAINTENANCE:
            return begins
    return None


def _released_at(state: DeviceState, alert: OpenAlert, *, assignment: Assignment) -> datetime:
    since = alert.looked_at or alert.last_at  # in the window that hushed it
    end = over(assignment.windows, since)
    if end > since:
        return end
    return over(assignment.windows, max(since, alert.last_at, state.last_heard or since))
