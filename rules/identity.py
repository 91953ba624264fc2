"""identity.conflict: two pieces of hardware speak by one tablet's name, and put each other out.

Seen in the sessions of stored messages alone: a session's name begins with its boot, and where boots take over from
each other several times within minutes, and one of them comes back, both must be alive. A tablet that only keeps
starting anew never brings an old boot back. The condition ends when that has not happened for long enough; a person
resolves the alert.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, Reason, Rule, Severity
from rules.memory import CALM_RARE, IdentityMemory
from rules.policy import Policy
from rules.state import DeviceState, remembering

CALM_AFTER = timedelta(minutes=30)


def boot_of(sid: str) -> str:
    """The boot that a session belongs to: `{boot}-{n}`."""
    return sid.rpartition("-")[0] or sid


def remember(memory: IdentityMemory, boot: str, *, before: str, policy: Policy, now: datetime) -> IdentityMemory:
    """What is remembered when the boot `boot` has taken over from `before`."""
    boots = tuple(seen for seen in memory.boots if now - seen[0] <= policy.take_overs_within) or ((now, before),)
    boots = (*boots, (now, boot))[-(policy.take_overs + 1) :]
    take_overs, known = len(boots) - 1, {name for _, name in boots}
    is_conflict = take_overs >= policy.take_overs and len(known) < len(boots)
    return IdentityMemory(boots=boots, conflict_at=now if is_conflict else memory.conflict_at)


def after_life(
    before: DeviceState, after: DeviceState, /, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow one live message, which may have begun a session."""
    memory, policy = after.rare.identity, occasion.assignment.policy
    if before.sid is not None and after.sid is not None and after.sid != before.sid:
        boot, last = boot_of(after.sid), boot_of(before.sid)
        if boot != last:
            memory = remember(memory, boot, before=last, policy=policy, now=occasion.at)
    return _follow(after, memory, occasion=occasion)


def _follow(
    state: DeviceState, memory: IdentityMemory, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    if memory is CALM_RARE.identity:
        return state, None
    policy, now = occasion.assignment.policy, occasion.at
    if memory.boots and now - memory.boots[-1][0] > policy.take_overs_within:
        memory = replace(memory, boots=())
    if memory.conflict_at is not None and now - memory.conflict_at > CALM_AFTER:
        memory = replace(memory, conflict_at=None)
    calm = Reason(Because.NOT_TAKEN_OVER, observed=CALM_AFTER.total_seconds(), limit=CALM_AFTER.total_seconds())
    return settle(
        remembering(state, identity=memory),
        Family.IDENTITY,
        causes=() if memory.conflict_at is None else (_cause(memory, since=memory.conflict_at, policy=policy),),
        ended=(calm,),
        signals=int(memory.conflict_at == now),
        occasion=occasion,
    )


def _cause(memory: IdentityMemory, *, since: datetime, policy: Policy) -> Cause:
    """What it was when it was last one: `settle` keeps the figures of the moment at which it was told."""
    first = memory.boots[0][0] if memory.boots else since
    take_overs = max(len(memory.boots) - 1, policy.take_overs)
    why = Reason(Because.TAKEN_OVER, observed=take_overs, limit=policy.take_overs, since=first)
    return Cause(Rule.IDENTITY_CONFLICT, Severity.HIGH, (why,))
