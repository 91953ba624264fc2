"""agent-stuck: the tablet's connection lives, and its heartbeats have stopped. One of the causes of silence.

Whoever still speaks is in the hotel and has not been carried off: its agent hangs, and somebody should look. That a
connection lives is known in two ways. Something else than a heartbeat is heard, through any broker; or our own broker,
in this process, had a packet of it: a deadline asks for that, and keeps the answer in its row. Either says something
only where two heartbeats were overdue when it came, and for no longer than the allowance: then it is silence, however
alive its connection seems to be.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, Reason, Rule, Severity
from rules.memory import CALM_RARE, StuckMemory
from rules.messages import Heartbeat, Link, Report, State
from rules.policy import Assignment, Policy
from rules.state import DeviceState, LinkState, Verdict, remembering

OVERDUE = 2
"""Heartbeats that must have been due when it was last known to live."""


def after_word(
    before: DeviceState, after: DeviceState, said: Report | State, /, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow what is heard and is no heartbeat. A birth begins anew: its first heartbeat is yet to come."""
    born = isinstance(said, State) and said.state is Link.READY
    return expecting(before, after, born=born, now=occasion.at), None


def expecting(before: DeviceState, after: DeviceState, *, born: bool, now: datetime) -> DeviceState:
    """Remember since when a heartbeat is missing, after a sign of life that is none.

    Of a tablet that rested until now, or was away, it is missing from now on.
    """
    memory = after.rare.stuck
    was_awake = before.link is LinkState.ONLINE and before.silence.quiet_until is None and not born
    if was_awake and memory.missing_at is not None:
        return after
    since = before.last_heard if was_awake and before.last_heard is not None else now
    return remembering(after, stuck=StuckMemory(missing_at=since))


def after_heartbeat(
    _before: DeviceState, after: DeviceState, _beat: Heartbeat, /, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow a heartbeat: one is enough, for nobody had gone. It goes before the silence, which wants two."""
    if after.rare.stuck is CALM_RARE.stuck:
        return after, None
    after = remembering(after, stuck=CALM_RARE.stuck)
    alert = after.alerts.get(Family.SILENCE)
    if alert is None or alert.rule is not Rule.AGENT_STUCK:
        return after, None
    again = Reason(Because.HEARD_AGAIN, observed=1, limit=1)
    return settle(after, Family.SILENCE, causes=(), ended=(again,), signals=0, occasion=occasion)


def alive(state: DeviceState, alive_at: datetime | None, *, assignment: Assignment) -> DeviceState:
    """Remember that the broker had a packet at `alive_at`, if that says anything: then silence is counted from it."""
    since = state.rare.stuck.missing_at or state.last_heard
    if alive_at is None or since is None or state.link not in (LinkState.ONLINE, LinkState.SLEEPING):
        return state
    if alive_at < since + OVERDUE * assignment.policy.heartbeat_interval:
        return state
    return remembering(state, stuck=replace(state.rare.stuck, missing_at=since, alive_at=alive_at))


def deadline(
    state: DeviceState,
    /,
    *,
    assignment: Assignment,
    watching_since: datetime,
) -> datetime | None:
    """When, if no heartbeat is heard until then, what else was heard says that its agent is stuck."""
    memory, policy = state.rare.stuck, assignment.policy
    if memory.missing_at is None or state.last_heard is None or Family.SILENCE in state.alerts:
        return None
    if state.link not in (LinkState.ONLINE, LinkState.SLEEPING):
        return None
    heard = state.last_heard + timedelta(seconds=state.deaf_s)
    heard = max(heard, memory.alive_at or heard)
    due = max(_quiet_until(state, memory.missing_at, policy=policy) + policy.grace, heard)
    if state.last_heard < watching_since:
        due = max(due, watching_since + policy.restart_grace)
    says_something = heard >= memory.missing_at + OVERDUE * policy.heartbeat_interval
    return due if says_something and due - heard <= policy.silence_allowance else None


def pass_deadline(
    state: DeviceState,
    /,
    *,
    assignment: Assignment,
    watching_since: datetime,  # noqa: ARG001 - asked of all families
    at: datetime,
) -> Verdict:
    """What the passing of `at`, which is the deadline, makes of a device."""
    since, limit = state.rare.stuck.missing_at or at, assignment.policy.silence_allowance
    lasted = (at - since).total_seconds()
    why = Reason(Because.NO_HEARTBEAT, observed=lasted, limit=limit.total_seconds(), since=since)
    cause = Cause(Rule.AGENT_STUCK, Severity.MEDIUM, (why,))
    occasion = Occasion(assignment, f"stuck:{at.isoformat()}", at)
    state, change = settle(state, Family.SILENCE, causes=(cause,), ended=(), signals=1, occasion=occasion)
    return Verdict(state, (change,) if change else ())


def _quiet_until(state: DeviceState, since: datetime, *, policy: Policy) -> datetime:
    announced, allowed = state.silence.quiet_until, since + policy.silence_allowance
    return allowed if announced is None or announced < allowed else announced
