"""What staff learn of alerts: as it was told when it happened, and as a replay has it."""

from typing import Any

import msgspec
from msgspec import Struct

from rules.alerts import AlertChange, ChangeKind
from rules.ids import HotelId
from rules.replay import Step
from store import Store
from store.intake import EVENT_OF as EVENTS

_PAGE = 1000
_BY_RULES = frozenset({"opened", "changed", "cleared", "reopened", "suppressed"})
"""What else becomes of an alert, people do."""


class Told(Struct, frozen=True):
    """One change of an alert: whose it is, what it is called, how severe, why, and when."""

    kind: str
    alert: str
    device: str
    family: str
    rule: str
    severity: str
    why: tuple[str, ...]
    at: str


async def lived(store: Store, hotel_id: HotelId) -> list[Told]:
    """As the events say it, in their order."""
    told: list[Told] = []
    after = 0
    while events := await store.events_after(hotel_id, after, limit=_PAGE):
        after = events[-1].id
        for event in events:
            subject, _, kind = event.type.partition(".")
            if subject == "alert" and kind in _BY_RULES:
                told.append(_told(kind, msgspec.json.decode(event.data), event.at.isoformat()))
    return told


def _told(kind: str, alert: Any, at: str) -> Told:  # noqa: ANN401 - JSON
    why = tuple(reason["because"] for reason in alert["why"])
    names = (alert["id"], alert["deviceId"], alert["family"], alert["rule"], alert["severity"])
    return Told(kind, *names, why, at)


def judged(step: Step, change: AlertChange) -> Told:
    """As a replay has it."""
    alert = change.alert
    reasons = alert.why
    if change.kind in {ChangeKind.CLEARED, ChangeKind.SUBSIDED}:
        reasons = (*alert.why, *change.why)
    elif change.kind is ChangeKind.RELABELLED:
        reasons = change.why
    kind = EVENTS[change.kind].partition(".")[2]
    names = (alert.id, step.device_id, alert.family.value, alert.rule.value, alert.severity.value)
    return Told(kind, *names, tuple(reason.because.value for reason in reasons), change.at.isoformat())
