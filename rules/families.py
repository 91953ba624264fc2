"""All families in one place: what each is told of, and in which order.

**How to add a family.** It is a module of `rules` that remembers what it needs in a field of its own of `DeviceState`
(a record of `rules.memory` with a calm default) and brings its alert in line by `rules.alarm.settle`. What it wants to
be told of it registers here. Each function gets the state as it was before the message and as it is so far, and gives
back the state and what became of its alert:

* `AFTER_HEARTBEAT`, `AFTER_REPORT`, `AFTER_STATE`: after that message, live ones only. Of a will nobody is told: it is
  what the silence family makes of it.
* `AFTER_LIFE`: after every sign of life, whatever was said (heartbeat, report, state, result, renewal).
* `AFTER_ANYTHING`: for a family that follows what others made of a device: after all the above, and after wills, ends
  of tokens and deadlines too.
* `rules.as_usual`, if it looks at heartbeats: whether this one would leave the family's memory and its alert as they
  are. Then the short way is taken: it moves `last_heard`, `rssi` and `battery` and asks nobody.
* `rules.deadlines.DEADLINES`, if silence changes something for it.

The order of a tuple is that of being asked: who reads what another remembers comes after it. A time that a family
remembers has to move with our own outages (`rules.gap`). Its rules and reasons have rows in docs/rules.md, and words in
`rules.words` and in the console.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from rules import (
    agent_stuck,
    backlog,
    battery,
    breach,
    checkout,
    clock,
    identity,
    never_seen,
    power,
    remembered,
    room_fit,
    silence,
    tamper,
    token,
)
from rules.alarm import Occasion
from rules.alerts import AlertChange
from rules.messages import Heartbeat, Report, State
from rules.state import DeviceState, Verdict

Followed = tuple[DeviceState, AlertChange | None]
"""What a family makes of a device: the next state, and what became of its alert."""


class AfterHeartbeat(Protocol):
    def __call__(
        self, before: DeviceState, after: DeviceState, beat: Heartbeat, /, *, occasion: Occasion
    ) -> Followed: ...


class AfterReport(Protocol):
    def __call__(
        self, before: DeviceState, after: DeviceState, report: Report, /, *, occasion: Occasion
    ) -> Followed: ...


class AfterState(Protocol):
    def __call__(self, before: DeviceState, after: DeviceState, said: State, /, *, occasion: Occasion) -> Followed: ...


class Follow(Protocol):
    def __call__(self, before: DeviceState, after: DeviceState, /, *, occasion: Occasion) -> Followed: ...


AFTER_HEARTBEAT: tuple[AfterHeartbeat, ...] = (
    power.after_heartbeat,  # before the breach, which is worse for a tablet that was taken off its dock
    breach.after_heartbeat,
    battery.after_heartbeat,
    agent_stuck.after_heartbeat,  # before the silence, whose alert it may be
    silence.after_heartbeat,
    tamper.after_heartbeat,
    room_fit.after_heartbeat,
    backlog.after_heartbeat,
    clock.after_message,
)
AFTER_REPORT: tuple[AfterReport, ...] = (
    silence.after_report,
    breach.after_report,
    battery.after_report,
    tamper.after_report,
    clock.after_message,
    agent_stuck.after_word,
)
AFTER_STATE: tuple[AfterState, ...] = (silence.after_state, clock.after_message, agent_stuck.after_word)
AFTER_LIFE: tuple[Follow, ...] = (token.after_life, never_seen.after_life, identity.after_life)
AFTER_ANYTHING: tuple[Follow, ...] = (checkout.follow,)


def after_heartbeat(before: DeviceState, after: DeviceState, beat: Heartbeat, *, occasion: Occasion) -> Verdict:
    """What all families together make of a device after a heartbeat; likewise the next two."""
    changes = []
    for follow in AFTER_HEARTBEAT:
        after, change = follow(before, after, beat, occasion=occasion)
        changes.append(change)
    return after_life(before, after, changes, occasion=occasion)


def after_report(before: DeviceState, after: DeviceState, report: Report, *, occasion: Occasion) -> Verdict:
    changes = []
    for follow in AFTER_REPORT:
        after, change = follow(before, after, report, occasion=occasion)
        changes.append(change)
    return after_life(before, after, changes, occasion=occasion)


def after_state(before: DeviceState, after: DeviceState, said: State, *, occasion: Occasion) -> Verdict:
    changes = []
    for follow in AFTER_STATE:
        after, change = follow(before, after, said, occasion=occasion)
        changes.append(change)
    return after_life(before, after, changes, occasion=occasion)


def after_life(
    before: DeviceState, after: DeviceState, changes: Iterable[AlertChange | None] = (), *, occasion: Occasion
) -> Verdict:
    """What a sign of life comes to, after the `changes` that those made who know what was said."""
    made = list(changes)
    for follow in AFTER_LIFE:
        after, change = follow(before, after, occasion=occasion)
        made.append(change)
    return after_anything(before, after, made, occasion=occasion)


def after_anything(
    before: DeviceState, after: DeviceState, changes: Iterable[AlertChange | None] = (), *, occasion: Occasion
) -> Verdict:
    """What it all comes to: those that follow the others, the date of the axes, and what is old is forgotten."""
    made = list(changes)
    for follow in AFTER_ANYTHING:
        after, change = follow(before, after, occasion=occasion)
        made.append(change)
    after = _dated(before, remembered.forget(after, at=occasion.at), at=occasion.at)
    return Verdict(after, tuple(change for change in made if change is not None))


def _dated(before: DeviceState, after: DeviceState, *, at: datetime) -> DeviceState:
    same = after.link is before.link and after.posture is before.posture and after.power is before.power
    return after if same or after.since == at else replace(after, since=at)
