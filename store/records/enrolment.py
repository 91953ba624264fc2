"""One-time codes for tablets."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from rules.ids import (
    DeviceId,
    EnrolmentId,
    RoomId,
)


class EnrolmentState(StrEnum):
    OPEN = "open"  # a tablet may take it
    WAITING = "waiting"  # one that is known has come with it, and waits for somebody's yes
    APPROVED = "approved"  # that one may take it now
    USED = "used"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Enrolment(Struct, frozen=True, rename="camel", kw_only=True):
    """A one-time code for a tablet of a room; the code itself is nowhere.

    `device_id`: for this tablet alone. `again`: one that is known may take it too, which voids the tokens it had.
    `wanted_device_id` is a known one that came with a code that does not say so. `enrolled_device_id` used it.
    """

    id: EnrolmentId
    room_id: RoomId
    device_id: DeviceId | None
    again: bool
    created_by: str
    created_at: datetime
    expires_at: datetime
    wanted_device_id: DeviceId | None = None
    wanted_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    withdrawn_at: datetime | None = None
    used_at: datetime | None = None
    enrolled_device_id: DeviceId | None = None

    def state(self, now: datetime) -> EnrolmentState:
        if self.used_at is not None:
            return EnrolmentState.USED
        if self.withdrawn_at is not None:
            return EnrolmentState.WITHDRAWN
        if self.expires_at <= now:
            return EnrolmentState.EXPIRED
        if self.approved_at is not None:
            return EnrolmentState.APPROVED
        return EnrolmentState.OPEN if self.wanted_at is None else EnrolmentState.WAITING
