"""Outages: many silences, one cause. Which incidents open, grow and widen, and when who did not return is split out.

Pure, of one hotel at a time: `Outages` is what is known of its silences, each function makes the next one of it and
says what became of incidents. They are told of each silence and each return in the order of the inputs, so that history
judged again gives the same incidents. Alerts are not touched here, but for the one that is split out (`left_behind`):
what an incident changes is who is told.

A tablet that moved in its last minute is never part of any of it, nor one that said itself why it would fall silent
(`rules.absence`): an outage explains neither.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from rules import silence
from rules.absence import Absent, Spot, absent_of, is_absent
from rules.alarm import Occasion, alert_id
from rules.alerts import Because, ChangeKind, Family, Reason
from rules.gap import Gap
from rules.ids import AlertId, DeviceId, IncidentId
from rules.incident import IncidentSnapshot, Outage, Scope
from rules.state import DeviceState, Verdict

WITHIN: Final = timedelta(seconds=90)
"""So near to each other silences must begin to have one cause."""

FEWEST: Final = 3
SHARE: Final = 0.4
"""Of those that were online in an area."""

HOTEL_SHARE: Final = 0.6

MISSING_SHARE: Final = 0.2
"""Of an incident's tablets, or one of however few: when no more are silent, what was out is back."""

RETURN_WITHIN: Final = timedelta(minutes=3)
"""Who is not back so long after most of them has another reason."""


class Incident(Struct, frozen=True, kw_only=True):
    """An outage that lasts. Its members are `silent` or `back`; `back_at`: since when most of them are back."""

    id: IncidentId
    spot: Spot
    opened_at: datetime
    silent: Mapping[DeviceId, Absent]
    back: frozenset[DeviceId] = frozenset()
    back_at: datetime | None = None
    why: tuple[Reason, ...] = ()

    @property
    def members(self) -> int:
        return len(self.silent) + len(self.back)

    @property
    def is_mostly_back(self) -> bool:
        return len(self.silent) <= max(1.0, MISSING_SHARE * self.members)


class Outages(Struct, frozen=True):
    """Of one hotel: the silences that nothing explains yet, and the outages that last, the oldest first."""

    alone: Mapping[DeviceId, Absent] = {}
    incidents: tuple[Incident, ...] = ()

    def incident_of(self, device_id: DeviceId) -> IncidentId | None:
        """The incident that speaks for this tablet's silence."""
        return next((incident.id for incident in self.incidents if device_id in incident.silent), None)


class Turn(StrEnum):
    """What became of an incident."""

    OPENED = "opened"
    GREW = "grew"  # more members, or more of them back: no notice
    CHANGED = "changed"  # another place, or what was out is back
    CLOSED = "closed"


class IncidentChange(Struct, frozen=True, kw_only=True):
    """One turn of an incident, with all that is known of it then (but for its revision and what people said).

    `absorbed`: the alerts for which it speaks from now on. `lost`: the tablets for which it does no longer, although
    they are still silent. `into`: it is closed because it was part of this one.
    """

    turn: Turn
    incident: IncidentSnapshot
    at: datetime
    absorbed: tuple[AlertId, ...] = ()
    lost: tuple[DeviceId, ...] = ()
    into: IncidentId | None = None


Next = tuple[Outages, tuple[IncidentChange, ...]]
CALM: Final = Outages()


def why_left(change: IncidentChange) -> Reason:
    """What is said of those who are lost when an incident is split."""
    since = change.incident.back_at
    waited = None if since is None else (change.at - since).total_seconds()
    return Reason(Because.DID_NOT_RETURN, observed=waited, limit=RETURN_WITHIN.total_seconds(), since=since)


def left_behind(state: DeviceState, reason: Reason, *, occasion: Occasion) -> Verdict:
    """What it makes of a tablet that it did not return when the others did: critical, and told by itself."""
    state, worse = silence.set_apart(state, reason, occasion=occasion)
    # Told in any case: its silence may have become critical long ago, when the incident spoke for it.
    return Verdict(state, (replace(worse, kind=ChangeKind.WORSENED),) if worse else ())


