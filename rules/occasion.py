"""What is being judged, and the name that an alert has which opens on it."""

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from msgspec import Struct

from rules.alerts import Family
from rules.ids import AlertId
from rules.policy import Assignment

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MILLISECOND: Final = timedelta(milliseconds=1)


class Occasion(Struct, frozen=True):
    """What is being judged: the device, the id of the message (or the deadline's name), and when."""

    assignment: Assignment
    trigger: str
    at: datetime


def alert_id(family: Family, occasion: Occasion) -> AlertId:
    """The id of the alert that `occasion` opens: shaped like a ULID, and the same whenever history is judged again."""
    assignment = occasion.assignment
    name = f"{assignment.hotel_id}/{assignment.device_id}/{family}/{occasion.trigger}"
    chance = int.from_bytes(blake2b(name.encode(), digest_size=10).digest(), "big")
    number = (occasion.at - _EPOCH) // _MILLISECOND << 80 | chance
    return AlertId("".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)))
