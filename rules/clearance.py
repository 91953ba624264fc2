"""May the guest go? What the desk is told of a room's tablets, in three words, from what is known at this moment.

`clear` needs proof: every tablet of the room was heard a moment ago, and is in its room. `not-clear` needs proof too:
one of them is gone. All else is `unknown`, with what is missing, and somebody should look. In the hour after a
check-out the desk hears it again whenever it is another word.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

from rules import power
from rules.alerts import Because, Family, OpenAlert, Rule, Severity
from rules.context import unhushed
from rules.ids import DeviceId, RoomId
from rules.policy import Policy
from rules.room_status import RoomStatus
from rules.state import DeviceState, LinkState, Posture

VALID: Final = timedelta(seconds=120)
"""How long the desk may go by a clearance before it asks again."""

FOLLOWED: Final = timedelta(hours=1)
"""How long after a check-out the desk is told of the room again, unless somebody checks in."""


class Clear(StrEnum):
    CLEAR = "clear"
    NOT_CLEAR = "not-clear"
    UNKNOWN = "unknown"


class Finding(StrEnum):
    """Why a room is not clear (the first six), or why nobody can say (the others)."""

    SILENT = "silent"
    SWITCHED_OFF = "switched-off"
    ELSEWHERE = "elsewhere"
    LEAVING = "leaving"  # its signal weakens, or it says so itself
    UNPLUGGED = "unplugged"
    TAMPERED = "tampered"
    NO_TABLET = "no-tablet"
    NEVER_SEEN = "never-seen"
    ASLEEP = "asleep"
    SIGNED_OFF = "signed-off"
    KEPT_OUT = "kept-out"  # by us: its token expired or was revoked
    CONNECTION_LOST = "connection-lost"  # a moment ago: it may be back in the next
    NOT_HEARD_LATELY = "not-heard-lately"
    PLACE_UNKNOWN = "place-unknown"


_GONE: Final = frozenset(
    {Finding.SILENT, Finding.SWITCHED_OFF, Finding.ELSEWHERE, Finding.LEAVING, Finding.UNPLUGGED, Finding.TAMPERED}
)

_QUIET: Final = frozenset({Finding.ASLEEP, Finding.CONNECTION_LOST, Finding.NOT_HEARD_LATELY})


class InRoom(NamedTuple):
    """A tablet of the room, and the thresholds that it is held to."""

    device_id: DeviceId
    state: DeviceState
    policy: Policy


class ClearanceReason(Struct, frozen=True, rename="camel"):
    because: Finding
    device_id: DeviceId | None = None


class Clearance(Struct, frozen=True, rename="camel", kw_only=True):
    """What stands on `hotels/{h}/clearance/{room}`. Of several tablets: the longest unseen, the emptiest.

    `charging` is whether all of them are; None: unknown of one of them.
    """

    room_id: RoomId
    verdict: Clear
    reasons: tuple[ClearanceReason, ...]
    seen_ago_s: float | None
    battery: float | None
    charging: bool | None
    at: datetime
    valid_until: datetime


def clearance(room_id: RoomId, tablets: Sequence[InRoom], *, at: datetime) -> Clearance:
    """The clearance of a room, by what is known of its tablets."""
    reasons = [ClearanceReason(found, tablet.device_id) for tablet in tablets for found in _findings(tablet, at=at)]
    if not tablets:
        reasons = [ClearanceReason(Finding.NO_TABLET)]
    states = [tablet.state for tablet in tablets]
    return Clearance(
        room_id=room_id,
        verdict=_verdict(reason.because for reason in reasons),
        reasons=tuple(reasons),
        seen_ago_s=_longest_unseen(states, at=at),
        battery=min((state.battery for state in states if state.battery is not None), default=None),
        charging=_all_charging(states),
        at=at,
        valid_until=at + VALID,
    )


def is_followed(room: RoomStatus, *, at: datetime) -> bool:
    """Whether somebody checked out so lately that the desk is to hear what becomes of it."""
    return room.checked_out_at is not None and at - room.checked_out_at < FOLLOWED


def is_otherwise(now: Clearance, *, told: Clear | None) -> bool:
    """Whether the desk must hear of a room again; `told` is what it heard last, None: we do not know.

    A tablet that is merely quiet takes no `clear` back: that was good until its `valid_until`, and a silence that comes
    of it is told.
    """
    if now.verdict is Clear.UNKNOWN and all(reason.because in _QUIET for reason in now.reasons):
        return told is Clear.NOT_CLEAR
    return now.verdict is not told


def _verdict(found: Iterable[Finding]) -> Clear:
    findings = set(found)
    if findings & _GONE:
        return Clear.NOT_CLEAR
    return Clear.UNKNOWN if findings else Clear.CLEAR


def _findings(tablet: InRoom, *, at: datetime) -> list[Finding]:
    """All that speaks against one tablet, what is worse first; empty: it is here, and was heard a moment ago."""
    gone = _gone(tablet.state)
    return gone or _doubts(tablet.state, fresh=tablet.policy.silence_allowance, at=at)


def _gone(state: DeviceState) -> list[Finding]:
    found = []
    silence, breach = (_unheld(state.alerts.get(family)) for family in (Family.SILENCE, Family.BREACH))
    guard = state.alerts.get(Family.CHECKOUT)
    if silence is not None and silence.rule is Rule.POWERED_OFF:
        found.append(Finding.SWITCHED_OFF)
    elif silence is not None:  # a will alone is none: the tablet may be back before its grace is over
        found.append(Finding.SILENT)
    if state.posture in (Posture.OUT_OF_ZONE, Posture.FOREIGN):
        found.append(Finding.ELSEWHERE)
    elif breach is not None and unhushed(breach).rank >= Severity.MEDIUM.rank:
        found.append(Finding.LEAVING)
    taken_off = guard is not None and any(reason.because is Because.UNPLUGGED for reason in guard.why)
    if taken_off and power.is_off_dock(state):
        found.append(Finding.UNPLUGGED)
    if Family.TAMPER in state.alerts:
        found.append(Finding.TAMPERED)
    return found


def _unheld(alert: OpenAlert | None) -> OpenAlert | None:
    """The alert, unless it is over and only held open: then it says nothing of where the tablet is now."""
    return None if alert is None or alert.calm_since is not None else alert


def _doubts(state: DeviceState, *, fresh: timedelta, at: datetime) -> list[Finding]:
    """`fresh`: what was heard longer ago than a tablet that is awake may be silent proves nothing."""
    if state.last_heard is None:
        return [Finding.NEVER_SEEN]
    if state.link is LinkState.AWAY:
        return [Finding.SIGNED_OFF if state.silence.token_ended is None else Finding.KEPT_OUT]
    if state.link is LinkState.SILENT and at - state.last_heard <= fresh:
        return [Finding.CONNECTION_LOST]
    if at - state.last_heard > fresh:
        return [Finding.ASLEEP if state.link is LinkState.SLEEPING else Finding.NOT_HEARD_LATELY]
    return [] if state.posture is Posture.IN_ROOM else [Finding.PLACE_UNKNOWN]


def _longest_unseen(states: Sequence[DeviceState], *, at: datetime) -> float | None:
    """Seconds; None where one was never heard, or there is none."""
    heard = [state.last_heard for state in states if state.last_heard is not None]
    return max((at - min(heard)).total_seconds(), 0) if heard and len(heard) == len(states) else None


def _all_charging(states: Sequence[DeviceState]) -> bool | None:
    said = {state.charging for state in states}
    return False if False in said else None if None in said or not said else True
