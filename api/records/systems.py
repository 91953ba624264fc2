"""What a hotel's systems are answered, and what they and the desk see of a room."""

from typing import Literal

from msgspec import Struct

from rules.clearance import Clearance
from rules.ids import MessageId
from store.records.pms import ClearanceGiven


class TakenWord(Struct, frozen=True):
    """What a hotel's system said is on disk: what it is told by MQTT, in the same words.

    `duplicate`: it had been said before. `stale`: it is older than what its sender said of the room since, and changes
    nothing. What is refused is a problem, with the reason.
    """

    id: MessageId
    verdict: Literal["accepted"] = "accepted"
    duplicate: bool = False
    stale: bool = False


class ClearanceView(Struct, frozen=True, kw_only=True):
    """A room as it is at this moment, and what the desk was told at its last check-out."""

    now: Clearance
    given: ClearanceGiven | None
