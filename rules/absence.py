"""A tablet that fell silent: where that was, and whether it moved before, so that no outage explains it.

"Its last minute" is told by its heartbeats of that time, which the state does not hold: whoever keeps them gives them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from rules import silence
from rules.access_point import astray
from rules.alarm import Occasion
from rules.alerts import Because, ChangeKind, Family, Reason
from rules.ids import AlertId
from rules.incident import Scope
from rules.memory import Astray
from rules.policy import Assignment, Profile
from rules.state import DeviceState, LinkState, Verdict

LAST_MINUTE: Final = timedelta(seconds=60)
FALL: Final = 15.0
"""dB that a signal falls when somebody carries the tablet off."""

_WAIT: Final = {Profile.STRICT: timedelta(seconds=5), Profile.NORMAL: timedelta(seconds=20)}


class Spot(NamedTuple):
    """Something that may fail at once for all that are there. Of the hotel, no place."""

    scope: Scope
    place: str = ""


class Absent(Struct, frozen=True):
    """A tablet that fell silent: since when (as judged), when it was last heard, and where, the narrowest first."""

    alert_id: AlertId
    since: datetime
    heard: datetime
    spots: tuple[Spot, ...]


class Sample(Struct, frozen=True, gc=False):
    """What one heartbeat of the last minute said."""

    at: datetime
    rssi: float | None
    plugged: bool | None  # `rules.power.is_plugged`
    bssid: str | None = None  # in normal form


def wait_of(assignment: Assignment) -> timedelta:
    """How long the notice of a silence waits for others that may have the same cause."""
    return _WAIT[assignment.policy.profile]


def is_online(state: DeviceState) -> bool:
    """Whether a tablet counts among those online: it is, or its connection broke and nothing is made of that yet."""
    return state.link is LinkState.ONLINE or (state.link is LinkState.SILENT and state.silence.silent is None)


def is_absent(state: DeviceState) -> bool:
    """Whether an alert says that it is silent. A person may have resolved it: then nobody waits for the tablet."""
    alert = state.alerts.get(Family.SILENCE)
    return alert is not None and alert.dismissed is None and state.silence.silent is not None


def spots_of(state: DeviceState, assignment: Assignment) -> tuple[Spot, ...]:
    """Where a tablet is, or was when it was last heard; the narrowest first, the hotel last."""
    place = assignment.place
    found = (
        (Scope.ACCESS_POINT, state.bssid),
        (Scope.ZONE, place.zone),
        (Scope.FLOOR, place.floor),
    )
    return (*(Spot(scope, name) for scope, name in found if name), Spot(Scope.HOTEL))


def absent_of(state: DeviceState, assignment: Assignment, *, watching_since: datetime) -> Absent | None:
    """The silence of a tablet that an outage may explain; None: it is not silent, or stands apart."""
    memory = state.silence
    if not is_absent(state) or memory.silent_since is None or memory.told is not None or memory.apart is not None:
        return None
    heard = state.last_heard or memory.silent_since
    spots = spots_of(state, assignment)
    if heard < watching_since:
        spots = (*spots, Spot(Scope.OWN, watching_since.isoformat()))
    return Absent(state.alerts[Family.SILENCE].id, memory.silent_since, heard, spots)


def why_apart(state: DeviceState, lately: Sequence[Sample], *, assignment: Assignment) -> Reason | None:
    """What says that a tablet moved in its last minute, before it fell silent; `lately` in order of time."""
    heard = state.last_heard
    if heard is None:
        return None
    minute = [sample for sample in lately if heard - LAST_MINUTE <= sample.at <= heard]
    fall, at = _fall(minute)
    if fall >= FALL:
        return Reason(Because.SIGNAL_FELL, observed=fall, limit=FALL, since=at)
    if state.bssid is not None and astray(state.bssid, assignment.place) is Astray.FOREIGN:
        own = " ".join(sorted(assignment.place.access_points))
        return Reason(Because.FOREIGN, observed=state.bssid, limit=own)
    plugged = [(sample.plugged, sample.at) for sample in minute if sample.plugged is not None]
    if plugged and not plugged[-1][0]:
        since = max((at for on_dock, at in plugged if on_dock), default=None)
        if since is not None:
            return Reason(Because.UNPLUGGED, since=since)
    return None


def _fall(samples: Sequence[Sample]) -> tuple[float, datetime | None]:
    """How far the signal of one access point fell, and since when; of several, of the one where it fell furthest.

    Another access point is weaker or stronger for whoever stays where they are. One that is not named is the last.
    """
    heard: dict[str | None, list[tuple[float, datetime]]] = {}
    bssid = None
    for sample in samples:
        bssid = sample.bssid or bssid
        if sample.rssi is not None:
            heard.setdefault(bssid, []).append((sample.rssi, sample.at))
    falls = [(strongest - signals[-1][0], at) for signals in heard.values() for strongest, at in [max(signals)]]
    return max(falls, default=(0.0, None))


def set_apart(verdict: Verdict, reason: Reason, *, occasion: Occasion) -> Verdict:
    state, change = silence.set_apart(verdict.state, reason, occasion=occasion)
    if change is None:
        return replace(verdict, state=state)
    changes = tuple(
        replace(made, alert=change.alert, why=change.why)
        if made.alert.family is Family.SILENCE and made.kind is not ChangeKind.CLEARED
        else made
        for made in verdict.changes
    )
    return replace(verdict, state=state, changes=changes)
