"""The moments at which *nothing heard* changes something, of all families that have any."""

from datetime import datetime

from rules import silence, token
from rules.policy import Assignment
from rules.state import DeviceState, Verdict


def deadline(state: DeviceState, *, assignment: Assignment, watching_since: datetime) -> datetime | None:
    """When, if nothing is heard until then, something changes; None: there is nothing to wait for."""
    quiet = silence.deadline(state, assignment=assignment, watching_since=watching_since)
    end = token.deadline(state, assignment=assignment, watching_since=watching_since)
    return quiet if end is None or (quiet is not None and quiet <= end) else end


def may_come_nearer(before: DeviceState, after: DeviceState) -> bool:
    """Whether the deadline may be sooner after a verdict than it was, or be there at last."""
    return silence.may_come_nearer(before, after) or after.token is not before.token


def pass_deadline(state: DeviceState, *, assignment: Assignment, watching_since: datetime, at: datetime) -> Verdict:
    """What the silence until `at`, which is the deadline, makes of a device; one call passes one deadline."""
    due = silence.deadline(state, assignment=assignment, watching_since=watching_since)
    if due is not None and due <= at:
        return silence.pass_deadline(state, assignment=assignment, watching_since=watching_since, at=at)
    return token.pass_deadline(state, assignment=assignment, at=at)
