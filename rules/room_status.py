"""What a hotel's own systems say of its rooms, and what is known of a room after that.

Pure, and the same for who judges now and who replays. The receive time counts, as for tablets; the sender's own clock
only tells which of two messages of one system is the older, so that one that was held up changes nothing any more.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from rules.ids import NO_ID, IntegratorName, MessageId, RoomId, is_id
from rules.messages import Aware, ShortText

DEPARTING_AT_MOST: Final = timedelta(hours=12)
"""After the time of departure: a check-out of which nobody told us must not raise alarms for days."""

HOUSEKEEPING_AT_MOST: Final = timedelta(hours=2)
"""Whoever cleans a room may forget to say that it is done."""


CLOCKS_APART: Final = timedelta(days=1)
"""A system whose clock is further off says so to nobody, and its words could not be put in order."""

LONGEST_STAY: Final = timedelta(days=1000)


LONGEST_NAME: Final = 64
"""Of an input, in the store."""


class PmsKind(StrEnum):
    CHECKIN = "checkin"
    CHECKOUT = "checkout"
    MOVE = "move"
    ROOM_STATUS = "room-status"


class RoomWord(StrEnum):
    """What `status` of a `room-status` may say."""

    OCCUPIED = "occupied"
    VACANT = "vacant"
    DEPARTING = "departing"  # at `departsAt`, or any moment now
    OUT_OF_ORDER = "out-of-order"
    MAINTENANCE = "maintenance"
    IN_SERVICE = "in-service"  # the end of the two above
    HOUSEKEEPING = "housekeeping"  # somebody of the hotel is in the room
    HOUSEKEEPING_DONE = "housekeeping-done"


class PmsMessage(Struct, frozen=True, rename="camel", kw_only=True):
    """What we take of a hotel system's message: no other field of it is ever kept.

    `id` and rooms are held to what ids are, `status` to RoomWord, by whoever decodes it. `departs_at` is of `checkin`,
    `move` and `room-status`; `to_room_id` of `move` alone. `hotel_id`, where it is given, must be the sender's.
    """

    id: MessageId
    room_id: RoomId
    ts: Aware
    stay_ref: ShortText | None = None
    to_room_id: RoomId | None = None
    status: Annotated[str, Meta(max_length=64)] | None = None
    departs_at: Aware | None = None
    hotel_id: ShortText | None = None

    def __repr__(self) -> str:
        return f"PmsMessage({self.id!r}, {self.room_id!r})"


class PmsRecord(Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """The same as it is stored, among the inputs of the rules: `stay_ref` is sealed, `by` is who sent it."""

    by: IntegratorName
    kind: PmsKind
    room_id: RoomId
    ts: datetime
    stay_ref: str | None = None
    to_room_id: RoomId | None = None
    status: RoomWord | None = None
    departs_at: datetime | None = None

    @property
    def rooms(self) -> tuple[RoomId, ...]:
        return (self.room_id,) if self.to_room_id is None else (self.room_id, self.to_room_id)


class RoomStatus(Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """What is known of a room; None is unknown, and then nothing is judged differently.

    `changed_at` is the sender's clock but never later than ours, and is compared with that of the same sender only.
    """

    occupied: bool | None = None
    departs_at: datetime | None = None
    service: RoomWord | None = None  # out-of-order or maintenance
    housekeeping_since: datetime | None = None
    stay_ref: str | None = None
    checked_out_at: datetime | None = None  # the last check-out, until somebody checks in
    changed_at: datetime | None = None
    changed_by: IntegratorName | None = None
    stay_at: datetime | None = None  # likewise, of the last check-in, check-out or move
    stay_by: IntegratorName | None = None

    def is_departing(self, at: datetime, *, within: timedelta) -> bool:
        """Whether the guest leaves so soon, or should have left. It ends with the check-out."""
        due = self.departs_at
        return due is not None and due - within <= at < due + DEPARTING_AT_MOST

    def is_being_cleaned(self, at: datetime) -> bool:
        since = self.housekeeping_since
        return since is not None and at < since + HOUSEKEEPING_AT_MOST


NOTHING_SAID: Final = RoomStatus()


def sealed(stay_ref: str, *, key: bytes) -> str:
    """A stay's reference as it is kept: nobody without the hotel's key finds the stay, nor the same one elsewhere."""
    return blake2b(stay_ref.encode(), key=key, digest_size=16).hexdigest()


def recorded(message: PmsMessage, *, kind: PmsKind, by: IntegratorName, key: bytes) -> PmsRecord:
    return PmsRecord(
        by=by,
        kind=kind,
        room_id=message.room_id,
        ts=message.ts,
        stay_ref=None if message.stay_ref is None else sealed(message.stay_ref, key=key),
        to_room_id=message.to_room_id,
        status=None if message.status is None else RoomWord(message.status),
        departs_at=message.departs_at,
    )


def name_of_word(by: IntegratorName, message_id: MessageId) -> MessageId:
    """What a word goes by among the inputs of its hotel; one that would be too long is cut by a hash."""
    name = f"pms:{by}:{message_id}"
    if len(name) > LONGEST_NAME:
        name = f"pms:{blake2b(name.encode(), digest_size=20).hexdigest()}"
    return MessageId(name)


class Wrong(Struct, frozen=True):
    """Why a message makes no sense: a field by its name on the wire, and words for its sender that repeat nothing."""

    field: str
    why: str

    def __str__(self) -> str:
        return f"{self.field} {self.why}"


def what_is_wrong(message: PmsMessage, kind: PmsKind, *, at: datetime) -> Wrong | None:
    """What makes no sense in a message of this kind; None: it does."""
    named = {"id": message.id, "roomId": message.room_id, "toRoomId": message.to_room_id}
    for field, text in named.items():
        if text is not None and not is_id(text):
            return Wrong(field, NO_ID)
    if not _is_near(message.ts, at, within=CLOCKS_APART):
        return Wrong("ts", "is more than a day from our clock")
    if message.departs_at is not None and not _is_near(message.departs_at, at, within=LONGEST_STAY):
        return Wrong("departsAt", "is years from now")
    return _what_is_missing(message, kind)


def _is_near(said: datetime, at: datetime, *, within: timedelta) -> bool:
    return abs(said - at) <= within


def _what_is_missing(message: PmsMessage, kind: PmsKind) -> Wrong | None:
    if kind is PmsKind.MOVE and message.to_room_id is None:
        return Wrong("toRoomId", "is missing: the room that they move to")
    if kind is not PmsKind.MOVE and message.to_room_id is not None:
        return Wrong("toRoomId", "is of a move alone")
    if message.to_room_id == message.room_id:
        return Wrong("toRoomId", "is roomId: nobody moves")
    if kind is PmsKind.ROOM_STATUS and message.status not in set(RoomWord):
        return Wrong("status", f"is none of {', '.join(RoomWord)}")
    if kind is not PmsKind.ROOM_STATUS and message.status is not None:
        return Wrong("status", "is of a room-status alone")
    return None


def news(record: PmsRecord, *, known: Callable[[RoomId], RoomStatus], at: datetime) -> Mapping[RoomId, RoomStatus]:
    """What is known of each room that a message changes; one that is older than what its sender said last changes none.

    A check-out is held against what was said of stays alone: no word of housekeeping makes it the past. `at` is the
    time of receipt, `known` what was known of a room until now.
    """
    said_at = min(record.ts, at)
    changed = {}
    for room_id in record.rooms:
        before = known(room_id)
        held_up = before.changed_by == record.by and before.changed_at is not None and said_at < before.changed_at
        if _is_stale(record, before, said_at=said_at) if record.kind is PmsKind.CHECKOUT else held_up:
            continue
        status = (
            _arrived(record, known(record.room_id)) if room_id == record.to_room_id else _told(record, before, at=at)
        )
        status = replace(status, changed_at=before.changed_at if held_up else said_at, changed_by=record.by)
        if record.kind is not PmsKind.ROOM_STATUS:
            status = replace(status, stay_at=said_at, stay_by=record.by)
        changed[room_id] = status
    return changed


def _is_stale(record: PmsRecord, before: RoomStatus, *, said_at: datetime) -> bool:
    """Whether the same system has said of a later stay."""
    return before.stay_by == record.by and before.stay_at is not None and said_at < before.stay_at


def is_checked_out(record: PmsRecord, changed: Mapping[RoomId, RoomStatus]) -> bool:
    """Whether the desk must know now how the room's tablets are."""
    return record.kind is PmsKind.CHECKOUT and record.room_id in changed


