"""The names that things go by, on the wire and in the store."""

import re
from typing import NewType

HotelId = NewType("HotelId", str)
RoomId = NewType("RoomId", str)
DeviceId = NewType("DeviceId", str)
UserName = NewType("UserName", str)
IntegratorName = NewType("IntegratorName", str)
AlertId = NewType("AlertId", str)
IncidentId = NewType("IncidentId", str)
CommandId = NewType("CommandId", str)
MessageId = NewType("MessageId", str)
EnrolmentId = NewType("EnrolmentId", str)
WindowId = NewType("WindowId", str)
ReplayId = NewType("ReplayId", str)

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

NO_ID = "is no id: 1 to 64 letters, digits, '-' and '_', and not '_' alone"


def is_id(text: str) -> bool:
    """Whether `text` may name a hotel, room, device, person, integrator or message (contract, head).

    `_` alone is reserved: it stands for "no hotel" in subjects and topics.
    """
    return _ID.fullmatch(text) is not None and text != "_"
