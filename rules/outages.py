"""What is known of a hotel's silences, and what becomes of an incident: the records of `rules.outage`."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from rules.absence import Absent, Spot
from rules.alerts import Reason
from rules.ids import AlertId, DeviceId, IncidentId
from rules.incident import IncidentSnapshot, Outage, Scope

MISSING_SHARE: Final = 0.2
"""Of an incident's tablets, or one of however few: when no more are silent, what was out is back."""


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

    def having(self, incident: Incident) -> "Outages":
        """With an incident that is known already as it is now."""
        return replace(self, incidents=tuple(incident if one.id == incident.id else one for one in self.incidents))

    def without(self, incident: Incident) -> "Outages":
        return replace(self, incidents=tuple(one for one in self.incidents if one.id != incident.id))


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


CALM: Final = Outages()


def change_of(turn: Turn, incident: Incident, *, at: datetime, closed: bool = False) -> IncidentChange:
    """A turn of an incident, of which this is known now."""
    spot = incident.spot
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