def follow(
    outages: Outages,
    before: DeviceState,
    after: DeviceState,
    *,
    crowd: Callable[[], Mapping[Spot, int]],
    watching_since: datetime,
    occasion: Occasion,
) -> Next:
    """After any verdict about a tablet; most change nothing here. `crowd` is asked where a silence is new."""
    was, now = is_absent(before), is_absent(after)
    device_id = occasion.assignment.device_id
    if was and not now:
        return came_back(outages, device_id, at=occasion.at)
    if was or not now:
        return outages, ()
    absent = absent_of(after, occasion.assignment, watching_since=watching_since)
    if absent is None:
        return outages, ()
    return fell_silent(outages, device_id, absent, crowd=crowd(), occasion=occasion)


def fell_silent(
    outages: Outages, device_id: DeviceId, absent: Absent, *, crowd: Mapping[Spot, int], occasion: Occasion
) -> Next:
    """After one more silence. `crowd` is how many are online now at each spot of the hotel."""
    at = absent.since
    alone = {name: one for name, one in outages.alone.items() if _is_near(one, at)} | {device_id: absent}
    outages = replace(outages, alone=alone)
    changes: list[IncidentChange] = []
    joined = next((one for one in outages.incidents if _explains(one, device_id, absent)), None)
    if joined is not None:
        outages, grown = _join(outages, joined, device_id, at=at)
        changes.append(grown)
    spot = _best(outages, absent, joined=joined, crowd=crowd, at=at)
    if spot is None:
        return outages, tuple(changes)
    outages, made = _gather(outages, spot, crowd=crowd, occasion=occasion, at=at)
    return outages, (*changes, *made)


def came_back(outages: Outages, device_id: DeviceId, *, at: datetime) -> Next:
    """After a tablet was heard again, or somebody resolved its alert: nobody waits for it any more."""
    if device_id in outages.alone:
        alone = {name: one for name, one in outages.alone.items() if name != device_id}
        return replace(outages, alone=alone), ()
    incident = next((one for one in outages.incidents if device_id in one.silent), None)
    if incident is None:
        return outages, ()
    silent = {name: one for name, one in incident.silent.items() if name != device_id}
    moved = replace(incident, silent=silent, back=incident.back | {device_id})
    if not silent:
        return _without(outages, incident), (_change(Turn.CLOSED, moved, at=at, closed=True),)
    if incident.back_at is None and moved.is_mostly_back:
        moved = replace(moved, back_at=at)
        return _with(outages, moved), (_change(Turn.CHANGED, moved, at=at),)
    return _with(outages, moved), (_change(Turn.GREW, moved, at=at),)


def deadline(outages: Outages, *, watching_since: datetime, grace: timedelta) -> datetime | None:
    """When the next incident is split; after we began to listen, not before everybody had the time to be heard."""
    dues = (
        _due(incident.back_at, watching_since=watching_since, grace=grace)
        for incident in outages.incidents
        if incident.back_at is not None
    )
    return min(dues, default=None)


def pass_deadline(outages: Outages, *, watching_since: datetime, grace: timedelta, at: datetime) -> Next:
    """Split the incidents whose deadline has come by `at`, which is the first of them: who is silent still, is lost."""
    changes = []
    for incident in outages.incidents:
        since = incident.back_at
        if since is not None and _due(since, watching_since=watching_since, grace=grace) <= at:
            outages = _without(outages, incident)
            lost = tuple(incident.silent)
            changes.append(replace(_change(Turn.CLOSED, incident, at=at, closed=True), lost=lost))
    return outages, tuple(changes)


def shifted(outages: Outages, gap: Gap) -> Outages:
    """With every clock moved by the time in which we heard nobody; what people read stays as it was."""
    return Outages(
        alone={name: _shifted(one, gap) for name, one in outages.alone.items()},
        incidents=tuple(
            replace(
                incident,
                silent={name: _shifted(one, gap) for name, one in incident.silent.items()},
                back_at=None if incident.back_at is None else gap.moved(incident.back_at),
            )
            for incident in outages.incidents
        ),
    )


def without_strangers(outages: Outages, is_known: Callable[[DeviceId], bool], *, at: datetime) -> Next:
    """Without the tablets that were removed while an incident waited for them."""
    changes: list[IncidentChange] = []
    for incident in outages.incidents:
        for device_id in incident.silent:
            if not is_known(device_id):
                outages, made = came_back(outages, device_id, at=at)
                changes += made
    return outages, tuple(changes)


