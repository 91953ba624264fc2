"""What staff see of an alert: its causes where the device is now, and as far as anybody is told of them."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from rules.alerts import Because, Cause, ChangeKind, OpenAlert, Reason, Rule, Severity
from rules.causes import gist
from rules.context import in_context
from rules.maintenance import suppressor
from rules.occasion import Occasion


class Look(Struct, frozen=True):
    """What staff see of an alert's causes."""

    rule: Rule
    severity: Severity
    why: tuple[Reason, ...]
    suppressed_by: Because | None


def look_of(causes: Sequence[Cause], *, occasion: Occasion) -> Look:
    """What the causes come to where the device is: the strongest names the alert, and all of them explain it."""
    seen = []
    for cause in causes:
        here = in_context(cause, assignment=occasion.assignment, at=occasion.at)
        silenced = suppressor(cause, assignment=occasion.assignment, at=occasion.at)
        if silenced is not None:
            here = Cause(here.rule, Severity.INFO, (*here.why, silenced))
        seen.append((here, silenced))
    seen.sort(key=lambda both: (-both[0].severity.rank, both[1] is not None))
    strongest, silenced = seen[0]
    why = tuple(reason for here, _ in seen for reason in here.why)
    return Look(strongest.rule, strongest.severity, why, silenced.because if silenced is not None else None)


def as_it_looks(alert: OpenAlert, look: Look, *, causes: tuple[Cause, ...], at: datetime) -> OpenAlert:
    """The alert as its causes have it look."""
    return replace(
        alert,
        rule=look.rule,
        severity=look.severity,
        why=_why(alert, look),
        causes=causes,
        suppressed_by=look.suppressed_by,
        looked_at=at,
    )


def _why(alert: OpenAlert, look: Look) -> tuple[Reason, ...]:
    return look.why if alert.flapping is None else (*look.why, alert.flapping)


def kind_of(alert: OpenAlert, look: Look) -> ChangeKind | None:
    """What staff are told when an open alert looks so now; None: they would see no difference."""
    if (look.suppressed_by is None) is not (alert.suppressed_by is None):
        return ChangeKind.RELEASED if look.suppressed_by is None else ChangeKind.SUPPRESSED
    if look.severity.rank > alert.severity.rank:
        return ChangeKind.WORSENED
    same = look.rule is alert.rule and look.severity is alert.severity
    return None if same and gist(_why(alert, look)) == gist(alert.why) else ChangeKind.CHANGED
