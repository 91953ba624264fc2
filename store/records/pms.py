"""What a hotel's systems said, and what the desk was told, as it goes on the wire."""

from msgspec import Struct

from rules.clearance import Clearance
from rules.ids import IntegratorName, RoomId
from rules.room_state import RoomSaid
from rules.room_status import PmsKind, RoomWord


class RoomTold(Struct, frozen=True, rename="camel"):
    """A room that a message changed, and what is known of it since."""

    room_id: RoomId
    status: RoomSaid


class PmsTold(Struct, frozen=True, rename="camel", kw_only=True):
    """The data of pms.received. `rooms` is empty for a message that was older than what its sender had said."""

    kind: PmsKind
    by: IntegratorName
    room_id: RoomId
    to_room_id: RoomId | None
    status: RoomWord | None
    rooms: tuple[RoomTold, ...]
    clearance: Clearance | None


class ClearanceGiven(Struct, frozen=True, rename="camel"):
    """What the desk was told at a check-out, and which system told us of that."""

    asked_by: IntegratorName
    clearance: Clearance
