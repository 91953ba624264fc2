"""What the hotel knows of a room changes what a signal means (docs/rules.md, "Rooms").

A guest who leaves within the hour, and a tablet that moves in a room that nobody lives in, weigh one step more; a room
that is out of order weighs nothing, and whoever cleans a room may carry its tablet next door. Tampering and a network
that is not the hotel's are never taken lighter, and neither is a check-out's guard: it is about that very room.
"""

from datetime import datetime, timedelta
from typing import Final

from rules.alerts import Because, Cause, OpenAlert, Reason, Rule, Severity
from rules.causes import is_never_lowered
from rules.policy import Assignment
from rules.room_status import NOTHING_SAID, RoomStatus

_BREACHES: Final = frozenset({Rule.BREACH_SIGNAL, Rule.BREACH_ACCESS_POINT, Rule.BREACH_REPORTED})
_GOING: Final = _BREACHES | {Rule.SILENCE, Rule.WIFI_OFF, Rule.POWERED_OFF}
"""What says that a tablet may be leaving with somebody. An empty battery does not."""

_RAISING: Final = frozenset({Because.DEPARTING, Because.ROOM_VACANT})

_ORDER: Final = tuple(Severity)


def in_context(cause: Cause, *, assignment: Assignment, at: datetime) -> Cause:
    """The cause as severe as it is where the device is at this moment.

    Where that differs from what its family holds it to be, a reason more says so. Without anything known of the room
    it is the cause itself.
    """
    status = assignment.room
    if status is NOTHING_SAID:
        return cause
    if status.service is not None and not is_never_lowered(cause):
        return Cause(cause.rule, Severity.INFO, (*cause.why, Reason(Because.OUT_OF_SERVICE, observed=status.service)))
    reasons = [*_raising(cause, status, within=assignment.policy.departing_within, at=at)]
    steps = len(reasons)
    if _is_carried_next_door(cause, status, at=at):
        reasons.append(Reason(Because.HOUSEKEEPING, since=status.housekeeping_since))
        steps -= 1
    if not reasons:
        return cause
    rank = min(cause.severity.rank + steps, len(_ORDER) - 1)
    return Cause(cause.rule, _ORDER[rank], (*cause.why, *reasons))


def unhushed(alert: OpenAlert) -> Severity:
    """How severe a breach is for whoever asks where its tablet is: no window and no closed room makes light of it.

    What else is known of the room counts as it did when the alert last changed, whoever cleans it too.
    """
    said = {reason.because for reason in alert.why}
    ranks = [alert.severity.rank]
    for cause in alert.bare:
        rank = cause.severity.rank + int(bool(said & _RAISING))
        if Because.HOUSEKEEPING in said and any(reason.because is Because.MOVED for reason in cause.why):
            rank -= 1
        ranks.append(min(rank, len(_ORDER) - 1))
    return _ORDER[max(ranks)]


def _raising(cause: Cause, status: RoomStatus, *, within: timedelta, at: datetime) -> tuple[Reason, ...]:
    """One reason at most: that a guest leaves, and that nobody lives there, are never both true."""
    if cause.rule in _GOING and status.is_departing(at, within=within) and status.departs_at is not None:
        left_s = (status.departs_at - at).total_seconds()
        return (Reason(Because.DEPARTING, observed=left_s, limit=within.total_seconds()),)
    if cause.rule in _BREACHES and status.occupied is False:
        return (Reason(Because.ROOM_VACANT),)
    return ()


def _is_carried_next_door(cause: Cause, status: RoomStatus, *, at: datetime) -> bool:
    """Whether it may be whoever cleans: a neighbour is a room on the same floor (`rules.place`)."""
    return status.is_being_cleaned(at) and any(reason.because is Because.MOVED for reason in cause.why)
