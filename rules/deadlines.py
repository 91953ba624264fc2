"""The moments at which *nothing heard* changes something, of all families that have any.

A family that has any registers two functions here. `deadline` says when, if nothing is heard until then, something
changes for it; it is asked anew after every verdict that moves more than below, so it goes by the state, the assignment
and since when we watch, and by nothing else. Of what a heartbeat as usual moves (`rules.state.caught_up`) it may only
use `last_heard`, of what counting a signal moves in an alert only `last_at`, and a later one may not bring it nearer,
unless it is the first since we watch.
`pass_deadline` is called when it has come, and must leave a later one or none.
"""

from datetime import datetime
from typing import Final, Protocol

from msgspec.structs import replace

from rules import agent_stuck, alarm, battery, families, held, maintenance_end, never_seen, room_hours, silence, token
from rules.alarm import Occasion
from rules.policy import Assignment
from rules.state import DeviceState, Verdict


class Deadline(Protocol):
    def __call__(
        self, state: DeviceState, /, *, assignment: Assignment, watching_since: datetime
    ) -> datetime | None: ...


class PassDeadline(Protocol):
    def __call__(
        self, state: DeviceState, /, *, assignment: Assignment, watching_since: datetime, at: datetime
    ) -> Verdict: ...


DEADLINES: tuple[tuple[Deadline, PassDeadline], ...] = (
    (silence.deadline, silence.pass_deadline),
    (token.deadline, token.pass_deadline),
    (agent_stuck.deadline, agent_stuck.pass_deadline),
    (battery.deadline, battery.pass_deadline),
    (never_seen.deadline, never_seen.pass_deadline),
    (maintenance_end.deadline, alarm.pass_deadline),
    (room_hours.deadline, alarm.pass_deadline),
    (held.deadline, held.pass_deadline),
)
"""Of two that come at the same moment, the first passes first."""

_OTHERS: Final = DEADLINES[1:]


def deadline(state: DeviceState, *, assignment: Assignment, watching_since: datetime) -> datetime | None:
    """When, if nothing is heard until then, something changes; None: there is nothing to wait for."""
    others = of_others(state, assignment=assignment, watching_since=watching_since)
    return sooner(silence.deadline(state, assignment=assignment, watching_since=watching_since), others)


def of_others(state: DeviceState, *, assignment: Assignment, watching_since: datetime) -> datetime | None:
    """The nearest but for the silence's, which each sign of life puts off."""
    nearest = None
    for due_of, _ in _OTHERS:
        due = due_of(state, assignment=assignment, watching_since=watching_since)
        if due is not None and (nearest is None or due < nearest):
            nearest = due
    return nearest


def sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    """The nearer of two moments, of which either may never come."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def may_come_nearer(before: DeviceState, verdict: Verdict, *, watching_since: datetime) -> bool:
    """Whether any deadline may be sooner after a verdict than it was, or be there at last.

    A heartbeat as usual only moves them away, and so does one that an open alert counts and no more: nearly every
    verdict is about one of the two. Unless the clock was set, or it is the first since we watch: the grace of a start
    is over for its tablet.
    """
    heard, was = verdict.state.last_heard, before.last_heard
    if was is None or heard is None or heard < was or was < watching_since:
        return True
    return not verdict.as_usual and (bool(verdict.changes) or not _is_only_counted(before, verdict.state))


def _is_only_counted(before: DeviceState, after: DeviceState) -> bool:
    """Whether nothing has moved but what a heartbeat as usual moves, and how often and how lately an alert fired."""
    if after.rare.stuck.missing_at is not None:  # it was no heartbeat, and whoever speaks without any may be stuck
        return False
    was, now = before.alerts, after.alerts
    if now is not was:
        if now.keys() != was.keys():
            return False
        for family, alert in now.items():
            counted = was[family]
            if alert is not counted and replace(counted, count=alert.count, last_at=alert.last_at) != alert:
                return False
    moved = replace(before, last_heard=after.last_heard, rssi=after.rssi, battery=after.battery, alerts=now)
    return moved == after


def pass_deadline(
    state: DeviceState,
    *,
    assignment: Assignment,
    watching_since: datetime,
    at: datetime,
    alive_at: datetime | None = None,
) -> Verdict:
    """What the silence until `at`, which is the deadline, makes of a device; one call passes one deadline.

    One that is still due after that leads nowhere, which is a rule's mistake: those behind it pass all the same.
    `alive_at` is when our own broker last had a packet of the device's connection, as far as it knows: that may put the
    deadline off (`rules.agent_stuck`). Before the deadline: nothing, and the state is the same.
    """
    verdict = Verdict(agent_stuck.alive(state, alive_at, assignment=assignment))
    occasion = Occasion(assignment, at.isoformat(), at)
    for due_of, pass_one in DEADLINES:
        state, changes = verdict.state, verdict.changes
        due = due_of(state, assignment=assignment, watching_since=watching_since)
        if due is None or due > at:
            continue
        passed = pass_one(state, assignment=assignment, watching_since=watching_since, at=at)
        verdict = families.after_anything(state, passed.state, (*changes, *passed.changes), occasion=occasion)
        due = due_of(verdict.state, assignment=assignment, watching_since=watching_since)
        if due is None or due > at:
            break
    return verdict