def _due(back_at: datetime, *, watching_since: datetime, grace: timedelta) -> datetime:
    due = back_at + RETURN_WITHIN
    return due if back_at >= watching_since else max(due, watching_since + grace)


def _is_near(absent: Absent, at: datetime) -> bool:
    return at - WITHIN < absent.since < at + WITHIN


def _explains(incident: Incident, device_id: DeviceId, absent: Absent) -> bool:
    """Whether an outage that lasts is why this tablet is silent too.

    What is out is still out, and the tablet was not heard since it went out, or goes with the others; or it was part of
    it and is gone again while all the others return, which is asked once more when they have. One that was heard there
    in between, on what works again for it, has another reason.
    """
    if incident.back_at is not None:
        return device_id in incident.back
    if incident.spot not in absent.spots:
        return False
    return absent.heard <= incident.opened_at or any(_is_near(one, absent.since) for one in incident.silent.values())


def _join(outages: Outages, incident: Incident, device_id: DeviceId, *, at: datetime) -> tuple[Outages, IncidentChange]:
    absent = outages.alone[device_id]
    grown = replace(incident, silent=dict(incident.silent) | {device_id: absent}, back=incident.back - {device_id})
    if not grown.is_mostly_back:
        grown = replace(grown, back_at=None)
    alone = {name: one for name, one in outages.alone.items() if name != device_id}
    outages = _with(replace(outages, alone=alone), grown)
    return outages, replace(_change(Turn.GREW, grown, at=at), absorbed=(absent.alert_id,))


def _lately(outages: Outages, at: datetime) -> dict[DeviceId, Absent]:
    """Who fell silent lately, whatever explains it."""
    members = {name: one for incident in outages.incidents for name, one in incident.silent.items()}
    return {name: one for name, one in (members | dict(outages.alone)).items() if _is_near(one, at)}


def _best(
    outages: Outages, absent: Absent, *, joined: Incident | None, crowd: Mapping[Spot, int], at: datetime
) -> Spot | None:
    """The spot that is out and not yet known to be: of several the one of which most is gone, the widest if all is.

    What is as wide as can be (we, then the hotel) comes before all others.
    """
    lately = _lately(outages, at)
    out = [spot for spot in absent.spots if _is_out(spot, lately, crowd)]
    if joined is not None:
        out = [spot for spot in out if spot.scope.width > joined.spot.scope.width]
    for scope in (Scope.OWN, Scope.HOTEL):
        widest = next((spot for spot in out if spot.scope is scope), None)
        if widest is not None:
            return widest
    out = [spot for spot in out if _rest_is_out(spot, outages, lately, crowd, at=at)]
    return max(out, key=lambda spot: (_share(spot, lately, crowd), -spot.scope.width), default=None)


def _is_out(spot: Spot, lately: Mapping[DeviceId, Absent], crowd: Mapping[Spot, int]) -> bool:
    gone = _gone(spot, lately)
    share = HOTEL_SHARE if spot.scope is Scope.HOTEL else SHARE
    return gone >= _enough(gone + _online(spot, crowd), share)


def _rest_is_out(
    spot: Spot, outages: Outages, lately: Mapping[DeviceId, Absent], crowd: Mapping[Spot, int], *, at: datetime
) -> bool:
    """Whether a place is out beyond what is known to be out inside it. A floor is not, for one access point of it."""
    inside = [one.spot for one in outages.incidents if _has_lately(one, at) and _is_inside(one, spot)]
    if not inside:
        return True
    rest = {name: one for name, one in lately.items() if not any(known in one.spots for known in inside)}
    online = max(_online(spot, crowd) - sum(_online(known, crowd) for known in inside), 0)
    gone = _gone(spot, rest)
    several = len(set(inside)) > 1
    return several or gone >= _enough(gone + online, SHARE)


def _enough(online: int, share: float) -> int:
    return max(FEWEST, ceil(share * online))


def _gone(spot: Spot, lately: Mapping[DeviceId, Absent]) -> int:
    return sum(spot in one.spots for one in lately.values())


def _online(spot: Spot, crowd: Mapping[Spot, int]) -> int:
    return crowd.get(Spot(Scope.HOTEL) if spot.scope is Scope.OWN else spot, 0)


