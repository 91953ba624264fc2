"""How people may answer an alert: who may end it by hand, how long a snooze may last, when an acknowledgment lapses.

Who has answered has taken what was known then upon themselves, and nobody is told of that any more. So no answer to
something critical lasts for ever, nor is it given for longer than an hour.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from rules.alerts import AlertSnapshot, Family, Severity
from rules.ids import AlertId, MessageId

LAPSES_AFTER: Final = timedelta(minutes=60)
"""How long an acknowledgment holds while its alert is critical."""

LONGEST_SNOOZE: Final = timedelta(days=7)

NOTE_LIMIT: Final = 2000
"""Characters of what somebody notes."""

_NEED_A_MANAGER: Final = frozenset({Family.TAMPER, Family.IDENTITY})


class Resolved(Struct, frozen=True, rename="camel", kw_only=True):
    """That a person ended an alert, which was as severe as this: an input of the rules (`rules.dismissal`)."""

    alert_id: AlertId
    family: Family
    severity: Severity
    by: str
    at: datetime

    @property
    def name(self) -> MessageId:
        """What it goes by among the inputs: an alert that comes back may be ended by hand again."""
        return MessageId(f"deed:resolved:{self.alert_id}:{self.at.timestamp() * 1e6:.0f}")


def needs_manager(alert: AlertSnapshot) -> bool:
    """Whether only a manager ends it by hand."""
    return alert.severity is Severity.CRITICAL or alert.family in _NEED_A_MANAGER


def lapse_of(severity: Severity, *, at: datetime) -> datetime | None:
    """When an acknowledgment ends by itself, which was given, or whose alert became this severe, at `at`."""
    return at + LAPSES_AFTER if severity is Severity.CRITICAL else None


def wrong_with_snooze(until: datetime, *, severity: Severity, now: datetime) -> str | None:
    """What is wrong with a snooze until then, in words for whoever asked for it; None: nothing."""
    if until <= now:
        return "is over already"
    if severity is Severity.CRITICAL and until > now + LAPSES_AFTER:
        return f"is too late: what is critical is snoozed for {LAPSES_AFTER // timedelta(minutes=1)} minutes at most"
    if until > now + LONGEST_SNOOZE:
        return f"is too late: a snooze lasts {LONGEST_SNOOZE.days} days at most"
    return None
