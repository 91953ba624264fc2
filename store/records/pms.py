"""What a hotel's systems said, and what the desk was told, as it goes on the wire."""

from msgspec import Struct

from rules.clearance import Clearance
from rules.ids import IntegratorName, RoomId


class PmsTold(Struct, frozen=True, rename="camel"):
    """The data of pms.received: of which room something was said, and by whom.

    Everybody who reads events reads it, so it says neither what nor what came of it: who may know asks for the room.
    """

    room_id: RoomId
    by: IntegratorName


class ClearanceGiven(Struct, frozen=True, rename="camel"):
    """What the desk was told at a check-out, and which system told us of that."""

    asked_by: IntegratorName
    clearance: Clearance
