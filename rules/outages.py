"""What is known of a hotel's silences, and what becomes of an incident: the records of `rules.outage`."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from rules.absence import Absent, Spot
from rules.alerts import Reason
from rules.gap import Gap
from rules.ids import AlertId, DeviceId, IncidentId
from rules.incident import IncidentSnapshot, Outage, Scope
from rules.silences import Silences

MISSING_SHARE: Final = 0.2
"""Of an incident's tablets, or one of however few: when no more are silent, what was out is back."""


class Incident(Struct, kw_only=True, eq=False):
    """An outage that lasts; changed in place, as `Silences` are.

    Its members are `silent`, `back`, or `excused`: nobody waits for those any more, because a person resolved their
    silence or they were removed, which says nothing of what is out. `half_at` and `back_at`: since when half and most
    of those that are waited for are back. `told_at`: when people last heard that it is out.
    """

    id: IncidentId
    spot: Spot
    opened_at: datetime
    told_at: datetime
    silent: Silences
    back: set[DeviceId] = set()
    excused: set[DeviceId] = set()
    half_at: datetime | None = None
    back_at: datetime | None = None
    why: tuple[Reason, ...] = ()

    @property
    def members(self) -> int:
        return len(self.silent) + len(self.back) + len(self.excused)

    @property
    def is_mostly_back(self) -> bool:
        waited_for = len(self.silent) + len(self.back)
        return bool(self.back) and len(self.silent) <= max(1.0, MISSING_SHARE * waited_for)

    @property
    def is_half_back(self) -> bool:
        return bool(self.back) and len(self.silent) <= len(self.back)

    def count(self, at: datetime) -> None:
        """Take note of how many are back, after one came or went."""
        self.half_at = (self.half_at or at) if self.is_half_back else None
        self.back_at = (self.back_at or at) if self.is_mostly_back else None

    def shift(self, gap: Gap) -> None:
        """Move every clock by the time in which we heard nobody; what people read stays as it was."""
        self.silent = self.silent.shifted(gap)
        self.told_at = gap.moved(self.told_at)
        self.half_at = None if self.half_at is None else gap.moved(self.half_at)
        self.back_at = None if self.back_at is None else gap.moved(self.back_at)

    def copy(self) -> "Incident":
        return Incident(
            id=self.id,
            spot=self.spot,
            opened_at=self.opened_at,
            told_at=self.told_at,
            silent=self.silent.copy(),
            back=set(self.back),
            excused=set(self.excused),
            half_at=self.half_at,
            back_at=self.back_at,
            why=self.why,
        )


class Outages:
    """Of one hotel: the silences that nothing explains yet, and the outages that last, the oldest first.

    `lately` are all of them together.
    """

    def __init__(self, alone: Silences | None = None, incidents: Iterable[Incident] = ()) -> None:
        self.alone = Silences() if alone is None else alone
        self.incidents = list(incidents)
        self.lately = self.alone.copy()
        for incident in self.incidents:
            for device_id, one in incident.silent.items():
                self.lately.add(device_id, one)

    def __bool__(self) -> bool:
        return bool(self.lately or self.incidents)

    def copy(self) -> "Outages":
        """What the one is told of changes nothing of the other."""
        twin = Outages()
        twin.alone, twin.lately = self.alone.copy(), self.lately.copy()
        twin.incidents = [incident.copy() for incident in self.incidents]
        return twin

    def incident_of(self, device_id: DeviceId) -> IncidentId | None:
        """The incident that speaks for this tablet's silence."""
        incident = self.silent_in(device_id)
        return None if incident is None else incident.id

    def silent_in(self, device_id: DeviceId) -> Incident | None:
        return next((incident for incident in self.incidents if device_id in incident.silent), None)

    def add(self, device_id: DeviceId, absent: Absent) -> None:
        """One more silence that nothing explains yet. Of those before it, what began too long ago explains none."""
        for name in self.alone.long_before(absent.since):
            self.alone.remove(name)
            self.lately.remove(name)
        self.alone.add(device_id, absent)
        self.lately.add(device_id, absent)

    def shift(self, gap: Gap) -> None:
        """Move every clock by the time in which we heard nobody."""
        self.alone, self.lately = self.alone.shifted(gap), self.lately.shifted(gap)
        for incident in self.incidents:
            incident.shift(gap)

    def end(self, incident: Incident) -> None:
        """It is over: who is silent still is so by itself."""
        self.incidents.remove(incident)
        for device_id in incident.silent:
            self.lately.remove(device_id)


class Turn(StrEnum):
    """What became of an incident."""

    OPENED = "opened"
    GREW = "grew"  # more members, or more of them back: no notice
    CHANGED = "changed"  # another place, or what was out is back
    LASTS = "lasts"  # it is out still, and people are told so again
    CLOSED = "closed"


class IncidentChange(Struct, frozen=True, kw_only=True):
    """One turn of an incident, with all that is known of it then (but for its revision and what people said).

    `absorbed`: the alerts for which it speaks from now on. `lost`: the tablets for which it does no longer, although
    they are still silent, and `left` what is said of them. `into`: it is closed because it was part of this one.
    """

    turn: Turn
    incident: IncidentSnapshot
    at: datetime
    absorbed: tuple[AlertId, ...] = ()
    lost: tuple[DeviceId, ...] = ()
    left: Reason | None = None
    into: IncidentId | None = None


def change_of(turn: Turn, incident: Incident, *, at: datetime) -> IncidentChange:
    """A turn of an incident, of which this is known now."""
    spot, closed = incident.spot, turn is Turn.CLOSED
    wide = spot.scope in (Scope.HOTEL, Scope.OWN)
    snapshot = IncidentSnapshot(
        id=incident.id,
        rule=rule_of(spot),
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


_RULES = {Scope.HOTEL: Outage.HOTEL, Scope.OWN: Outage.OWN}


def rule_of(spot: Spot) -> Outage:
    """What is out, by the name that staff know."""
    return _RULES.get(spot.scope, Outage.AREA)
