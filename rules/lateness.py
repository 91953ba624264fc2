"""Whether a message tells of now or of a while ago, and when what it tells of was.

The receive time is the truth, and a tablet's clock may be wrong by years. So a message's age is not held against that
clock but against how it goes: the smallest `receive time - ts` of the session is what its clock is wrong by and the way
takes; what a message has beyond that, it has waited. A clock that is set back in the middle of a session makes every
message after it look old. A tablet that says how long it is up (`upMs`) is believed that first. Of others, one whose
heartbeat seems to be from before it was last heard has had its clock set, for it says its heartbeats in order; and so
has one whose heartbeats come as late as each other, at the pace at which they are said.

What a tablet did not date, over HTTP, our API did: that tells exactly for how long it waited, and nothing of the
tablet's clock, by which it may date all else that it says.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from rules import session
from rules.memory import ClockMemory
from rules.messages import DeviceMessage, Heartbeat, Link, Renew, State, TokenEnded
from rules.policy import Policy
from rules.state import DeviceState

LATE_AFTER: Final = timedelta(seconds=60)

GRAIN_S: Final = 1.0
"""A smaller lag is noted only when it is smaller by so much: clocks drift, and a calm tablet is nothing to note."""

_STEADY_S: Final = 2.0
_STEADY_FOR: Final = timedelta(seconds=10)
_LONGEST_UP_MS = 100 * 365 * 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def late_after(policy: Policy) -> timedelta:
    """The age from which a message is history."""
    return max(LATE_AFTER, policy.silence_allowance)


def judge(
    state: DeviceState, message: DeviceMessage, *, policy: Policy, now: datetime
) -> tuple[ClockMemory | None, bool]:
    """What is remembered of the clock after a message that came live at `now`, and whether it is late all the same.

    A message with which a session begins is never late: nothing is known of its clock. Nor is the will, nor what the
    broker says.
    """
    clock = state.clock
    if isinstance(message, TokenEnded) or (isinstance(message, State) and message.state is Link.LOST):
        return clock, False
    if isinstance(message, Renew):  # which says no time that is stored
        return (clock if message.sid in (None, state.sid) or session.is_stale(state, message.sid) else None), False
    lag = (now - message.ts).total_seconds()
    if not message.dated:
        return clock, lag > late_after(policy).total_seconds()
    if clock is not None and session.is_stale(state, message.sid):
        return clock, lag - clock.lag > late_after(policy).total_seconds()
    if clock is None or (message.sid is not None and message.sid != state.sid):
        return _noted(message, lag, now), False
    if lag <= clock.lag - GRAIN_S:
        return _noted(message, lag, now), False
    if lag - clock.lag <= late_after(policy).total_seconds():
        return (clock if clock.doubt is None else _clock(clock.lag, clock.up)), False
    if _was_set(state, clock, message, lag=lag, policy=policy, now=now):
        return _noted(message, lag, now), False
    return clock, True


def doubt(state: DeviceState, message: DeviceMessage, *, now: datetime) -> DeviceState:
    """Remember of a late heartbeat of the present session since when they lag as far as this one.

    What comes ever less late has really waited; what keeps the pace at which it is said is of a clock that was set.
    """
    clock = state.clock
    if clock is None or not isinstance(message, Heartbeat) or not message.dated:
        return state
    if message.sid not in (None, state.sid):
        return state
    lag = (now - message.ts).total_seconds()
    is_known = clock.doubt is not None and abs(lag - clock.doubt) <= _STEADY_S
    if is_known or lag - clock.lag <= LATE_AFTER.total_seconds():
        return state
    return replace(state, clock=replace(clock, doubt=lag, doubt_at=now, most=clock.least))


def said_at(state: DeviceState, message: DeviceMessage, *, now: datetime) -> datetime:
    """When a message that is history was said, by our clock, as far as it can be known; never after `now`."""
    clock = state.clock
    if clock is None or not message.dated:
        return min(message.ts, now)
    up = _up(message)
    if up is not None and clock.up is not None and session.is_same_boot(state.sid, message.sid):
        return min(_EPOCH + timedelta(seconds=clock.up + up), now)
    return min(message.ts + timedelta(seconds=clock.lag), now)


def _was_set(
    state: DeviceState, clock: ClockMemory, message: DeviceMessage, *, lag: float, policy: Policy, now: datetime
) -> bool:
    """Whether a message only looks old, because the tablet's clock was set back."""
    up = _up(message)
    if up is not None and clock.up is not None:
        if (now - _EPOCH).total_seconds() - up - clock.up <= late_after(policy).total_seconds():
            return True
    elif isinstance(message, Heartbeat) and state.last_heard is not None:
        said = message.ts + timedelta(seconds=clock.lag)
        if said < state.last_heard - timedelta(seconds=_STEADY_S):
            return True
    return (
        isinstance(message, Heartbeat)
        and clock.doubt is not None
        and clock.doubt_at is not None
        and abs(lag - clock.doubt) <= _STEADY_S
        and now - clock.doubt_at >= _STEADY_FOR
    )


def _noted(message: DeviceMessage, lag: float, now: datetime) -> ClockMemory:
    up = _up(message)
    return _clock(lag, None if up is None else (now - _EPOCH).total_seconds() - up)


def _clock(lag: float, up: float | None) -> ClockMemory:
    """A calm one: what every heartbeat is held against is reckoned here, once."""
    least, most = timedelta(seconds=lag - GRAIN_S), timedelta(seconds=lag) + LATE_AFTER
    return ClockMemory(lag=lag, up=up, least=least, most=most)


def _up(message: DeviceMessage) -> float | None:
    """Seconds; nobody is up for longer than can be reckoned with."""
    return None if message.up_ms is None or message.up_ms > _LONGEST_UP_MS else message.up_ms / 1000
