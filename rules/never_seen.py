"""never-seen: a tablet was added, and after a day nothing of it was heard yet. Its first word ends it.

Mostly it lies in a drawer, or its enrolment failed: nobody has carried off what was never put up.
"""

from datetime import datetime

from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, Reason, Rule, Severity
from rules.policy import Assignment
from rules.state import DeviceState, Verdict


def deadline(state: DeviceState, /, *, assignment: Assignment, watching_since: datetime) -> datetime | None:
    """When it should have been heard at last. Who came while we were not there gets the grace of a start."""
    if state.last_heard is not None or assignment.added_at is None or Family.NEVER_SEEN in state.alerts:
        return None
    due = assignment.added_at + assignment.policy.never_seen_after
    return max(due, watching_since + assignment.policy.restart_grace)


def pass_deadline(
    state: DeviceState,
    /,
    *,
    assignment: Assignment,
    watching_since: datetime,  # noqa: ARG001 - asked of all families
    at: datetime,
) -> Verdict:
    """What the passing of `at`, which is the deadline, makes of a device."""
    added, limit = assignment.added_at, assignment.policy.never_seen_after
    waited = None if added is None else (at - added).total_seconds()
    why = Reason(Because.NEVER_HEARD, observed=waited, limit=limit.total_seconds(), since=added)
    cause = Cause(Rule.NEVER_SEEN, Severity.LOW, (why,))
    occasion = Occasion(assignment, f"never-seen:{at.isoformat()}", at)
    after, change = settle(state, Family.NEVER_SEEN, causes=(cause,), ended=(), signals=0, occasion=occasion)
    return Verdict(after, (change,) if change else ())


def after_life(
    _before: DeviceState, state: DeviceState, /, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow a sign of life."""
    if Family.NEVER_SEEN not in state.alerts:
        return state, None
    ended = (Reason(Because.FIRST_HEARD),)
    return settle(state, Family.NEVER_SEEN, causes=(), ended=ended, signals=0, occasion=occasion)
