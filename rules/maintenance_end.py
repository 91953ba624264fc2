"""The end of a maintenance window: what was hushed in it and still fires is judged anew, and told."""

from datetime import datetime

from rules.alarm import Occasion, anew
from rules.alerts import Because, OpenAlert
from rules.maintenance import over
from rules.policy import Assignment
from rules.state import DeviceState, Verdict


def deadline(state: DeviceState, /, *, assignment: Assignment, watching_since: datetime) -> datetime | None:  # noqa: ARG001 - as every family's
    """When the windows are over in which an open alert was hushed; at once where somebody ended or withdrew them."""
    if not state.alerts:
        return None
    return min(
        (
            over(assignment.windows, _hushed_since(alert))
            for alert in state.alerts.values()
            if alert.suppressed_by is Because.MAINTENANCE
        ),
        default=None,
    )


def pass_deadline(
    state: DeviceState,
    /,
    *,
    assignment: Assignment,
    watching_since: datetime,  # noqa: ARG001 - as every family's
    at: datetime,
) -> Verdict:
    """What `at`, which is the deadline, makes of what is open."""
    after, changes = anew(state, occasion=Occasion(assignment, at.isoformat(), at))
    return Verdict(after, changes)


def _hushed_since(alert: OpenAlert) -> datetime:
    """A moment of the window that hushed it."""
    began = (reason.since for reason in alert.why if reason.because is Because.MAINTENANCE)
    return next((since for since in began if since is not None), alert.last_at)
