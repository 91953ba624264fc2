"""The incident: many silences with one cause, as staff see it."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from rules.alerts import Acknowledgment, Reason
from rules.ids import IncidentId


class Outage(StrEnum):
    """What is out: an area of the hotel, all of it, or ourselves, so that nobody was heard."""

    AREA = "outage.area"
    HOTEL = "outage.hotel"
    OWN = "outage.own"


class Scope(StrEnum):
    """What its tablets have in common, the narrowest first."""

    ACCESS_POINT = "access-point"
    ZONE = "zone"
    FLOOR = "floor"
    HOTEL = "hotel"
    OWN = "own"  # of the whole hotel: not heard since we began to listen again

    @property
    def width(self) -> int:
        return _WIDTH[self]


_WIDTH = {scope: width for width, scope in enumerate(Scope)}


class IncidentSnapshot(Struct, frozen=True, rename="camel", kw_only=True):
    """An incident, whole: over HTTP and in `incident.*` events.

    `place` is which access point, zone or floor is out. Of its `members`, `back` are heard again; at the end `lost` are
    those that did not return when the others did. `back_at`: since when most of them are back. `part_of`: the wider one
    that took its tablets over, which is why it is closed.
    """

    id: IncidentId
    rule: Outage
    scope: Scope
    place: str | None
    opened_at: datetime
    closed_at: datetime | None = None
    members: int
    back: int = 0
    lost: int = 0
    back_at: datetime | None = None
    part_of: IncidentId | None = None
    why: tuple[Reason, ...] = ()
    acknowledged: Acknowledgment | None = None
    revision: int = 1
