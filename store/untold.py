"""Why nobody was told of an alert, as far as the rules do not know it: by what became of its notices."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from rules.alerts import AlertSnapshot, Because, Reason
from rules.hindsight import Finding
from store.records import EventType, NoticeKind, Notification, NotificationState, TimelineEntry

_SOON: Final = timedelta(minutes=1)
"""A notice is made when a deadline is noticed, and an alert dated at the deadline itself."""


def why_untold(
    finding: Finding,
    alert: AlertSnapshot,
    *,
    end: datetime,
    notices: Sequence[Notification],
    timeline: Sequence[TimelineEntry],
) -> Reason | None:
    """None: somebody was told, or will be, or there was nothing to tell in that time. That it is over counts not.

    What lasts is looked at until `end`.
    """
    until = (finding.until or end) + _SOON
    told = [one for one in notices if one.kind is not NoticeKind.RECOVERED]
    made = [one for one in told if finding.since <= one.created_at <= until]
    if any(one.state is not NotificationState.CANCELLED for one in made):
        return None
    if not made:
        is_news = not told and alert.suppressed_by is None and finding.since <= alert.opened_at <= until
        return Reason(Because.NO_CHANNEL) if is_news else None
    if alert.incident_id is not None:
        return Reason(Because.PART_OF_OUTAGE)
    return _answered(timeline, before=max(one.finished_at or one.created_at for one in made))


def _answered(timeline: Sequence[TimelineEntry], *, before: datetime) -> Reason | None:
    """Who had taken it on, or put it off, by the time at which it would have been sent."""
    answer = None
    for step in timeline:
        if step.at > before:
            break
        if step.type is EventType.ALERT_ACKNOWLEDGED:
            answer = Reason(Because.ACKNOWLEDGED, observed=step.by, since=step.at)
        elif step.type is EventType.ALERT_SNOOZED:
            answer = Reason(Because.SNOOZED, observed=step.by, since=step.at) if step.until is not None else None
        elif step.type in (EventType.ALERT_UNACKNOWLEDGED, EventType.ALERT_LAPSED):
            answer = None
    return answer
