"""battery.drain and battery.tonight: how fast a battery empties, and whether it lasts until the morning.

Both are causes of the battery's one alert. While nothing charges the tablet its charge is noted every ten minutes, and
judged then: how much it lost in the last half hour says whether it drains, how much it lost in the last hours how full
it will be. At 21:00 in the hotel whoever would be nearly empty before 07:00 is on tonight's round; so is whoever turns
out to be during the night. What was noted is what was seen: our own outage moves none of it, for the tablet went on.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from rules.alerts import Because, Cause, Reason, Rule, Severity
from rules.memory import Charge, DrainMemory
from rules.night import night_of
from rules.policy import Assignment, Policy
from rules.state import DeviceState

EVERY: Final = timedelta(minutes=10)
SPAN: Final = timedelta(minutes=30)
LONGER: Final = timedelta(hours=2)
CHARGED: Final = 2.0
"""Percent more than before that nobody gains without a charger, whatever was said of one."""

_HOUR = timedelta(hours=1)


def remember(
    memory: DrainMemory, battery: float | None, *, charging: bool | None, assignment: Assignment, now: datetime
) -> DrainMemory:
    """What is remembered after a heartbeat; `charging` is the last that is known of it."""
    if charging:
        return DrainMemory(rate=memory.rate) if memory.recent else memory
    if battery is None:
        return memory
    here = Charge(now, battery)
    if not memory.recent or battery > memory.recent[-1].percent + CHARGED:
        return DrainMemory(recent=(here,), origin=here, rate=memory.rate)
    if now - memory.recent[-1].noted_at < EVERY:
        return memory
    memory = _noted(memory, here)
    return _judged(memory, here, assignment=assignment)


def is_firing(memory: DrainMemory) -> bool:
    return memory.draining or memory.dying_until is not None


def forecast(memory: DrainMemory, *, at: datetime) -> float | None:
    """The percent that will be left at `at`, if it goes on as it does; None: it is charging, or nobody can say."""
    if not memory.recent or memory.rate is None:
        return None
    newest = memory.recent[-1]
    return max(newest.percent - max(memory.rate, 0.0) * ((at - newest.noted_at) / _HOUR), 0.0)


def deadline(state: DeviceState, *, assignment: Assignment, watching_since: datetime) -> datetime | None:
    """When it is on the round, if it goes on as it does, or when the night is over; None: neither concerns it.

    In the night itself its heartbeats say so. Whoever was plugged in while we were not there has time to say it.
    """
    memory, policy = state.drain, assignment.policy
    if memory.dying_until is not None:
        return memory.dying_until
    if not memory.recent or memory.rate is None:
        return None
    noted = memory.recent[-1].noted_at
    night = night_of(noted, timezone=assignment.timezone)
    left = forecast(memory, at=night.morning)
    if noted >= night.evening or left is None or left >= policy.battery_tonight:
        return None
    if memory.night_over is not None and night.morning <= memory.night_over:
        return None
    heard = state.last_heard
    due = night.evening
    if heard is not None and heard < watching_since:
        due = max(due, watching_since + policy.restart_grace)
    return due if due < night.morning else None


def at_deadline(memory: DrainMemory, *, assignment: Assignment, at: datetime) -> DrainMemory:
    """What is remembered when the evening's or the morning's deadline has come."""
    if memory.dying_until is not None:
        return replace(memory, dying_until=None, night_over=memory.dying_until)
    return replace(memory, dying_until=night_of(at, timezone=assignment.timezone).morning)


def causes(state: DeviceState, *, assignment: Assignment) -> list[Cause]:
    """Why the battery's alert stays open, but for its level."""
    policy, memory = assignment.policy, state.drain
    found = []
    if memory.draining:
        fall = fall_of(memory.recent[0], memory.recent[-1])
        drain = Reason(Because.DRAINING, observed=fall, limit=policy.battery_drain, since=memory.recent[0].noted_at)
        found.append(Cause(Rule.BATTERY_DRAIN, Severity.LOW, (drain,)))
    if memory.dying_until is not None:
        left = forecast(memory, at=memory.dying_until)
        dies = Reason(Because.DIES_TONIGHT, observed=left, limit=policy.battery_tonight)
        found.append(Cause(Rule.BATTERY_TONIGHT, Severity.INFO, (dies,)))
    return found


def ended(before: DeviceState, after: DeviceState, *, policy: Policy, now: datetime) -> tuple[Reason, ...]:
    """Why either may be over, beside a charger."""
    was, memory = before.drain, after.drain
    over = []
    if was.draining and not memory.draining and len(memory.recent) > 1:
        fall = fall_of(memory.recent[0], memory.recent[-1])
        over.append(Reason(Because.DRAIN_SLOWED, observed=fall, limit=policy.battery_drain_clear))
    if was.dying_until is not None and memory.dying_until is None and memory.recent:
        if now >= was.dying_until:
            over.append(Reason(Because.MORNING, since=was.dying_until))
        else:
            left = forecast(memory, at=was.dying_until)
            over.append(Reason(Because.LASTS_TILL_MORNING, observed=left, limit=policy.battery_tonight_clear))
    return tuple(over)


def _noted(memory: DrainMemory, here: Charge) -> DrainMemory:
    """With one more charge: the recent ones span half an hour, the longer reckoning two to four hours."""
    kept = [one for one in memory.recent if here.noted_at - one.noted_at < SPAN]
    first = [one for one in memory.recent if here.noted_at - one.noted_at >= SPAN][-1:]
    origin, middle = memory.origin or here, memory.middle
    if middle is not None and here.noted_at - middle.noted_at >= LONGER:
        origin, middle = middle, here
    elif middle is None and here.noted_at - origin.noted_at >= LONGER:
        middle = here
    return replace(memory, recent=(*first, *kept, here), origin=origin, middle=middle)


def _judged(memory: DrainMemory, here: Charge, *, assignment: Assignment) -> DrainMemory:
    policy, first, origin = assignment.policy, memory.recent[0], memory.origin or here
    if here.noted_at - first.noted_at >= SPAN:
        limit = policy.battery_drain_clear if memory.draining else policy.battery_drain
        memory = replace(memory, draining=fall_of(first, here) >= limit)
    if here.noted_at - origin.noted_at >= SPAN:
        memory = replace(memory, rate=fall_of(origin, here))
    night = night_of(here.noted_at, timezone=assignment.timezone)
    if here.noted_at < night.evening:
        return replace(memory, dying_until=None)
    left = forecast(memory, at=night.morning)
    limit = policy.battery_tonight if memory.dying_until is None else policy.battery_tonight_clear
    return replace(memory, dying_until=night.morning if left is not None and left < limit else None)


def fall_of(first: Charge, last: Charge) -> float:
    """How fast it emptied between two moments: percent an hour."""
    hours = (last.noted_at - first.noted_at) / _HOUR
    return (first.percent - last.percent) / hours if hours > 0 else 0.0
