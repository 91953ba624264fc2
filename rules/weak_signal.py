"""breach.signal: the tablet hears its access point more weakly than it ever should inside its room.

Opens at three low samples among the last four, at least `breach_min_span` after the first of the run; two samples in a
row that are not low end the run. Ends at three samples in a row at or above the floor plus the margin.
"""

from datetime import datetime

from rules.alerts import Because, Cause, Reason, Rule, Severity
from rules.memory import CALM_SIGNAL, SignalMemory
from rules.policy import Assignment, Policy

LOW_SAMPLES = 3
WINDOW = 0b1111
LAST_TWO = 0b11
GOOD_SAMPLES = 3


def floor_of(policy: Policy) -> float:
    """The dBm below which a sample is low."""
    return policy.rssi_default_floor if policy.rssi_floor is None else policy.rssi_floor


def good_from(policy: Policy) -> float:
    """The dBm from which a sample is good; what lies between counts against recovery, and for nothing else."""
    return floor_of(policy) + max(policy.rssi_recovery_margin, 0.0)


def is_judged(assignment: Assignment) -> bool:
    """Whether the rule applies: where no floor is set and no access point is known, a weak signal says nothing."""
    return assignment.policy.rssi_floor is not None or bool(assignment.place.hotel_access_points)


def remember(memory: SignalMemory, rssi: float, *, policy: Policy, now: datetime) -> SignalMemory:
    """What is remembered after one more valid sample (dBm)."""
    if memory is CALM_SIGNAL and rssi >= floor_of(policy):
        return memory
    if memory.firing:
        if rssi < good_from(policy):
            return SignalMemory(low_since=memory.low_since, firing=True)
        good = memory.good + 1
        return CALM_SIGNAL if good >= GOOD_SAMPLES else SignalMemory(low_since=memory.low_since, firing=True, good=good)
    if rssi >= floor_of(policy):
        lows = memory.lows << 1 & WINDOW
        return SignalMemory(lows=lows, low_since=memory.low_since) if lows & LAST_TWO else CALM_SIGNAL
    lows = memory.lows << 1 & WINDOW | 1
    since = memory.low_since or now
    if lows.bit_count() >= LOW_SAMPLES and now - since >= policy.breach_min_span:
        return SignalMemory(low_since=since, firing=True)
    return SignalMemory(lows=lows, low_since=since)


def cause(memory: SignalMemory, rssi: float | None, *, policy: Policy) -> Cause:
    """Why a firing signal keeps the breach open; in a room that nobody calibrated it is no more than a hint."""
    low = Reason(
        Because.SIGNAL_BELOW_FLOOR,
        observed=rssi,
        limit=floor_of(policy),
        samples=LOW_SAMPLES,
        since=memory.low_since,
    )
    if policy.rssi_floor is None:
        guess = Reason(Because.ROOM_NOT_CALIBRATED, observed=rssi, limit=policy.rssi_default_floor)
        return Cause(Rule.BREACH_SIGNAL, Severity.INFO, (low, guess))
    return Cause(Rule.BREACH_SIGNAL, Severity.HIGH, (low,))


def recovered(rssi: float | None, *, policy: Policy) -> Reason:
    """Why it ended."""
    return Reason(Because.SIGNAL_RECOVERED, observed=rssi, limit=good_from(policy), samples=GOOD_SAMPLES)
