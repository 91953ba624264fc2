"""Outages: many silences, one cause. Which incidents open, grow and widen, and when who did not return is split out.

Of one hotel at a time: `Outages` is what is known of its silences. Each function changes it and says what became of
incidents. They are told of each silence and each return in the order of the inputs, so that history judged again gives
the same incidents. Alerts are not touched here, but for the one that is split out (`left_behind`): what an incident
changes is who is told.

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
from rules.extent import best, inside, least
from rules.ids import DeviceId, IncidentId
from rules.incident import Outage
from rules.occasion import Occasion, alert_id
from rules.outages import Incident, IncidentChange, Outages, Turn, change_of, rule_of
from rules.silences import Silences
from rules.state import DeviceState, Verdict

__all__ = [
    "TOLD_AGAIN",
    "Incident",
    "IncidentChange",
    "Outages",
    "Turn",
    "deadline",
    "follow",
    "left_behind",
    "pass_deadline",
    "without_strangers",
]

RETURN_WITHIN: Final = timedelta(minutes=3)
"""Who is not back so long after most of them has another reason."""

STALLS_WITHIN: Final = timedelta(minutes=15)
"""Likewise, after half of them: what works for one tablet in two is no longer why the other is silent."""

TOLD_AGAIN: Final = timedelta(minutes=60)
"""While more than half are silent, people are reminded so often that nobody watches those tablets."""

Changes = tuple[IncidentChange, ...]


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
) -> Changes:
    """After any verdict about a tablet; most change nothing here. `crowd` is asked where a silence is new."""
    device_id = occasion.assignment.device_id
    if before.silence.silent is not None and after.silence.silent is None:
        return _came_back(outages, device_id, at=occasion.at)
    was, now = is_absent(before), is_absent(after)
    if was and not now:
        return _excuse(outages, device_id, at=occasion.at)
    if was or not now:
        return ()
    absent = absent_of(after, occasion.assignment, watching_since=watching_since)
    if absent is None:
        return ()
    return _fell_silent(outages, device_id, absent, crowd=crowd(), occasion=occasion)


def deadline(outages: Outages, *, watching_since: datetime, grace: timedelta) -> datetime | None:
    """When the next incident is split, or told again; after we began to listen, none is split before everybody had the
    time to be heard.
    """
    dues = (_due(incident, watching_since=watching_since, grace=grace) for incident in outages.incidents)
    return min(dues, default=None)


def pass_deadline(outages: Outages, *, watching_since: datetime, grace: timedelta, at: datetime) -> Changes:
    """What comes of the incidents whose deadline has come by `at`, which is the first of them.

    Where most are back, or half of them long enough, who is silent still is lost. Where nobody is waited for any more,
    that is its end. Else people are told that it lasts.
    """
    due = [one for one in outages.incidents if _due(one, watching_since=watching_since, grace=grace) <= at]
    return tuple(_pass(outages, one, at=at) for one in due)


def without_strangers(outages: Outages, is_known: Callable[[DeviceId], bool], *, at: datetime) -> Changes:
    """Without the tablets that were removed while an incident waited for them."""
    gone = [name for incident in outages.incidents for name in incident.silent if not is_known(name)]
    return tuple(change for name in gone for change in _excuse(outages, name, at=at))


def _fell_silent(
    outages: Outages, device_id: DeviceId, absent: Absent, *, crowd: Mapping[Spot, int], occasion: Occasion
) -> Changes:
    """After one more silence. `crowd` is how many are online now at each spot of the hotel."""
    at = absent.since
    outages.add(device_id, absent)
    changes: Changes = ()
    joined = next((one for one in outages.incidents if _explains(one, device_id, absent)), None)
    if joined is not None:
        outages.alone.remove(device_id)
        changes = (_join(joined, device_id, absent, at=at),)
    spot = best(outages, absent, joined=joined, crowd=crowd, at=at)
    if spot is None:
        return changes
    return (*changes, *_gather(outages, spot, crowd=crowd, occasion=occasion, at=at))


def _came_back(outages: Outages, device_id: DeviceId, *, at: datetime) -> Changes:
    """After a tablet was heard again, also one that nobody waits for any more: what is out for others works for it."""
    outages.alone.remove(device_id)
    outages.lately.remove(device_id)
    incident = outages.silent_in(device_id)
    if incident is None:
        incident = next((one for one in outages.incidents if device_id in one.excused), None)
    if incident is None:
        return ()
    was_back = incident.back_at is not None
    incident.silent.remove(device_id)
    incident.excused.discard(device_id)
    incident.back.add(device_id)
    incident.count(at)
    if not incident.silent:
        outages.end(incident)
        return (change_of(Turn.CLOSED, incident, at=at),)
    turned = incident.back_at is not None and not was_back
    return (change_of(Turn.CHANGED if turned else Turn.GREW, incident, at=at),)


def _excuse(outages: Outages, device_id: DeviceId, *, at: datetime) -> Changes:
    """After somebody resolved its silence, or removed it: nobody waits for it, and it says nothing of the others."""
    outages.alone.remove(device_id)
    outages.lately.remove(device_id)
    incident = outages.silent_in(device_id)
    if incident is None:
        return ()
    incident.silent.remove(device_id)
    incident.excused.add(device_id)
    incident.count(at)
    if not incident.silent:
        outages.end(incident)
        return (change_of(Turn.CLOSED, incident, at=at),)
    return (change_of(Turn.GREW, incident, at=at),)


def _due(incident: Incident, *, watching_since: datetime, grace: timedelta) -> datetime:
    since, wait = incident.back_at, RETURN_WITHIN
    if since is None:
        since, wait = incident.half_at, STALLS_WITHIN
    if since is None:
        return incident.told_at + TOLD_AGAIN
    return max(since + wait, watching_since + grace)


def _pass(outages: Outages, incident: Incident, *, at: datetime) -> IncidentChange:
    if not incident.silent:  # its last were resolved or heard while the bridge was not there
        outages.end(incident)
        return change_of(Turn.CLOSED, incident, at=at)
    return _split(outages, incident, at=at) if incident.half_at else _tell_again(incident, at=at)


def _split(outages: Outages, incident: Incident, *, at: datetime) -> IncidentChange:
    outages.end(incident)
    since, wait = incident.back_at, RETURN_WITHIN
    if since is None:
        since, wait = incident.half_at, STALLS_WITHIN
    waited = None if since is None else (at - since).total_seconds()
    left = Reason(Because.DID_NOT_RETURN, observed=waited, limit=wait.total_seconds(), since=since)
    return replace(change_of(Turn.CLOSED, incident, at=at), lost=tuple(incident.silent), left=left)


def _tell_again(incident: Incident, *, at: datetime) -> IncidentChange:
    lasted_s = (at - incident.opened_at).total_seconds()
    still = Reason(Because.STILL_FIRING, observed=lasted_s, limit=TOLD_AGAIN.total_seconds(), since=incident.opened_at)
    incident.told_at = at
    incident.why = (*(reason for reason in incident.why if reason.because is not Because.STILL_FIRING), still)
    return change_of(Turn.LASTS, incident, at=at)


def _explains(incident: Incident, device_id: DeviceId, absent: Absent) -> bool:
    """Whether an outage that lasts is why this tablet is silent too.

    What is out is still out, and the tablet was not heard since it went out, or goes with the others; or it was part of
    it and is gone again while all the others return, which is asked once more when they have. One that was heard there
    in between, on what works again for it, has another reason.
    """
    if incident.back_at is not None:
        return device_id in incident.back or device_id in incident.excused
    if incident.spot not in absent.spots:
        return False
    return absent.heard <= incident.opened_at or bool(incident.silent.near(absent.since))


def _join(incident: Incident, device_id: DeviceId, absent: Absent, *, at: datetime) -> IncidentChange:
    incident.silent.add(device_id, absent)
    incident.back.discard(device_id)
    incident.excused.discard(device_id)
    incident.count(at)
    return replace(change_of(Turn.GREW, incident, at=at), absorbed=(absent.alert_id,))


def _gather(outages: Outages, spot: Spot, *, crowd: Mapping[Spot, int], occasion: Occasion, at: datetime) -> Changes:
    """Make one incident of all that is silent at a spot: a new one, or the oldest inside, which becomes as wide.

    Nothing, where others that are no part of it speak for all of them already.
    """
    absorbed = dict(outages.alone.there(spot))
    parts = inside(outages, spot, at=at)
    if not parts and not absorbed:
        return ()
    gone = outages.lately.near(at, spot)
    why = Reason(
        _BECAUSE[rule_of(spot)],
        observed=float(gone),
        limit=float(least(spot, gone=gone, crowd=crowd)),
        since=outages.lately.began(at, spot) or at,
    )
    if parts:
        whole, turn = parts[0], Turn.CHANGED
    else:
        name = IncidentId(alert_id(Family.SILENCE, replace(occasion, trigger=f"outage:{spot.scope}:{spot.place}")))
        whole, turn = Incident(id=name, spot=spot, opened_at=at, told_at=at, silent=Silences()), Turn.OPENED
        outages.incidents.append(whole)
    ended = []
    for part in parts[1:]:
        outages.incidents.remove(part)
        ended.append(replace(change_of(Turn.CLOSED, part, at=at), into=whole.id))
        absorbed |= dict(part.silent.items())
        whole.back |= part.back
        whole.excused |= part.excused
    for device_id, absent in absorbed.items():
        outages.alone.remove(device_id)
        whole.silent.add(device_id, absent)
    whole.back.difference_update(whole.silent)
    whole.excused.difference_update(whole.silent)
    whole.spot, whole.told_at, whole.why = spot, at, (why,)
    whole.half_at, whole.back_at = at if whole.is_half_back else None, None
    alerts = tuple(one.alert_id for one in absorbed.values())
    return (replace(change_of(turn, whole, at=at), absorbed=alerts), *ended)


_BECAUSE = {
    Outage.AREA: Because.AREA_SILENT,
    Outage.HOTEL: Because.HOTEL_SILENT,
    Outage.OWN: Because.NOT_BACK_AFTER_US,
}
