"""backlog.stuck: the tablet is online, and what it kept while it was not does not get through.

Opens at three samples in a row with too many messages waiting, or when none was empty for too long: the tablet does not
say how old its oldest message is, but that is how old it must be by then. An empty one ends it.
"""

from datetime import datetime

from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, Reason, Rule, Severity
from rules.memory import CALM_RARE, BacklogMemory
from rules.messages import Heartbeat
from rules.policy import Policy
from rules.state import DeviceState, remembering

SAMPLES = 3


def remember(memory: BacklogMemory, waiting: int, *, policy: Policy, now: datetime) -> BacklogMemory:
    """What is remembered after one more valid sample."""
    if not waiting:
        return CALM_RARE.backlog
    long = min(memory.long + 1, SAMPLES) if waiting > policy.backlog_longest else 0
    since = memory.filled_at or now
    firing = memory.firing or long >= SAMPLES or now - since > policy.backlog_oldest
    return BacklogMemory(filled_at=since, long=long, waiting=waiting, firing=firing)


def after_heartbeat(
    _before: DeviceState, after: DeviceState, beat: Heartbeat, /, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow one heartbeat; one that does not say counts neither way."""
    memory, policy = after.rare.backlog, occasion.assignment.policy
    if beat.backlog is None or (not beat.backlog and memory is CALM_RARE.backlog):
        return after, None
    memory = remember(memory, beat.backlog, policy=policy, now=occasion.at)
    return settle(
        remembering(after, backlog=memory),
        Family.BACKLOG,
        causes=(_cause(memory, policy=policy, now=occasion.at),) if memory.firing else (),
        ended=(Reason(Because.BACKLOG_EMPTY, observed=beat.backlog),),
        signals=int(memory.firing),
        occasion=occasion,
    )


def _cause(memory: BacklogMemory, *, policy: Policy, now: datetime) -> Cause:
    """Either way it was opened, what staff see is whichever holds now; that it is old stays true till it is empty."""
    age = now - (memory.filled_at or now)
    if age > policy.backlog_oldest:
        limit = policy.backlog_oldest.total_seconds()
        why = Reason(Because.BACKLOG_OLD, observed=age.total_seconds(), limit=limit, since=memory.filled_at)
    else:
        why = Reason(Because.BACKLOG_LONG, observed=memory.waiting, limit=policy.backlog_longest, samples=SAMPLES)
    return Cause(Rule.BACKLOG_STUCK, Severity.LOW, (why,))
