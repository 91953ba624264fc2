"""room.mismatch and room.swapped: the tablet lives in another room than the hotel believes.

Opens when most of half an hour was spent on the access points of other rooms, or when the tablet reports another room
three times in a row; ends when it fits again, which most of ten minutes must say. For its first minute a misfit is told
to nobody: meanwhile the bridge looks whether two tablets are where the other belongs (`pairs`), and stores what it
found as an input of the rules (`paired`). Of such a pair one alert tells, of both.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from rules.alarm import Occasion, settle
from rules.alerts import AlertChange, Because, Cause, Family, Reason, Rule, Severity
from rules.ids import DeviceId, RoomId
from rules.memory import CALM_RARE, RoomFitMemory, Slice
from rules.messages import Heartbeat
from rules.policy import Assignment, Place, Policy
from rules.state import DeviceState, Verdict, remembering

SPAN: Final = timedelta(minutes=30)
SLICE: Final = timedelta(minutes=5)
LATELY: Final = 2
"""Slices that must fit before it does."""
FEW: Final = 6
"""Samples that say too little of half an hour."""
WORDS: Final = 3
PENDING: Final = timedelta(minutes=1)


class Misfit(Struct, frozen=True):
    """A tablet that is not where it belongs, and where it may be instead: rooms that share an access point."""

    device_id: DeviceId
    room_id: RoomId
    rooms: frozenset[RoomId]
    since: datetime
    leads: bool


class Partner(Struct, frozen=True):
    """The other of two swapped tablets; whether one leads is known to both."""

    device_id: DeviceId
    leads: bool


def after_heartbeat(
    _before: DeviceState, after: DeviceState, beat: Heartbeat, /, *, occasion: Occasion
) -> tuple[DeviceState, AlertChange | None]:
    """Follow one heartbeat; the state knows its access point already."""
    old = after.rare.room_fit
    bssid = None if beat.wifi_bssid is None else after.bssid
    memory = remember(old, bssid, beat.room_id, assignment=occasion.assignment, now=occasion.at)
    if memory is old is CALM_RARE.room_fit and Family.ROOM not in after.alerts:
        return after, None
    return _follow(remembering(after, room_fit=memory), old, occasion=occasion)


def remember(
    memory: RoomFitMemory, bssid: str | None, says: str | None, *, assignment: Assignment, now: datetime
) -> RoomFitMemory:
    """What is remembered after a heartbeat from the access point `bssid` that says to be in `says`; None: unknown."""
    place, policy = assignment.place, assignment.policy
    if memory is not CALM_RARE.room_fit and memory.room_id != place.room_id:
        memory = CALM_RARE.room_fit  # it was moved: what was seen was held against another room
    memory = _with_word(memory, says, place)
    memory = _with_sample(memory, bssid, place, now=now)
    if memory is CALM_RARE.room_fit:
        return memory
    is_misfit = memory.said >= WORDS or _is_elsewhere(memory, policy=policy, now=now)
    if memory.misfit_at is None and is_misfit:
        memory = replace(memory, misfit_at=now)
    elif memory.misfit_at is not None and not memory.said and _fits_lately(memory, policy=policy):
        memory = replace(memory, misfit_at=None, partner=None, leads=False)
    is_over = memory.misfit_at is None and not memory.said and not any(one.other for one in memory.slices)
    return CALM_RARE.room_fit if is_over else replace(memory, room_id=place.room_id)


def paired(state: DeviceState, partner: Partner | None, *, occasion: Occasion) -> Verdict:
    """What it makes of a device that `partner` is where it belongs, and the other way round; None: nobody any more."""
    memory = state.rare.room_fit
    if memory.misfit_at is None:
        return Verdict(state)
    known = replace(
        memory,
        partner=None if partner is None else partner.device_id,
        leads=partner is not None and partner.leads,
    )
    after, change = _follow(remembering(state, room_fit=known), memory, occasion=occasion)
    return Verdict(after, (change,) if change else ())


def misfit_of(state: DeviceState, assignment: Assignment) -> Misfit | None:
    """Whether a tablet may be one of a pair."""
    memory, place = state.rare.room_fit, assignment.place
    if memory.misfit_at is None or place.room_id is None or memory.room_id != place.room_id:
        return None
    rooms = place.rooms_on.get(memory.bssid or "", frozenset()) - {place.room_id}
    if memory.said >= WORDS and memory.says is not None:
        rooms = frozenset({memory.says})
    leads = memory.leads or (memory.partner is None and Family.ROOM in state.alerts)
    return Misfit(assignment.device_id, place.room_id, rooms, memory.misfit_at, leads)


def pairs(misfits: Iterable[Misfit]) -> Mapping[DeviceId, Partner]:
    """Who has swapped with whom, of one hotel's misfits; only where each is the other's one possibility."""
    known = {misfit.device_id: misfit for misfit in misfits}
    may_be = {
        one.device_id: [
            other.device_id for other in known.values() if one.room_id in other.rooms and other.room_id in one.rooms
        ]
        for one in known.values()
    }
    found = {}
    for device_id, others in may_be.items():
        if len(others) == 1 and may_be[others[0]] == [device_id]:
            one, other = known[device_id], known[others[0]]
            found[device_id] = Partner(others[0], _rank(one) < _rank(other))
    return found


def _rank(misfit: Misfit) -> tuple[bool, datetime, DeviceId]:
    """Of two the lower leads: whose alert is open already, else who was the first."""
    return not misfit.leads, misfit.since, misfit.device_id


def _with_word(memory: RoomFitMemory, says: str | None, place: Place) -> RoomFitMemory:
    """A room that the hotel does not know is none: agents of the old system have names of their own."""
    if says is None:
        return memory
    if says == place.room_id or says not in place.rooms:
        return replace(memory, says=None, said=0) if memory.said else memory
    room_id = RoomId(says)
    said = min(memory.said + 1, WORDS) if room_id == memory.says else 1
    return replace(memory, says=room_id, said=said)


def _with_sample(memory: RoomFitMemory, bssid: str | None, place: Place, *, now: datetime) -> RoomFitMemory:
    if bssid is None or not place.access_points:
        return memory
    own = bssid in place.access_points
    if (own and not memory.slices) or (not own and bssid not in place.rooms_on):
        return memory
    slices = tuple(one for one in memory.slices if now - one.at < SPAN)
    newest = slices[-1] if slices and now - slices[-1].at < SLICE else Slice(now)
    kept = slices[:-1] if slices and newest is slices[-1] else slices
    newest = Slice(newest.at, newest.own + own, newest.other + (not own))
    since = memory.astray_at if slices else None
    return replace(memory, slices=(*kept, newest), astray_at=since or now, bssid=memory.bssid if own else bssid)


def _is_elsewhere(memory: RoomFitMemory, *, policy: Policy, now: datetime) -> bool:
    if memory.astray_at is None or now - memory.astray_at < SPAN or _fits_lately(memory, policy=policy):
        return False
    own, other = counted(memory.slices)
    return own + other >= FEW and other >= policy.misfit_share * (own + other)


def _fits_lately(memory: RoomFitMemory, *, policy: Policy) -> bool:
    own, other = counted(memory.slices[-LATELY:])
    return other <= (1 - policy.misfit_share) * (own + other)


def counted(slices: Iterable[Slice]) -> tuple[int, int]:
    """Samples on the room's own access points, and on other rooms'."""
    all_of_them = tuple(slices)
    return sum(one.own for one in all_of_them), sum(one.other for one in all_of_them)


def _follow(state: DeviceState, before: RoomFitMemory, *, occasion: Occasion) -> tuple[DeviceState, AlertChange | None]:
    memory, place = state.rare.room_fit, occasion.assignment.place
    since = memory.misfit_at
    is_told = since is not None and (occasion.at - since >= PENDING or Family.ROOM in state.alerts)
    follows = memory.partner is not None and not memory.leads
    return settle(
        state,
        Family.ROOM,
        causes=(_cause(memory, place, since=since),) if since is not None and is_told and not follows else (),
        ended=_ended(memory, before, place),
        signals=0,
        occasion=occasion,
    )


def _cause(memory: RoomFitMemory, place: Place, *, since: datetime) -> Cause:
    if memory.said >= WORDS:
        why = Reason(Because.SAYS_ANOTHER_ROOM, observed=memory.says, limit=place.room_id, samples=WORDS, since=since)
    else:
        rooms = " ".join(sorted(place.rooms_on.get(memory.bssid or "", ()))) or memory.bssid
        why = Reason(Because.LIVES_ELSEWHERE, observed=rooms, limit=place.room_id, since=memory.astray_at)
    if memory.partner is None:
        return Cause(Rule.ROOM_MISMATCH, Severity.LOW, (why,))
    return Cause(Rule.ROOM_SWAPPED, Severity.LOW, (Reason(Because.SWAPPED, observed=memory.partner), why))


def _ended(memory: RoomFitMemory, before: RoomFitMemory, place: Place) -> tuple[Reason, ...]:
    if memory.partner is not None:
        return (Reason(Because.TOLD_OF_ITS_PARTNER, observed=memory.partner),)
    return (Reason(Because.FITS_AGAIN, observed=place.room_id, limit=before.room_id),)
