"""Maintenance windows: while people work on a room, a floor or the hotel, its tablets alarm nobody.

Silence is not judged before the tablets had time to come back after the window. What else happens is info, and nobody
is told; but of tampering, of a network that is not the hotel's and of a check-out's guard they are, for that is what
somebody would wait for a window to do. What still fires at its end is judged anew (`rules.maintenance_end`).
"""

from collections.abc import Iterable
from datetime import datetime

from rules.alerts import Because, Cause, Reason
from rules.causes import is_never_lowered
from rules.policy import Assignment, Place, Window


def of_place(windows: Iterable[Window], place: Place) -> tuple[Window, ...]:
    """The windows that a device of this place is in, the earliest first."""
    own = [window for window in windows if _concerns(window, place)]
    return tuple(sorted(own, key=lambda window: (window.starts_at, window.id)))


def running(windows: Iterable[Window], at: datetime) -> Window | None:
    """The window that runs at this moment; of several, the one that ends last."""
    now = [window for window in windows if window.starts_at <= at < window.ends_at]
    return max(now, key=lambda window: window.ends_at, default=None)


def over(windows: Iterable[Window], at: datetime) -> datetime:
    """The end of the windows that run at this moment, one into the next; without any, the moment itself."""
    while (window := running(windows, at)) is not None:
        at = window.ends_at
    return at


def judged_from(due: datetime, *, assignment: Assignment, since: datetime) -> datetime:
    """When a silence that began at `since` is judged that would be at `due`, were there no windows."""
    if not assignment.windows:
        return due
    policy = assignment.policy
    to_come_back = policy.silence_allowance + policy.grace
    for window in sorted(assignment.windows, key=lambda window: window.starts_at):
        if window.starts_at <= due and window.ends_at > since:
            due = max(due, window.ends_at + to_come_back)
    return due


def suppressor(cause: Cause, *, assignment: Assignment, at: datetime) -> Reason | None:
    """Why nobody is told of this cause at this moment; None: they are.

    What is suppressed is info, and its alert names the reason's word as `suppressed_by`.
    """
    if not assignment.windows:
        return None
    window = running(assignment.windows, at)
    if window is None or is_never_lowered(cause):
        return None
    lasts_s = (window.ends_at - window.starts_at).total_seconds()
    return Reason(Because.MAINTENANCE, limit=lasts_s, since=window.starts_at)


def _concerns(window: Window, place: Place) -> bool:
    if window.room_id is not None:
        return window.room_id == place.room_id
    return window.floor is None or window.floor == place.floor
