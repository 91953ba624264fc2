"""What a batch is about: each input of the queue, read and ready to be judged or just written down.

Names of inputs that no device made have a colon, which no device's message id may have.
"""

from collections.abc import Set as AbstractSet
from datetime import datetime

import msgspec
from msgspec import Struct

from broker.topics import Kind, Topic
from device_bridge.decode import Decoded, Rejected
from device_bridge.fleet import Fleet
from device_bridge.queue import Began
from device_bridge.tablet import Tablet
from rules.ids import DeviceId, HotelId, MessageId
from rules.inputs import (
    PARTNER,
    REMOVED,
    REVIEW,
    Asked,
    AssignmentRecord,
    InputKind,
    InventoryRecord,
    PartnerRecord,
    ReviewRecord,
    TokenRecord,
)
from rules.messages import Result, TokenEnd, TokenEnded
from rules.response import Resolved
from rules.room_fit import Partner
from rules.room_status import PmsRecord
from store.records import CommandRef, DeviceKey, InboxKey


class Heard(Struct, frozen=True, gc=False):
    """One message of a known device; from the inbox, with the row that goes when it is stored."""

    tablet: Tablet
    decoded: Decoded
    at: datetime
    inbox_key: InboxKey | None = None


class Turned(Struct, frozen=True):
    """One message that is refused, known device or not."""

    topic: Topic
    payload: bytes
    rejected: Rejected
    at: datetime
    inbox_key: InboxKey | None = None


class Overdue(Struct, frozen=True):
    """A deadline of `tablet` that had passed when the watch looked at `at`, and what the broker knew then."""

    tablet: Tablet
    at: datetime
    alive_at: datetime | None = None
    as_of_now: bool = False


class Done(Struct, frozen=True):
    """What a person did about an alert of a tablet; none: of one that is nobody's by now."""

    hotel_id: HotelId
    tablet: Tablet | None
    deed: Resolved
    at: datetime
    inbox_key: InboxKey


class Parted(Struct, frozen=True):
    """The deadline of a hotel's incident that had passed at `at`: who is back by then, and who is not?"""

    hotel_id: HotelId
    at: datetime


class Noted(Struct, frozen=True):
    """An input of the rules that needs no verdict of its own; of the whole hotel where `device_key` is None."""

    hotel_id: HotelId
    device_key: DeviceKey | None
    kind: InputKind
    name: MessageId
    body: bytes
    at: datetime


class Beginning(Struct, frozen=True):
    """From here on the bridge listens to a hotel and its tablets; where it did not, every clock is moved by the gap."""

    hotel_id: HotelId
    tablets: tuple[Tablet, ...]
    began: Began

    @property
    def name(self) -> MessageId:
        return MessageId(f"watching:{self.began.at.timestamp() * 1000:.0f}")


class Given(Struct, frozen=True):
    """The newest token that anybody noted of a tablet: when it was minted and when it ends."""

    tablet: Tablet
    issued_at: datetime | None
    expires_at: datetime | None
    at: datetime
    asked: Asked | None = None

    @property
    def name(self) -> MessageId:
        return MessageId(f"token:{_microseconds(self.issued_at)}:{_microseconds(self.expires_at)}")

    @property
    def record(self) -> TokenRecord:
        return TokenRecord(self.issued_at, self.expires_at, self.asked)


class Word(Struct, frozen=True, kw_only=True):
    """What a hotel's system said of rooms that there are. It stands alone in its batch: what is known of the rooms and
    of their tablets is read from `fleet` when it is judged.

    `id` is the sender's own, `is_repeated` whether it is stored already.
    """

    hotel_id: HotelId
    id: MessageId
    name: MessageId
    record: PmsRecord
    fleet: Fleet
    at: datetime
    is_repeated: bool
    inbox_key: InboxKey | None = None


class Pairing(Struct, frozen=True):
    """With which tablet this one is swapped, as far as anybody knows."""

    tablet: Tablet
    partner: Partner | None
    at: datetime

    @property
    def name(self) -> MessageId:
        return MessageId(f"{PARTNER}{_microseconds(self.at)}")

    @property
    def record(self) -> PartnerRecord:
        partner = self.partner
        return PartnerRecord(None, leads=False) if partner is None else PartnerRecord(partner.device_id, partner.leads)


