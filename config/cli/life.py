"""What became of an alert or of an outage, step by step, in words; the console has its own for the same.

(`STEPS` in `api/console/words.js`, and `api/console/outages.js`.)
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rules.incident import IncidentSnapshot
    from store.records import IncidentStep, TimelineEntry

CHANNELS: Final = {"email": "e-mail", "slack": "Slack"}

STATES: Final = {
    "pending": "waits",
    "sending": "on its way",
    "delivered": "told",
    "dead": "failed",
    "cancelled": "not sent",
}
"""What became of a notice."""

NOTICES: Final = {
    "opened": "that it opened",
    "worsened": "that it got worse",
    "reopened": "that it is there again",
    "flapping": "that it begins and ends again and again",
    "lapsed": "that nobody has it any more",
    "recovered": "that it is over",
    "incident": "of the outage",
    "incident-over": "that the outage is over",
}

STEPS: Final = {
    "alert.opened": "opened",
    "alert.changed": "changed",
    "alert.reopened": "opened again",
    "alert.cleared": "over",
    "alert.resolved": "resolved",
    "alert.acknowledged": "acknowledged",
    "alert.unacknowledged": "given back",
    "alert.lapsed": "acknowledgment lapsed",
    "alert.assigned": "assigned",
    "alert.snoozed": "snoozed",
    "alert.noted": "noted",
    "alert.suppressed": "from here on nobody is told",
    "incident.opened": "began",
    "incident.changed": "changed",
    "incident.closed": "over",
    "notification.sent": "told",
    "notification.dead": "could not be told",
}


def step_in_words(step: "TimelineEntry | IncidentStep") -> str:
    """What happened, without who did it and what else is known of it."""
    if step.channel is not None:
        return f"{STEPS[step.type]} by {CHANNELS[step.channel]}" + (f" {NOTICES[step.notice]}" if step.notice else "")
    if step.type == "alert.snoozed" and getattr(step, "until", None) is None:
        return "the snooze is over"
    if step.type == "incident.changed" and step.by is not None:
        return "acknowledged"
    return STEPS[step.type]


def outage_in_words(incident: "IncidentSnapshot") -> str:
    """What kind of outage it is, or was."""
    from rules.words import OUT, WAS_OUT

    return (OUT if incident.closed_at is None else WAS_OUT)[incident.rule]
