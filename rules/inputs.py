"""Every input of the rules as it is stored, so that history can be judged again from its rows alone (docs/adr/0039).

Whoever writes a row and whoever reads it agree here on what is in it. The body of a device's message is the JSON as it
came; the bodies of our own rows are the records below, as JSON.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from rules.alerts import Reason
from rules.ids import DeviceId, MessageId, RoomId
from rules.messages import DeviceMessage, Heartbeat, Link, Report, Result, State, TokenEnd, TokenEnded
from rules.policy import NO_CHANGES, Policy, PolicyChanges, Profile, Window
from rules.room_status import RoomStatus
from rules.state import DeviceState


class InputKind(StrEnum):
    """Every input of the rules, in one order per hotel (the row's), so that history can be replayed."""

    HEARTBEAT = "heartbeat"
    REPORT = "report"
    STATE = "state"
    LOST = "lost"  # the will; id `lost-{sid}`: one sid is lost once
    EXPIRED = "expired"  # the connection ended because its token did; id `expired:{ms}`
    REVOKED = "revoked"  # the same by our own deed; id `revoked:{ms}`
    RESULT = "result"
    DEADLINE = "deadline"  # passed with nothing heard; id `deadline:{µs of the deadline}:{µs of the look}`
    INVENTORY = "inventory"  # from here on the hotel has these rooms; of the whole hotel; id `inventory:{revision}`
    ASSIGNMENT = "assignment"  # from here on the device has this room and policy; id `assignment:{revision}`
    #   or a token of these dates; id `token:{µs of its making}:{µs of its end}`
    #   or was retired; id `removed:{µs}`
    #   or a tablet with which it is swapped; id `partner:{µs}`
    #   or did not return when the others of an outage did; id `left:{µs}`
    #   or is judged anew by what people have decided since; id `review:{revision}`
    WATCHING = "watching"  # the bridge began to listen; of the whole hotel; id `watching:{ms}`
    PMS = "pms"  # what a hotel's system said of a room; of the whole hotel; id `pms:{integrator}:{its id}`
    DEED = "deed"  # what a person did that the rules have to know; id `deed:{what}:{µs}`
    CHECKPOINT = "checkpoint"  # a device's whole state, from which a replay may begin; id `checkpoint:{µs}`;
    #   before those of a hotel's devices one of the whole hotel


class StoredInput(Struct, frozen=True, gc=False):
    """One row. `device` and `device_id` are None for an input of the whole hotel; `at` is the time of receipt.

    `device` is its number in the store, which it keeps when it gets another id; `device_id` is the one that it has
    now. `ts` is the device's clock; of a deadline, the deadline itself.
    """

    row: int
    device: int | None
    device_id: DeviceId | None
    kind: InputKind
    name: MessageId
    at: datetime
    ts: datetime | None
    late: bool
    body: bytes


class AssignmentRecord(Struct, frozen=True, rename="camel"):
    """From here on the tablet has this id, this room and this policy."""

    revision: int
    room_id: RoomId | None
    policy: Policy
    device_id: DeviceId | None = None  # None: it was stored before this was said, and the tablet has it still
    added_at: datetime | None = None


class RoomRecord(Struct, frozen=True, rename="camel", kw_only=True):
    """What the rules need to know of a room. Access points are lower case with colons."""

    id: RoomId
    floor: str | None = None
    access_points: tuple[str, ...] = ()
    rssi_floor: float | None = None
    profile: Profile | None = None
    zone: str | None = None
    policy: PolicyChanges = NO_CHANGES


NOTHING_KNOWN: Final[Mapping[RoomId, RoomStatus]] = {}


class InventoryRecord(Struct, frozen=True, rename="camel"):
    """From here on the hotel has these rooms, and these maintenance windows."""

    revision: int
    profile: Profile
    rooms: tuple[RoomRecord, ...]
    timezone: str = "UTC"
    windows: tuple[Window, ...] = ()
    statuses: Mapping[RoomId, RoomStatus] = NOTHING_KNOWN  # of the rooms of which the hotel's systems said anything
    learned: tuple[str, ...] = ()  # access points that its tablets were heard on in their rooms
    confirmed: tuple[str, ...] = ()  # those of them that a person knows to be the hotel's


class DeadlineRecord(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a passed deadline was judged by besides the state: when our own broker last had a packet of the device.

    `apart`: that the device moved in its last minute, as far as its heartbeats said (`rules.absence`).
    """

    alive_at: datetime | None = None
    apart: Reason | None = None


class LeftRecord(Struct, frozen=True, rename="camel"):
    """The others of an outage are back, and this device is not (`rules.outage.left_behind`)."""

    reason: Reason


class ReviewRecord(Struct, frozen=True, rename="camel"):
    """From here on what is open is judged by the assignment as it is now (`rules.review`), of this revision of the
    hotel; `was` is the policy until then, None: not known. `moved`: its place has changed, too.
    """

    revision: int
    was: Policy | None
    moved: bool


class PartnerRecord(Struct, frozen=True, rename="camel"):
    """From here on two tablets are known to be where the other belongs (`rules.room_fit.paired`); None: no more."""

    device_id: DeviceId | None
    leads: bool


class Asked(Struct, frozen=True):
    """By which message of its own a tablet asked for its token: that was a sign of life."""

    id: MessageId
    sid: str | None


class TokenRecord(Struct, frozen=True, rename="camel", omit_defaults=True):
    """The dates of the newest token that was noted of a tablet; none: all of them were voided."""

    issued_at: datetime | None
    expires_at: datetime | None
    asked: Asked | None = None


class HotelCheckpoint(Struct, frozen=True, rename="camel"):
    """What a hotel's devices are judged by at this moment. Their own checkpoints follow it."""

    inventory: InventoryRecord
    watching_since: datetime


class DeviceCheckpoint(Struct, frozen=True, rename="camel"):
    """A device, whole, as of this row."""

    assignment: AssignmentRecord
    state: DeviceState


class _Will(Struct):
    """All that a will says (contract, "Payloads"): its id and its time are the row's."""

    sid: str | None = None


_report = msgspec.json.Decoder(Report)
_state = msgspec.json.Decoder(State)
_result = msgspec.json.Decoder(Result)
_will = msgspec.json.Decoder(_Will)
heartbeat_of: Final = msgspec.json.Decoder(Heartbeat).decode
"""From the body of a heartbeat's row; raises as `message_of` does."""

UNREADABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What reading a body may raise: one that no release of ours has stored."""

TOKEN: Final = "token:"  # noqa: S105 - how the name of a row begins that holds a TokenRecord
REMOVED: Final = "removed:"
"""How the name of a row begins from which on a tablet is nobody's: it was retired, and whatever was open has ended."""
PARTNER: Final = "partner:"
"""How the name of a row begins that holds a PartnerRecord."""
LEFT: Final = "left:"
"""How the name of a row begins that holds a LeftRecord."""
REVIEW: Final = "review:"
"""How the name of a row begins that holds a ReviewRecord."""


def message_of(row: StoredInput) -> DeviceMessage:
    """The message of a device in a row, as the bridge judged it. Raises one of UNREADABLE; KeyError: it has none."""
    kind = row.kind
    if kind is InputKind.HEARTBEAT:
        return heartbeat_of(row.body)
    if kind is InputKind.STATE:
        return _state.decode(row.body)
    if kind is InputKind.REPORT:
        return _report.decode(row.body)
    if kind is InputKind.LOST:
        return State(id=row.name, ts=row.at, sid=_will.decode(row.body).sid, state=Link.LOST)
    if kind is InputKind.RESULT:
        return _result.decode(row.body)
    return TokenEnded(id=row.name, ts=row.ts or row.at, cause=_ENDS[kind])


_ENDS: Final = {InputKind.EXPIRED: TokenEnd.EXPIRED, InputKind.REVOKED: TokenEnd.REVOKED}