class Review(Struct, frozen=True):
    """A tablet of which people have decided something else; what it is held against now stands in history before."""

    tablet: Tablet
    record: ReviewRecord
    at: datetime

    @property
    def name(self) -> MessageId:
        return MessageId(f"{REVIEW}{self.record.revision}")


Matter = Heard | Turned | Overdue | Parted | Noted | Beginning | Given | Done | Word | Pairing | Review
Identity = tuple[DeviceKey, MessageId]
Stored = AbstractSet[Identity]
"""Which messages of a batch are stored already."""


def identity_of(matter: Matter) -> Identity | None:
    """What the store is asked about a matter: is it stored already? None where that cannot be."""
    match matter:
        case Heard():
            return matter.tablet.key, matter.decoded.message.id
        case Noted(device_key=key) if key is not None:
            return key, matter.name
        case Given(tablet=tablet) | Pairing(tablet=tablet) | Review(tablet=tablet):
            return tablet.key, matter.name
        case Done(tablet=tablet) if tablet is not None:
            return tablet.key, matter.deed.name
        case _:
            return None


def device_of(topic: Topic) -> DeviceId | None:
    """The device that a topic is about; None where it is another thing's, or nobody's."""
    is_of_device = topic.subject is not None and topic.kind not in {Kind.DO, Kind.PMS_IN, Kind.EXT}
    return DeviceId(topic.subject) if topic.subject is not None and is_of_device else None


def ids_of(matter: Matter) -> dict[str, str | None]:
    """What a log line names a matter by."""
    match matter:
        case Heard(tablet=tablet, decoded=decoded):
            return {"hotel": tablet.hotel_id, "device": tablet.device_id, "message": decoded.message.id}
        case Turned(topic=topic, rejected=rejected):
            return {"hotel": topic.hotel_id, "device": device_of(topic), "message": rejected.message_id}
        case Overdue(tablet=tablet) | Given(tablet=tablet) | Pairing(tablet=tablet) | Review(tablet=tablet):
            return {"hotel": tablet.hotel_id, "device": tablet.device_id}
        case Parted():
            return {"hotel": matter.hotel_id}
        case Noted() | Beginning() | Word():
            return {"hotel": matter.hotel_id, "message": matter.name}
        case Done():
            return {"hotel": matter.hotel_id, "message": matter.deed.name}


def topic_of(heard: Heard) -> Topic:
    """Where it came from; of an item of a backlog, where it would have."""
    return Topic(heard.decoded.kind, heard.tablet.hotel_id, heard.tablet.device_id)


def command_of(matter: Matter) -> CommandRef | None:
    """The command that a matter is the result of."""
    if isinstance(matter, Heard) and isinstance(matter.decoded.message, Result):
        return CommandRef(matter.tablet.key, matter.decoded.message.command_id)
    return None


def assignment(tablet: Tablet, at: datetime) -> Noted:
    """From here on the tablet has this room and this policy."""
    record = assignment_record(tablet)
    name = MessageId(f"assignment:{tablet.assignment_revision}")
    return Noted(tablet.hotel_id, tablet.key, InputKind.ASSIGNMENT, name, msgspec.json.encode(record), at)


def assignment_record(tablet: Tablet) -> AssignmentRecord:
    belongs = tablet.assignment
    return AssignmentRecord(
        tablet.assignment_revision,
        tablet.room_id,
        belongs.policy,
        device_id=tablet.device_id,
        added_at=belongs.added_at,
    )


def removal(hotel_id: HotelId, key: DeviceKey, at: datetime) -> Noted:
    """From here on the tablet is nobody's."""
    name = MessageId(f"{REMOVED}{_microseconds(at)}")
    return Noted(hotel_id, key, InputKind.ASSIGNMENT, name, b"{}", at)


def inventory(hotel_id: HotelId, rooms: InventoryRecord, at: datetime) -> Noted:
    """From here on the hotel has these rooms and access points."""
    name = MessageId(f"inventory:{rooms.revision}")
    return Noted(hotel_id, None, InputKind.INVENTORY, name, msgspec.json.encode(rooms), at)


def token_ended(cause: TokenEnd, at: datetime) -> Decoded:
    """What our broker says of a connection that it ended, as if it had come on the topic `ended`."""
    name = MessageId(f"{cause}:{at.timestamp() * 1000:.0f}")
    return Decoded(Kind.ENDED, TokenEnded(id=name, ts=at, cause=cause), b"{}")


def _microseconds(at: datetime | None) -> str:
    return "-" if at is None else f"{at.timestamp() * 1e6:.0f}"