def _share(spot: Spot, lately: Mapping[DeviceId, Absent], crowd: Mapping[Spot, int]) -> float:
    gone = _gone(spot, lately)
    return gone / (gone + _online(spot, crowd))


def _has_lately(incident: Incident, at: datetime) -> bool:
    return any(_is_near(one, at) for one in incident.silent.values())


def _is_inside(incident: Incident, spot: Spot) -> bool:
    """Whether most of an incident's silent ones are at a spot that is wider."""
    if incident.spot.scope.width >= spot.scope.width:
        return False
    there = sum(spot in one.spots for one in incident.silent.values())
    return 2 * there > len(incident.silent)


def _gather(outages: Outages, spot: Spot, *, crowd: Mapping[Spot, int], occasion: Occasion, at: datetime) -> Next:
    """Make one incident of all that is silent at a spot: a new one, or the oldest inside, which becomes as wide."""
    inside = [one for one in outages.incidents if _has_lately(one, at) and _is_inside(one, spot)]
    absorbed = {name: one for name, one in outages.alone.items() if spot in one.spots}
    lately = _lately(outages, at)
    gone = _gone(spot, lately)
    reason = Reason(
        _BECAUSE[_rule_of(spot)],
        observed=float(gone),
        limit=float(_enough(gone + _online(spot, crowd), HOTEL_SHARE if spot.scope is Scope.HOTEL else SHARE)),
        cause=None,
        since=min((one.since for one in lately.values() if spot in one.spots), default=at),
    )
    for one in inside[1:]:
        outages = _without(outages, one)
        absorbed |= one.silent
    alone = {name: one for name, one in outages.alone.items() if name not in absorbed}
    outages = replace(outages, alone=alone)
    came = frozenset[DeviceId]().union(*(one.back for one in inside))
    if inside:
        silent = dict(inside[0].silent) | absorbed
        whole = replace(inside[0], spot=spot, silent=silent, back=came - silent.keys(), back_at=None, why=(reason,))
        outages, turn = _with(outages, whole), Turn.CHANGED
    else:
        name = IncidentId(alert_id(Family.SILENCE, replace(occasion, trigger=f"outage:{spot.scope}:{spot.place}")))
        whole = Incident(id=name, spot=spot, opened_at=at, silent=absorbed, why=(reason,))
        outages, turn = replace(outages, incidents=(*outages.incidents, whole)), Turn.OPENED
    alerts = tuple(one.alert_id for one in absorbed.values())
    merged = [replace(_change(Turn.CLOSED, one, at=at, closed=True), into=whole.id) for one in inside[1:]]
    return outages, (replace(_change(turn, whole, at=at), absorbed=alerts), *merged)


_BECAUSE = {
    Outage.AREA: Because.AREA_SILENT,
    Outage.HOTEL: Because.HOTEL_SILENT,
    Outage.OWN: Because.NOT_BACK_AFTER_US,
}
_RULES = {Scope.HOTEL: Outage.HOTEL, Scope.OWN: Outage.OWN}


def _rule_of(spot: Spot) -> Outage:
    return _RULES.get(spot.scope, Outage.AREA)


def _change(turn: Turn, incident: Incident, *, at: datetime, closed: bool = False) -> IncidentChange:
    spot = incident.spot
    wide = spot.scope in (Scope.HOTEL, Scope.OWN)
    snapshot = IncidentSnapshot(
        id=incident.id,
        rule=_rule_of(spot),
        scope=spot.scope,
        place=None if wide else spot.place,
        opened_at=incident.opened_at,
        closed_at=at if closed else None,
        members=incident.members,
        back=len(incident.back),
        lost=len(incident.silent) if closed else 0,
        back_at=incident.back_at,
        why=incident.why,
    )
    return IncidentChange(turn=turn, incident=snapshot, at=at)


def _with(outages: Outages, incident: Incident) -> Outages:
    incidents = tuple(incident if one.id == incident.id else one for one in outages.incidents)
    return replace(outages, incidents=incidents)


def _without(outages: Outages, incident: Incident) -> Outages:
    return replace(outages, incidents=tuple(one for one in outages.incidents if one.id != incident.id))


def _shifted(absent: Absent, gap: Gap) -> Absent:
    return replace(absent, since=gap.moved(absent.since))
