"""token.expiring and token.expired: a tablet will soon be, or is, unable to speak, and nobody has carried it off.

One alert that moves between the two, for the hotel's IT. Its moments follow from the newest token that the tablet was
given; a renewal ends it. A tablet that our broker put out for an expired token is expired whatever was noted, until it
is heard again: it is no silence, so this alert alone tells of it. One that was given a newer token has the time of a
`bye reconnect` to come back with that.
"""

from datetime import datetime

from msgspec.structs import replace

from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, Reason, Rule, Severity
from rules.memory import TokenMemory
from rules.messages import TokenEnd
from rules.policy import Assignment, Policy
from rules.snapshot import token_end_of
from rules.state import DeviceState, LinkState, Verdict


def deadline(state: DeviceState, *, assignment: Assignment, watching_since: datetime) -> datetime | None:
    """When, if nothing is heard until then, something changes; None: there is nothing to wait for.

    A tablet that could not renew while we were not there gets the policy's restart grace to do it.
    """
    policy, memory = assignment.policy, state.token
    if memory.expires_at is None and memory.kept_out_at is None:
        return None
    if not _is_judged(state) or _is_expired(state):
        return None
    moments = [_missed_from(memory, policy) if _is_kept_out(state) else None, memory.expires_at]
    soon = expiring_from(memory, policy)
    if soon is not None and Family.TOKEN not in state.alerts:
        moments.append(max(soon, watching_since + policy.restart_grace))
    return min((moment for moment in moments if moment is not None), default=None)


def pass_deadline(
    state: DeviceState,
    *,
    assignment: Assignment,
    watching_since: datetime,  # noqa: ARG001 - asked of all families
    at: datetime,
) -> Verdict:
    """What the passing of `at`, which is the deadline, makes of a device."""
    after, change = _follow(state, ended=None, occasion=Occasion(assignment, f"token:{at.isoformat()}", at))
    return Verdict(after, (change,) if change else ())


def given(
    state: DeviceState, *, issued_at: datetime | None, expires_at: datetime | None, occasion: Occasion
) -> Verdict:
    """What its newest token makes of a device; `expires_at` is None when all that it had were voided."""
    over = Reason(Because.TOKEN_REVOKED)
    if expires_at is not None:
        over = Reason(Because.TOKEN_RENEWED, observed=(expires_at - occasion.at).total_seconds())
    memory = replace(state.token, issued_at=issued_at, expires_at=expires_at)
    after, change = _follow(replace(state, token=memory), ended=over, occasion=occasion)
    return Verdict(after, (change,) if change else ())


def after_token_end(
    state: DeviceState, cause: TokenEnd, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow the end of a connection that we ended; `state` knows of it already."""
    if cause is TokenEnd.EXPIRED and state.link is not LinkState.NEVER_SEEN:
        state = replace(state, token=replace(state.token, kept_out_at=occasion.at))
    return _follow(state, ended=Reason(Because.TOKEN_REVOKED), occasion=occasion)


def after_life(
    _before: DeviceState, state: DeviceState, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow a sign of life: whoever was kept out has a token again."""
    if not _is_expired(state):
        return state, None
    return _follow(state, ended=Reason(Because.HEARD_AGAIN), occasion=occasion)


def _follow(state: DeviceState, *, ended: Reason | None, occasion: Occasion) -> tuple[DeviceState, AlertChange | None]:
    causes = tuple(_causes(state, occasion=occasion))
    over = () if ended is None else (ended,)
    return settle(state, Family.TOKEN, causes=causes, ended=over, signals=0, occasion=occasion)


def _causes(state: DeviceState, *, occasion: Occasion) -> list[Cause]:
    """The strongest alone: that a token will expire is no news when it has."""
    policy, memory, at = occasion.assignment.policy, state.token, occasion.at
    if not _is_judged(state):
        return []
    if _is_kept_out(state) and (_is_expired(state) or at >= _missed_from(memory, policy)):
        return [_cause(Reason(Because.KEPT_OUT, since=memory.kept_out_at))]
    if memory.expires_at is not None and at >= memory.expires_at:
        return [_cause(Reason(Because.TOKEN_EXPIRED, since=memory.expires_at))]
    soon = expiring_from(memory, policy)
    if soon is None or memory.expires_at is None or at < soon:
        return []
    left, least = memory.expires_at - at, memory.expires_at - soon
    why = Reason(Because.TOKEN_NOT_RENEWED, observed=left.total_seconds(), limit=least.total_seconds(), since=soon)
    return [Cause(Rule.TOKEN_EXPIRING, Severity.LOW, (why,))]


def _cause(why: Reason) -> Cause:
    return Cause(Rule.TOKEN_EXPIRED, Severity.MEDIUM, (why,))


def _is_judged(state: DeviceState) -> bool:
    """Not one that nobody has put up yet, and not one that we shut out on purpose."""
    return state.link is not LinkState.NEVER_SEEN and token_end_of(state) is not TokenEnd.REVOKED


def _is_kept_out(state: DeviceState) -> bool:
    return token_end_of(state) is TokenEnd.EXPIRED and state.token.kept_out_at is not None


def _is_expired(state: DeviceState) -> bool:
    alert = state.alerts.get(Family.TOKEN)
    return alert is not None and alert.rule is Rule.TOKEN_EXPIRED and alert.calm_since is None


def _missed_from(memory: TokenMemory, policy: Policy) -> datetime:
    """When a tablet that was put out should have been back, if it has a newer token; at once, if it has none."""
    out = memory.kept_out_at
    assert out is not None  # noqa: S101 - whoever asks knows that it was put out
    has_newer = memory.expires_at is not None and memory.expires_at > out
    return out + policy.bye_reconnect if has_newer else out


def expiring_from(memory: TokenMemory, policy: Policy) -> datetime | None:
    """From when on its newest token should have been renewed; None: none was noted."""
    if memory.issued_at is None or memory.expires_at is None:
        return None
    return memory.issued_at + policy.token_expiring_from * (memory.expires_at - memory.issued_at)
