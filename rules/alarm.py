"""How an alert is raised, moves and ends: one open alert per family, named after its strongest cause.

Promise: a change is made only when staff would see a difference (rule, severity, what suppresses it, or the reasons
themselves, not the figures in them), so that a constant signal never makes a second one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from rules.alerts import (
    AlertChange,
    Because,
    Cause,
    ChangeKind,
    EndedAlert,
    Family,
    OpenAlert,
    Reason,
    Rule,
    Severity,
)
from rules.context import in_context
from rules.ids import AlertId
from rules.maintenance import suppressor
from rules.policy import Assignment
from rules.state import DeviceState

__all__ = ["Cause", "Occasion", "alert_id", "anew", "forget", "relabel", "settle"]

REMEMBERED = timedelta(minutes=30)
"""How long an alert that is over may still be explained by what comes late."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MILLISECOND = timedelta(milliseconds=1)


class Occasion(Struct, frozen=True):
    """What is being judged: the device, the id of the message (or the deadline's name), and when."""

    assignment: Assignment
    trigger: str
    at: datetime


class _Look(Struct, frozen=True):
    """What staff see of an alert's causes."""

    rule: Rule
    severity: Severity
    why: tuple[Reason, ...]
    suppressed_by: Because | None


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

    Causes are as severe as the family holds them to be: what the hotel knows of the room, and what suppresses them, is
    seen to here. `ended` says what cleared the alert, should no cause be left; `signals` is how many firing signals
    (0 or 1) to count.
    """
    alert = state.alerts.get(family)
    if not causes:
        return (state, None) if alert is None else _clear(state, alert, ended=ended, at=occasion.at)
    causes = tuple(sorted(causes, key=lambda cause: -cause.severity.rank))
    look = _look(causes, occasion=occasion)
    if alert is None:
        return _open(state, family, look, causes=causes, occasion=occasion)
    kind = _kind(alert, look)
    moved = alert
    if kind is not None:
        seen = {"rule": look.rule, "severity": look.severity, "why": look.why, "suppressed_by": look.suppressed_by}
        moved = replace(alert, causes=causes, **seen)
    elif _gist_of(causes) != _gist_of(alert.bare):
        moved = replace(alert, causes=causes)
    if signals:
        moved = replace(moved, last_at=occasion.at, count=moved.count + signals)
    if moved is alert:
        return state, None
    change = AlertChange(kind=kind, alert=moved, at=occasion.at, why=moved.why) if kind else None
    return replace(state, alerts=state.alerts | {family: moved}), change


def anew(state: DeviceState, *, occasion: Occasion) -> tuple[DeviceState, tuple[AlertChange, ...]]:
    """Judge what is open once more, because what is known of its room, or what suppresses it, has changed."""
    changes = []
    for family, alert in state.alerts.items():
        state, change = settle(state, family, causes=alert.bare, ended=(), signals=0, occasion=occasion)
        changes.append(change)
    return state, tuple(change for change in changes if change is not None)


def relabel(
    state: DeviceState, family: Family, *, rule: Rule, why: tuple[Reason, ...], at: datetime
) -> tuple[DeviceState, AlertChange | None]:
    """Give another rule and other reasons to what is open or was over lately: nobody is told, no severity moves."""
    alert, over = state.alerts.get(family), state.ended.get(family)
    told = alert or (over.alert if over is not None and at - over.at <= REMEMBERED else None)
    if told is None or (told.rule is rule and _gist(told.why) == _gist(why)):
        return state, None
    first, *others = told.bare
    told = replace(told, rule=rule, why=why, causes=(replace(first, rule=rule, why=why), *others))
    change = AlertChange(kind=ChangeKind.RELABELLED, alert=told, at=at, why=why)
    if alert is not None:
        return replace(state, alerts=state.alerts | {family: told}), change
    assert over is not None  # noqa: S101 - it is what was told of
    return replace(state, ended=state.ended | {family: replace(over, alert=told)}), change


def forget(state: DeviceState, *, at: datetime) -> DeviceState:
    """Without the alerts that were over too long ago to matter."""
    if not state.ended or not is_too_long_ago(state, at=at):
        return state
    return replace(state, ended={family: over for family, over in state.ended.items() if at - over.at <= REMEMBERED})


def is_too_long_ago(state: DeviceState, *, at: datetime) -> bool:
    """Whether there is anything to forget."""
    return any(at - over.at > REMEMBERED for over in state.ended.values())


def alert_id(family: Family, occasion: Occasion) -> AlertId:
    """The id of the alert that `occasion` opens: shaped like a ULID, and the same whenever history is judged again."""
    assignment = occasion.assignment
    name = f"{assignment.hotel_id}/{assignment.device_id}/{family}/{occasion.trigger}"
    chance = int.from_bytes(blake2b(name.encode(), digest_size=10).digest(), "big")
    number = (occasion.at - _EPOCH) // _MILLISECOND << 80 | chance
    return AlertId("".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)))


def _look(causes: Sequence[Cause], *, occasion: Occasion) -> _Look:
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
    return _Look(strongest.rule, strongest.severity, why, silenced.because if silenced is not None else None)


def _open(
    state: DeviceState, family: Family, look: _Look, *, causes: tuple[Cause, ...], occasion: Occasion
) -> tuple[DeviceState, AlertChange]:
    opened = OpenAlert(
        id=alert_id(family, occasion),
        family=family,
        rule=look.rule,
        severity=look.severity,
        opened_at=occasion.at,
        last_at=occasion.at,
        why=look.why,
        causes=causes,
        suppressed_by=look.suppressed_by,
    )
    change = AlertChange(kind=ChangeKind.OPENED, alert=opened, at=occasion.at, why=opened.why)
    return replace(state, alerts=state.alerts | {family: opened}), change


def _clear(
    state: DeviceState, alert: OpenAlert, *, ended: tuple[Reason, ...], at: datetime
) -> tuple[DeviceState, AlertChange]:
    others = {family: other for family, other in state.alerts.items() if family is not alert.family}
    over = state.ended | {alert.family: EndedAlert(alert=alert, at=at)}
    change = AlertChange(kind=ChangeKind.CLEARED, alert=alert, at=at, why=ended or (Reason(Because.NO_LONGER_JUDGED),))
    return replace(state, alerts=others, ended=over), change


def _kind(alert: OpenAlert, look: _Look) -> ChangeKind | None:
    if look.severity.rank > alert.severity.rank:
        return ChangeKind.WORSENED
    same = look.rule is alert.rule and look.severity is alert.severity and look.suppressed_by is alert.suppressed_by
    return None if same and _gist(look.why) == _gist(alert.why) else ChangeKind.CHANGED


def _gist(why: Iterable[Reason]) -> list[tuple[Because, str | None]]:
    return [(reason.because, reason.cause) for reason in why]


def _gist_of(causes: Iterable[Cause]) -> list[tuple[Rule, Severity, list[tuple[Because, str | None]]]]:
    return [(cause.rule, cause.severity, _gist(cause.why)) for cause in causes]
