"""checkout.guard: somebody has checked out, and the tablet of the room is not where it should be.

What counts is how the tablet is at the check-out and in the 45 minutes (`checkout_guard`) after it: silent, away from
its room, or (where tablets are docked) taken off its dock. Then the alert stays until the tablet has been seen in its
room for five minutes (`checkout_seen`) on end, however much later, whoever lives there by then.
"""

from msgspec.structs import replace

from rules import power
from rules.alarm import Cause, Occasion, let_go, settle
from rules.alerts import AlertChange, Because, Family, Reason, Rule, Severity
from rules.context import unhushed
from rules.memory import NOT_GONE, CheckoutMemory
from rules.policy import Assignment
from rules.state import DeviceState, LinkState, Posture


def begin(state: DeviceState, *, occasion: Occasion) -> DeviceState:
    """Guard a tablet from this moment on if somebody checks out of its room now; no more once somebody checks in.

    What is open stays; what a person resolved was about the check-out before, and is over. The moment is remembered
    with the tablet, so that our own outage does not use up the time; and of which room it was, for nobody checks out of
    the one that the tablet is moved to.
    """
    since, room_id = occasion.assignment.room.checked_out_at, occasion.assignment.place.room_id
    if since is None:
        return _remembering(state, replace(state.checkout, guarded_from=None, room_id=None))
    if since != occasion.at:
        return state
    free = let_go(state, Family.CHECKOUT)
    memory = state.checkout if free is state else NOT_GONE
    return _remembering(free, replace(memory, guarded_from=since, room_id=room_id))


def follow(_: DeviceState, state: DeviceState, /, *, occasion: Occasion) -> tuple[DeviceState, AlertChange | None]:
    """Bring the alert in line with what is known of the tablet after a message, a deadline or a word on its room."""
    memory, gone = state.checkout, gone_by(state, assignment=occasion.assignment)
    policy, since = occasion.assignment.policy, memory.guarded_in(occasion.assignment.place.room_id)
    if gone:
        is_late = since is None or occasion.at > since + policy.checkout_guard
        if is_late and not memory.gone:
            return state, None
        alert = state.alerts.get(Family.CHECKOUT)
        is_resolved = alert is not None and alert.dismissed is not None
        why = memory.gone if is_late and is_resolved else _reasons(gone, occasion=occasion)
        return _settle(state, replace(memory, gone=why, good_since=None), ended=(), occasion=occasion)
    if not memory.gone:
        return state, None
    if not _is_seen(state, assignment=occasion.assignment):
        memory = memory if memory.good_since is None else replace(memory, good_since=None)
        return _settle(state, memory, ended=(), occasion=occasion)
    good_since = memory.good_since or occasion.at
    lasted = occasion.at - good_since
    if lasted < policy.checkout_seen:
        return _settle(state, replace(memory, good_since=good_since), ended=(), occasion=occasion)
    limit = policy.checkout_seen.total_seconds()
    seen = Reason(Because.SEEN_IN_ITS_ROOM, observed=lasted.total_seconds(), limit=limit, since=good_since)
    return _settle(state, replace(memory, gone=(), good_since=None), ended=(seen,), occasion=occasion)


def gone_by(state: DeviceState, *, assignment: Assignment) -> tuple[Because, ...]:
    """In which ways the tablet is not where it should be, as far as is known; empty: in none.

    Whoever was never heard, sleeps or had its token ended is not known to be gone; nor is one whose connection broke a
    moment ago (the will), or whose silence or breach is over and only held open.
    """
    gone, silence = [], state.alerts.get(Family.SILENCE)
    if silence is not None and silence.calm_since is None:
        gone.append(Because.GONE_SILENT)
    breach = state.alerts.get(Family.BREACH)
    if breach is not None and breach.calm_since is None and unhushed(breach).rank >= Severity.MEDIUM.rank:
        gone.append(Because.GONE_ELSEWHERE)
    if assignment.policy.docked and power.is_off_dock(state):
        gone.append(Because.UNPLUGGED)
    return tuple(gone)


def _is_seen(state: DeviceState, *, assignment: Assignment) -> bool:
    """Whether the tablet is heard, in its room, or where nobody can say which room it is in."""
    breach = state.alerts.get(Family.BREACH)
    if state.link is not LinkState.ONLINE or (breach is not None and breach.calm_since is None):
        return False
    place = assignment.place
    cannot_tell = state.posture is Posture.UNKNOWN and not place.access_points and assignment.policy.rssi_floor is None
    return state.posture is Posture.IN_ROOM or cannot_tell


def _reasons(gone: tuple[Because, ...], *, occasion: Occasion) -> tuple[Reason, ...]:
    since = occasion.assignment.room.checked_out_at
    lasted = None if since is None else (occasion.at - since).total_seconds()
    limit = occasion.assignment.policy.checkout_guard.total_seconds()
    checked_out = Reason(Because.CHECKED_OUT, observed=lasted, limit=limit, since=since)
    return (*(Reason(because) for because in gone), checked_out)


def _settle(
    state: DeviceState, memory: CheckoutMemory, *, ended: tuple[Reason, ...], occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    after = _remembering(state, memory)
    causes = (Cause(Rule.CHECKOUT_GUARD, Severity.CRITICAL, memory.gone),) if memory.gone else ()
    return settle(after, Family.CHECKOUT, causes=causes, ended=ended, signals=0, occasion=occasion)


def _remembering(state: DeviceState, memory: CheckoutMemory) -> DeviceState:
    if memory == state.checkout:
        return state
    return replace(state, checkout=NOT_GONE if memory == NOT_GONE else memory)
