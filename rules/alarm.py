"""How an alert is raised, moves and ends: one open alert per family, named after its strongest cause.

Promise: a change is made only when staff would see a difference (rule, severity, or the reasons themselves, not the
figures in them), so that a constant signal never makes a second one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from rules.alerts import AlertChange, Because, ChangeKind, Family, OpenAlert, Reason, Rule, Severity
from rules.ids import AlertId
from rules.policy import Assignment
from rules.state import DeviceState

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MILLISECOND = timedelta(milliseconds=1)


class Cause(Struct, frozen=True):
    """One thing that keeps an alert open now."""

    rule: Rule
    severity: Severity
    why: tuple[Reason, ...]


class Occasion(Struct, frozen=True):
    """What is being judged: the device, the id of the message (or the deadline's name), and when."""

    assignment: Assignment
    trigger: str
    at: datetime


def settle(
    state: DeviceState,
    family: Family,
    *,
    causes: Sequence[Cause],
    ended: tuple[Reason, ...],
    signals: int,
    occasion: Occasion,
) -> tuple[DeviceState, AlertChange | None]:
    """Bring the family's alert in line with its causes: those equally strong, the more telling first.

    `ended` says what cleared it, should no cause be left; `signals` is how many firing signals (0 or 1) to count.
    """
    alert = state.alerts.get(family)
    if not causes:
        return (state, None) if alert is None else _clear(state, alert, ended=ended, at=occasion.at)
    causes = sorted(causes, key=lambda cause: -cause.severity.rank)
    rule, severity = causes[0].rule, causes[0].severity
    why = tuple(reason for cause in causes for reason in cause.why)
    if alert is None:
        kind: ChangeKind | None = ChangeKind.OPENED
        moved = OpenAlert(
            id=alert_id(family, occasion),
            family=family,
            rule=rule,
            severity=severity,
            opened_at=occasion.at,
            last_at=occasion.at,
            why=why,
        )
    else:
        kind = _kind(alert, rule, severity=severity, why=why)
        moved = replace(alert, rule=rule, severity=severity, why=why) if kind else alert
        if signals:
            moved = replace(moved, last_at=occasion.at, count=moved.count + signals)
        if moved is alert:
            return state, None
    state = replace(state, alerts=state.alerts | {family: moved})
    return state, AlertChange(kind=kind, alert=moved, at=occasion.at, why=moved.why) if kind else None


def alert_id(family: Family, occasion: Occasion) -> AlertId:
    """The id of the alert that `occasion` opens: shaped like a ULID, and the same whenever history is judged again."""
    assignment = occasion.assignment
    name = f"{assignment.hotel_id}/{assignment.device_id}/{family}/{occasion.trigger}"
    chance = int.from_bytes(blake2b(name.encode(), digest_size=10).digest(), "big")
    number = (occasion.at - _EPOCH) // _MILLISECOND << 80 | chance
    return AlertId("".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)))


def _clear(
    state: DeviceState, alert: OpenAlert, *, ended: tuple[Reason, ...], at: datetime
) -> tuple[DeviceState, AlertChange]:
    others = {family: other for family, other in state.alerts.items() if family is not alert.family}
    change = AlertChange(kind=ChangeKind.CLEARED, alert=alert, at=at, why=ended or (Reason(Because.NO_LONGER_JUDGED),))
    return replace(state, alerts=others), change


def _kind(alert: OpenAlert, rule: Rule, *, severity: Severity, why: tuple[Reason, ...]) -> ChangeKind | None:
    if severity.rank > alert.severity.rank:
        return ChangeKind.WORSENED
    if rule is alert.rule and severity is alert.severity and _gist(why) == _gist(alert.why):
        return None
    return ChangeKind.CHANGED


def _gist(why: Iterable[Reason]) -> list[tuple[Because, str | None]]:
    return [(reason.because, reason.cause) for reason in why]
