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
from typing import Final

from msgspec.structs import replace

from rules import silence
from rules.absence import Absent, Spot, absent_of, is_absent
from rules.alerts import Because, ChangeKind, Family, Reason
from rules.extent import best, gone_at, has_lately, is_inside, is_near, lately_of, least
from rules.gap import Gap
from rules.ids import DeviceId, IncidentId
from rules.incident import Outage
from rules.occasion import Occasion, alert_id
from rules.outages import CALM, Incident, IncidentChange, Outages, Turn, change_of, rule_of
from rules.state import DeviceState, Verdict

__all__ = [
    "CALM",
    "Incident",
    "IncidentChange",
    "Outages",
    "Turn",
    "came_back",
    "deadline",
    "fell_silent",
    "follow",
    "left_behind",
    "pass_deadline",
    "shifted",
    "why_left",
    "without_strangers",
]

RETURN_WITHIN: Final = timedelta(minutes=3)
"""Who is not back so long after most of them has another reason."""


Next = tuple[Outages, tuple[IncidentChange, ...]]


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
    alone = {name: one for name, one in outages.alone.items() if is_near(one, at)} | {device_id: absent}
    outages = replace(outages, alone=alone)
    changes: list[IncidentChange] = []
    joined = next((one for one in outages.incidents if _explains(one, device_id, absent)), None)
    if joined is not None:
        outages, grown = _join(outages, joined, device_id, at=at)
        changes.append(grown)
    spot = best(outages, absent, joined=joined, crowd=crowd, at=at)
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
        return outages.without(incident), (change_of(Turn.CLOSED, moved, at=at, closed=True),)
    if incident.back_at is None and moved.is_mostly_back:
        moved = replace(moved, back_at=at)
        return outages.having(moved), (change_of(Turn.CHANGED, moved, at=at),)
    return outages.having(moved), (change_of(Turn.GREW, moved, at=at),)


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
            outages = outages.without(incident)
            lost = tuple(incident.silent)
            changes.append(replace(change_of(Turn.CLOSED, incident, at=at, closed=True), lost=lost))
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
    return absent.heard <= incident.opened_at or any(is_near(one, absent.since) for one in incident.silent.values())


def _join(outages: Outages, incident: Incident, device_id: DeviceId, *, at: datetime) -> tuple[Outages, IncidentChange]:
    absent = outages.alone[device_id]
    grown = replace(incident, silent=dict(incident.silent) | {device_id: absent}, back=incident.back - {device_id})
    if not grown.is_mostly_back:
        grown = replace(grown, back_at=None)
    alone = {name: one for name, one in outages.alone.items() if name != device_id}
    outages = replace(outages, alone=alone).having(grown)
    return outages, replace(change_of(Turn.GREW, grown, at=at), absorbed=(absent.alert_id,))


def _gather(outages: Outages, spot: Spot, *, crowd: Mapping[Spot, int], occasion: Occasion, at: datetime) -> Next:
    """Make one incident of all that is silent at a spot: a new one, or the oldest inside, which becomes as wide."""
    inside = [one for one in outages.incidents if has_lately(one, at) and is_inside(one, spot)]
    absorbed = {name: one for name, one in outages.alone.items() if spot in one.spots}
    lately = lately_of(outages, at)
    gone = gone_at(spot, lately)
    reason = Reason(
        _BECAUSE[rule_of(spot)],
        observed=float(gone),
        limit=float(least(spot, gone=gone, crowd=crowd)),
        cause=None,
        since=min((one.since for one in lately.values() if spot in one.spots), default=at),
    )
    for one in inside[1:]:
        outages = outages.without(one)
        absorbed |= one.silent
    alone = {name: one for name, one in outages.alone.items() if name not in absorbed}
    outages = replace(outages, alone=alone)
    came = frozenset[DeviceId]().union(*(one.back for one in inside))
    if inside:
        silent = dict(inside[0].silent) | absorbed
        whole = replace(inside[0], spot=spot, silent=silent, back=came - silent.keys(), back_at=None, why=(reason,))
        outages, turn = outages.having(whole), Turn.CHANGED
    else:
        name = IncidentId(alert_id(Family.SILENCE, replace(occasion, trigger=f"outage:{spot.scope}:{spot.place}")))
        whole = Incident(id=name, spot=spot, opened_at=at, silent=absorbed, why=(reason,))
        outages, turn = replace(outages, incidents=(*outages.incidents, whole)), Turn.OPENED
    alerts = tuple(one.alert_id for one in absorbed.values())
    merged = [replace(change_of(Turn.CLOSED, one, at=at, closed=True), into=whole.id) for one in inside[1:]]
    return outages, (replace(change_of(turn, whole, at=at), absorbed=alerts), *merged)


def _shifted(absent: Absent, gap: Gap) -> Absent:
    return replace(absent, since=gap.moved(absent.since))


_BECAUSE = {
    Outage.AREA: Because.AREA_SILENT,
    Outage.HOTEL: Because.HOTEL_SILENT,
    Outage.OWN: Because.NOT_BACK_AFTER_US,
}