def _told(record: PmsRecord, before: RoomStatus, *, at: datetime) -> RoomStatus:
    match record.kind:
        case PmsKind.CHECKIN:
            return RoomStatus(occupied=True, departs_at=record.departs_at, stay_ref=record.stay_ref)
        case PmsKind.CHECKOUT:
            return replace(_left(record, before), checked_out_at=at)
        case PmsKind.MOVE:
            return _left(record, before)
        case PmsKind.ROOM_STATUS:
            return _reported(record, before, at=at)


def _left(record: PmsRecord, before: RoomStatus) -> RoomStatus:
    """The room is vacant, unless the stay that ends is known not to be the one in it: then somebody else is there."""
    if record.stay_ref is not None and before.stay_ref is not None and record.stay_ref != before.stay_ref:
        return before
    return replace(before, occupied=False, departs_at=None, stay_ref=None)


def _arrived(record: PmsRecord, from_: RoomStatus) -> RoomStatus:
    """The room that somebody moves to: they take what is known of their stay along."""
    return RoomStatus(
        occupied=True,
        departs_at=record.departs_at or from_.departs_at,
        stay_ref=record.stay_ref or from_.stay_ref,
    )


def _reported(record: PmsRecord, before: RoomStatus, *, at: datetime) -> RoomStatus:
    match record.status:
        case RoomWord.OCCUPIED:
            return replace(before, occupied=True, departs_at=record.departs_at or before.departs_at)
        case RoomWord.VACANT:
            return replace(before, occupied=False, departs_at=None, stay_ref=None)
        case RoomWord.DEPARTING:
            return replace(before, departs_at=record.departs_at or at)
        case RoomWord.OUT_OF_ORDER | RoomWord.MAINTENANCE:
            return replace(before, service=record.status)
        case RoomWord.IN_SERVICE:
            return replace(before, service=None)
        case RoomWord.HOUSEKEEPING:
            return replace(before, housekeeping_since=at)
        case RoomWord.HOUSEKEEPING_DONE:
            return replace(before, housekeeping_since=None)
    return before
