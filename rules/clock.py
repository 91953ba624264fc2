"""clock.skew: the tablet's own clock is wrong, which is nobody's theft but makes its backlog hard to read.

Opens at three live messages in a row that are off by more than allowed, either way; one that is nearly right ends it.
What lies between counts neither way.
"""

from datetime import datetime

from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, Reason, Rule, Severity
from rules.memory import CALM_RARE, SkewMemory
from rules.messages import Heartbeat, Report, State
from rules.policy import Policy
from rules.state import DeviceState, remembering

MESSAGES = 3


def is_calm(ts: datetime, *, policy: Policy, now: datetime) -> bool:
    """Whether a message is right enough not to be remembered."""
    return -policy.clock_skew <= ts - now <= policy.clock_skew


def remember(memory: SkewMemory, ts: datetime, *, policy: Policy, now: datetime) -> SkewMemory:
    """What is remembered after one more live message."""
    ahead = (ts - now).total_seconds()
    if abs(ahead) > policy.clock_skew.total_seconds():
        wrong = min(memory.wrong + 1, MESSAGES)
        return SkewMemory(wrong=wrong, firing=memory.firing or wrong >= MESSAGES, ahead=ahead)
    if memory.firing and abs(ahead) >= policy.clock_skew_clear.total_seconds():
        return SkewMemory(firing=True, ahead=ahead)
    return CALM_RARE.skew


def after_message(
    _before: DeviceState, state: DeviceState, message: Heartbeat | Report | State, /, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow one live message that says what time it is."""
    memory, policy = state.rare.skew, occasion.assignment.policy
    if not message.dated:
        return state, None
    if memory is CALM_RARE.skew and is_calm(message.ts, policy=policy, now=occasion.at):
        return state, None
    after = remember(memory, message.ts, policy=policy, now=occasion.at)
    ended = Reason(
        Because.CLOCK_RIGHT,
        observed=(message.ts - occasion.at).total_seconds(),
        limit=policy.clock_skew_clear.total_seconds(),
    )
    return settle(
        remembering(state, skew=after),
        Family.CLOCK,
        causes=(_cause(after, policy),) if after.firing else (),
        ended=(ended,),
        signals=after.wrong // MESSAGES,
        occasion=occasion,
    )


def _cause(memory: SkewMemory, policy: Policy) -> Cause:
    limit = policy.clock_skew.total_seconds()
    wrong = Reason(Because.CLOCK_WRONG, observed=memory.ahead, limit=limit, samples=MESSAGES)
    return Cause(Rule.CLOCK_SKEW, Severity.LOW, (wrong,))
