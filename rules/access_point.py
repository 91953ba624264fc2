"""breach.access-point: the tablet hangs on an access point that is not its room's.

The last three valid samples decide. The level rises to what all three say at least, once the tablet has been out for
`breach_min_span`; it falls to what all three say at most. So one odd sample never moves it, in either direction, and
roaming inside the room's own set never opens anything. A room whose set is unknown is not judged.
"""

from datetime import datetime

from rules.alerts import Because, Cause, Reason, Rule, Severity
from rules.memory import CALM_ACCESS_POINT, AccessPointMemory, Astray
from rules.policy import Place, Policy

SAMPLES = 3

_VERDICT = {
    Astray.MOVED: (Because.MOVED, Severity.MEDIUM),
    Astray.OUT_OF_ZONE: (Because.OUT_OF_ZONE, Severity.HIGH),
    Astray.FOREIGN: (Because.FOREIGN, Severity.CRITICAL),
}


def astray(bssid: str, place: Place) -> Astray | None:
    """How far from its room an access point is (lower case with colons); None: the room's own are not known."""
    if bssid in place.access_points:
        return Astray.HOME
    if not place.access_points:
        return None
    if bssid in place.neighbours:
        return Astray.MOVED
    return Astray.OUT_OF_ZONE if bssid in place.hotel_access_points else Astray.FOREIGN


def remember(memory: AccessPointMemory, where: Astray, *, policy: Policy, now: datetime) -> AccessPointMemory:
    """What is remembered after one more valid sample."""
    if memory is CALM_ACCESS_POINT and where is Astray.HOME:
        return memory
    recent = (memory.recent[1], memory.recent[2], where)
    out_since = None if where is Astray.HOME else memory.out_since or now
    level = memory.level
    if min(recent) > level and out_since is not None and now - out_since >= policy.breach_min_span:
        level = min(recent)
    elif max(recent) < level:
        level = max(recent)
    if level is Astray.HOME and recent == CALM_ACCESS_POINT.recent:
        return CALM_ACCESS_POINT
    return AccessPointMemory(recent=recent, out_since=out_since, level=level)


def eased(memory: AccessPointMemory, where: Astray | None) -> AccessPointMemory:
    """What is remembered where rooms have other access points now, and the last sample is this far astray; None: its
    room has none. Never more than before: how far the samples before it were is not known any more.
    """
    if where is None or where is Astray.HOME:
        return CALM_ACCESS_POINT
    recent = (min(memory.recent[0], where), min(memory.recent[1], where), min(memory.recent[2], where))
    level = min(memory.level, where)
    same = recent == memory.recent and level == memory.level
    return memory if same else AccessPointMemory(recent=recent, out_since=memory.out_since, level=level)


def cause(memory: AccessPointMemory, bssid: str | None, *, place: Place) -> Cause:
    """Why an access point elsewhere keeps the breach open."""
    because, severity = _VERDICT[memory.level]
    reason = Reason(because, observed=bssid, limit=_text(place.access_points), samples=SAMPLES, since=memory.out_since)
    if memory.level is Astray.FOREIGN and place.is_incomplete:
        doubt = Reason(Because.INVENTORY_INCOMPLETE, observed=bssid)
        return Cause(Rule.BREACH_ACCESS_POINT, Severity.HIGH, (reason, doubt))
    return Cause(Rule.BREACH_ACCESS_POINT, severity, (reason,))


def returned(bssid: str | None, *, place: Place) -> Reason:
    """Why it ended."""
    return Reason(Because.BACK_ON_OWN_ACCESS_POINT, observed=bssid, limit=_text(place.access_points), samples=SAMPLES)


def _text(bssids: frozenset[str]) -> str:
    return " ".join(sorted(bssids))
