"""One tablet in memory: where it belongs, what is known of it, and what the watch waits for."""

from collections import deque
from datetime import datetime, timedelta

from msgspec import Struct

from rules.absence import Sample
from rules.clearance import InRoom
from rules.ids import DeviceId, HotelId, RoomId
from rules.messages import TokenEnd
from rules.policy import Assignment
from rules.snapshot import token_end_of
from rules.state import DeviceState
from store.records import DeviceKey

_AT_ONCE = timedelta(0)
_TAKES_EFFECT = timedelta(seconds=5)
"""What a tablet says so soon after it was shut out, it says by the connection that is about to be closed."""

PACE = timedelta(seconds=3)
"""Quicker than any tablet is to send heartbeats, which is every four seconds at most (`rules.policy`)."""

LATELY = 24
"""Heartbeats that are kept of a tablet: a minute of them, and a little more, at that pace."""


class Tablet:
    """One device in memory. The only mutable record of the bridge; changed after a commit, never before."""

    __slots__ = (
        "__weakref__",
        "assignment",
        "assignment_revision",
        "deadline",
        "gen",
        "heard_by_mqtt",
        "key",
        "lately",
        "shut_out_at",
        "state",
        "status_told",
    )

    def __init__(self, *, key: DeviceKey, assignment: Assignment, revision: int, state: DeviceState) -> None:
        self.key = key
        self.assignment = assignment
        self.assignment_revision = revision
        self.state = state
        self.gen = 1  # the generation that its tokens must have
        self.deadline: datetime | None = None  # what the watch waits for
        self.status_told: datetime | None = None  # when its status was last published
        self.lately: deque[Sample] = deque(maxlen=LATELY)  # what its last heartbeats said
        self.heard_by_mqtt = False  # since that was last noted (`device_bridge.contacts`)
        self.shut_out_at: datetime | None = None  # when its tokens were last voided, or its hotel suspended

    @property
    def hotel_id(self) -> HotelId:
        return self.assignment.hotel_id

    @property
    def device_id(self) -> DeviceId:
        return self.assignment.device_id

    @property
    def room_id(self) -> RoomId | None:
        return self.assignment.place.room_id

    @property
    def floor(self) -> str | None:
        return self.assignment.place.floor

    def remember(self, sample: Sample) -> None:
        """Keep what its last heartbeat said; of several alike that come too quickly, the first and the last."""
        lately = self.lately
        if len(lately) > 1:
            before, last = lately[-2], lately[-1]
            alike = sample.bssid == last.bssid and sample.plugged is last.plugged
            if alike and _AT_ONCE <= last.at - before.at < PACE:  # the clock may have been set back
                lately[-1] = sample
                return
        lately.append(sample)

    @property
    def in_room(self) -> InRoom:
        """As the desk asks for it."""
        return InRoom(self.device_id, self.state, self.assignment.policy)

    @property
    def is_kept_away(self) -> bool:
        """Whether we shut it out, it was not heard since, and that is not what is known of it yet."""
        deed, heard = self.shut_out_at, self.state.last_heard
        if deed is None or heard is None or heard > deed + _TAKES_EFFECT:
            return False
        return token_end_of(self.state) is not TokenEnd.REVOKED


class TokenDates(Struct, frozen=True):
    """When the newest token that was noted of a tablet was minted and ends; no end: all of them were voided."""

    issued_at: datetime | None
    expires_at: datetime | None
