"""checkout.guard: somebody checked out, and the tablet was where it should be, or went only when nobody looked."""

from datetime import datetime
from typing import Final

from rules import checkout
from rules.alerts import Because, Family, Reason, Rule
from rules.hindsight.finding import Finding
from rules.hindsight.watcher import Run, alert_of, names
from rules.messages import TokenEnd
from rules.replay import Step
from rules.snapshot import token_end_of
from rules.state import LinkState, Posture

_GONE: Final = frozenset({Because.GONE_SILENT, Because.GONE_ELSEWHERE, Because.UNPLUGGED, Because.CHECKED_OUT})
_TOKEN: Final = {TokenEnd.EXPIRED: Because.TOKEN_EXPIRED, TokenEnd.REVOKED: Because.TOKEN_REVOKED}


class CheckOuts:
    """One check-out, until the guard is over; after that, a tablet that goes before somebody checks in."""

    def __init__(self) -> None:
        self._since: datetime | None = None  # the check-out; an outage of ours moves it
        self._guard: Run | None = None
        self._held_back: Reason | None = None
        self._gone: Run | None = None  # when the guard was over
        self._too_late: Reason | None = None

    def see(self, step: Step) -> Finding | None:
        since, over = step.verdict.state.checkout.guarded_in(step.assignment.place.room_id), None
        if since is None or since == step.at or self._since is None:
            over = self.end(step.at)
        if since is not None and (since == step.at or self._since is None):
            self._guard = Run(Rule.CHECKOUT_GUARD, step, since=since)
            self._guard.add(since)
        self._since = since
        if since is None:
            return over
        if self._guard is None and _is_guarded(step, since):  # people have made it longer since
            over = self.end(step.at) or over
            self._guard = Run(Rule.CHECKOUT_GUARD, step)
            self._guard.add(step.at)
        if self._guard is not None:
            over = self._see_guard(step, self._guard, since) or over
        return over if self._guard is not None else self._see_after(step, since) or over

    def end(self, at: datetime) -> Finding | None:
        """What goes on; of a check-out whose guard is over, that alone."""
        guard, held_back, gone, too_late = self._guard, self._held_back, self._gone, self._too_late
        self._guard, self._held_back, self._gone, self._too_late = None, None, None, None
        if guard is not None:
            return guard.found(held_back, speaks_for=_GONE)
        return None if gone is None else gone.found(too_late, speaks_for=_GONE)

    def _see_guard(self, step: Step, guard: Run, since: datetime) -> Finding | None:
        """It is over with its time, or with its alert if that lasts longer."""
        if not _is_guarded(step, since):
            return self.end(step.at)
        alert = alert_of(step, Family.CHECKOUT)
        if alert is not None and names(alert, _GONE):
            guard.has_alert(alert)
        guard.until = step.at
        if not guard.is_alert:
            self._held_back = _held_back(step, since)
        return None

    def _see_after(self, step: Step, since: datetime) -> Finding | None:
        """What begins now is none of the guard's business."""
        if not checkout.gone_by(step.verdict.state, assignment=step.assignment):
            return self.end(step.at)
        if self._gone is None:
            self._gone = Run(Rule.CHECKOUT_GUARD, step)
            self._gone.add(step.at)
            limit = step.assignment.policy.checkout_guard.total_seconds()
            lasted = (step.at - since).total_seconds()
            self._too_late = Reason(Because.GUARD_OVER, observed=lasted, limit=limit, since=since)
        self._gone.until = step.at
        return None


def _is_guarded(step: Step, since: datetime) -> bool:
    """Whether the guard lasts, or its alert, which outlives it."""
    lasts = step.at <= since + step.assignment.policy.checkout_guard
    return lasts or names(alert_of(step, Family.CHECKOUT), _GONE)


def _held_back(step: Step, since: datetime) -> Reason:
    """Why the tablet is not known to be gone."""
    state, place = step.verdict.state, step.assignment.place
    lasted, limit = (step.at - since).total_seconds(), step.assignment.policy.checkout_guard.total_seconds()
    ended = token_end_of(state)
    if ended is not None:
        return Reason(_TOKEN[ended])
    if state.link is LinkState.NEVER_SEEN:
        return Reason(Because.NEVER_HEARD, since=step.assignment.added_at)
    if state.link in (LinkState.SLEEPING, LinkState.AWAY):
        return Reason(Because.ASLEEP if state.link is LinkState.SLEEPING else Because.SAID_GOODBYE)
    lost_at, grace = state.silence.lost_at, step.assignment.policy.grace.total_seconds()
    if state.link is LinkState.SILENT and lost_at is not None:
        return Reason(
            Because.WITHIN_ALLOWANCE, observed=(step.at - lost_at).total_seconds(), limit=grace, since=lost_at
        )
    breach = state.alerts.get(Family.BREACH)
    if breach is not None and breach.calm_since is None:  # one that is too light to say that it is elsewhere
        light = (Because.ROOM_NOT_CALIBRATED, Because.HOUSEKEEPING)
        return next((reason for reason in breach.why if reason.because in light), breach.why[0])
    if state.posture is Posture.UNKNOWN and not place.access_points:
        return Reason(Because.NO_ACCESS_POINTS_KNOWN)
    return Reason(Because.SEEN_IN_ITS_ROOM, observed=lasted, limit=limit, since=since)
