"""One batch in the making: inputs are judged in order on copies, and nothing is changed until it is committed.

`Draft` collects what the store must write, the states that replace the tablets' own after the commit, and the
receipts that go out then. A draft that the store refuses is thrown away and nothing has happened.
"""

from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from broker.topics import Kind, Topic, name_of
from device_bridge.decode import Decoded, Refused, Rejected
from device_bridge.fleet import Tablet, assignment_record
from rules.alerts import AlertChange, Family
from rules.evaluate import WIFI_OFF, evaluate
from rules.ids import AlertId, DeviceId, HotelId, MessageId
from rules.messages import DeviceMessage, Heartbeat, Link, Report, ReportKind, State, TokenExpired
from rules.silence import deadline, pass_deadline
from rules.snapshot import status_of
from rules.state import DeviceState, Verdict
from store.batch import Batch, DeviceChange, InputKind, Orphan, Quarantined, StatusChange, StoredMessage
from store.records import DeviceKey

_HEAD = 1024  # bytes of a refused message that are kept


class Receipted(StrEnum):
    """What became of a device's message, in the words of the contract."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    LATE = "late"
    REJECTED = "rejected"


class ReceiptLine(Struct, frozen=True, rename="camel", omit_defaults=True):
    id: MessageId
    verdict: Receipted
    reason: str | None = None
    detail: str | None = None
    alert_id: AlertId | None = None


class Heard(Struct, frozen=True):
    """One message of a known device, ready to be judged."""

    tablet: Tablet
    decoded: Decoded
    at: datetime


class Turned(Struct, frozen=True):
    """One message that is refused, known device or not."""

    topic: Topic
    payload: bytes
    rejected: Rejected
    at: datetime


class Overdue(Struct, frozen=True):
    """A deadline of `tablet` that had passed when the watch looked at `at`."""

    tablet: Tablet
    at: datetime


class Assigned(Struct, frozen=True):
    """A tablet that is new, or belongs elsewhere from now on."""

    tablet: Tablet
    at: datetime


class Noted(Struct, frozen=True):
    """An input of the rules that concerns a whole hotel. The colon in its name keeps it apart from devices' ids."""

    hotel_id: HotelId
    kind: InputKind
    name: str
    body: bytes
    at: datetime


Matter = Heard | Turned | Overdue | Assigned | Noted
Known = AbstractSet[tuple[DeviceKey, MessageId]]
"""Which messages of a batch are stored already."""


class Draft:
    """What one batch will write. `watching_since`: since when the bridge has been listening."""

    def __init__(self, *, now: datetime, watching_since: datetime) -> None:
        self.batch = Batch(received_at=now)
        self.states: dict[DeviceKey, tuple[Tablet, DeviceState]] = {}
        self.receipts: dict[tuple[HotelId, DeviceId], list[ReceiptLine]] = {}
        self.rejections: list[Refused] = []
        self.duplicates = 0
        self._watching_since = watching_since
        self._ids: set[tuple[DeviceKey, MessageId]] = set()

    def add(self, matter: Matter, *, known: Known) -> None:
        """Judge the next matter. `known` are the message ids of the batch that are stored already."""
        match matter:
            case Heard():
                self._hear(matter, known)
            case Turned():
                self._turn_away(matter)
            case Overdue():
                self._pass_deadline(matter, known)
            case Assigned():
                self._assign(matter, known)
            case Noted():
                self._note(matter)

    def adopt(self) -> None:
        """After the commit: the judged states become the tablets' own."""
        for tablet, state in self.states.values():
            tablet.state = state

    def _hear(self, heard: Heard, known: Known) -> None:
        tablet, message = heard.tablet, heard.decoded.message
        if not self._is_new(tablet, message.id, known):
            self.duplicates += 1
            self._receipt(tablet, ReceiptLine(message.id, Receipted.DUPLICATE))
            return
        if not heard.decoded.late:
            state = self._state(tablet)
            self._decide(tablet, evaluate(state, message, assignment=tablet.assignment, now=heard.at), heard.at)
        self.batch.messages.append(_row(heard))
        if heard.decoded.late:
            self._receipt(tablet, ReceiptLine(message.id, Receipted.LATE))
        elif not isinstance(message, Heartbeat | TokenExpired) and not _is_will(message):
            alert_id = self._alert_of(tablet, message)
            self._receipt(tablet, ReceiptLine(message.id, Receipted.STORED, alert_id=alert_id))

    def _pass_deadline(self, overdue: Overdue, known: Known) -> None:
        """Judge a deadline, unless a message that came before it in the queue has moved it."""
        tablet, state = overdue.tablet, self._state(overdue.tablet)
        due = deadline(state, assignment=tablet.assignment, watching_since=self._watching_since)
        if due is None or due > overdue.at:
            return
        verdict = pass_deadline(state, assignment=tablet.assignment, watching_since=self._watching_since, at=due)
        self._decide(tablet, verdict, due)
        name = MessageId(f"deadline:{due.timestamp() * 1e6:.0f}:{overdue.at.timestamp() * 1e6:.0f}")
        if self._is_new(tablet, name, known):
            self.batch.messages.append(
                StoredMessage(
                    hotel_id=tablet.hotel_id,
                    device_key=tablet.key,
                    kind=InputKind.DEADLINE,
                    message_id=name,
                    received_at=overdue.at,
                    ts=due,
                    body=b"{}",
                )
            )

    def _assign(self, assigned: Assigned, known: Known) -> None:
        tablet = assigned.tablet
        name = assignment_id(tablet)
        if self._is_new(tablet, name, known):
            self.batch.messages.append(
                StoredMessage(
                    hotel_id=tablet.hotel_id,
                    device_key=tablet.key,
                    kind=InputKind.ASSIGNMENT,
                    message_id=name,
                    received_at=assigned.at,
                    body=assignment_record(tablet),
                )
            )

    def _note(self, noted: Noted) -> None:
        self.batch.messages.append(
            StoredMessage(
                hotel_id=noted.hotel_id,
                device_key=None,
                kind=noted.kind,
                message_id=MessageId(noted.name),
                received_at=noted.at,
                body=noted.body,
            )
        )

    def _turn_away(self, turned: Turned) -> None:
        topic, rejected = turned.topic, turned.rejected
        device_id = DeviceId(topic.subject) if topic.subject is not None and _is_of_device(topic) else None
        self.rejections.append(rejected.reason)
        self.batch.quarantined.append(
            Quarantined(
                hotel_id=topic.hotel_id,
                device_id=device_id,
                topic=name_of(topic),
                reason=rejected.reason,
                detail=rejected.detail,
                head=turned.payload[:_HEAD],
                at=turned.at,
            )
        )
        if topic.hotel_id is None or device_id is None:
            return
        if rejected.reason is Refused.UNKNOWN_DEVICE:
            self.batch.orphans.append(Orphan(topic.hotel_id, device_id, turned.at))
        if rejected.message_id is not None:
            line = ReceiptLine(rejected.message_id, Receipted.REJECTED, rejected.reason, rejected.detail)
            self.receipts.setdefault((topic.hotel_id, device_id), []).append(line)

    def _is_new(self, tablet: Tablet, message_id: MessageId, known: Known) -> bool:
        identity = (tablet.key, message_id)
        if identity in known or identity in self._ids:
            return False
        self._ids.add(identity)
        return True

    def _state(self, tablet: Tablet) -> DeviceState:
        drafted = self.states.get(tablet.key)
        return tablet.state if drafted is None else drafted[1]

    def _decide(self, tablet: Tablet, verdict: Verdict, at: datetime) -> None:
        before, after = self._state(tablet), verdict.state
        self.states[tablet.key] = (tablet, after)
        self.batch.states[tablet.key] = after
        for change in verdict.changes:
            self.batch.changes.append(_device_change(tablet, change))
        if before.link is not after.link or before.posture is not after.posture or before.power is not after.power:
            self.batch.statuses.append(StatusChange(tablet.hotel_id, status_of(after, tablet.assignment)))

    def _alert_of(self, tablet: Tablet, message: DeviceMessage) -> AlertId | None:
        """The alert that a report opened or joined, for its receipt."""
        if not isinstance(message, Report):
            return None
        family = Family.SILENCE if message.cause == WIFI_OFF else _FAMILIES.get(message.kind)
        alert = self._state(tablet).alerts.get(family) if family is not None else None
        return alert.id if alert is not None else None

    def _receipt(self, tablet: Tablet, line: ReceiptLine) -> None:
        self.receipts.setdefault((tablet.hotel_id, tablet.device_id), []).append(line)


def identity_of(matter: Matter) -> tuple[DeviceKey, MessageId] | None:
    """What the store must be asked about before this matter is judged: is it stored already?"""
    match matter:
        case Heard():
            return matter.tablet.key, matter.decoded.message.id
        case Assigned():
            return matter.tablet.key, assignment_id(matter.tablet)
        case _:
            return None


def assignment_id(tablet: Tablet) -> MessageId:
    """The name of an assignment among a device's inputs. The colon keeps it apart from every id a device may choose."""
    return MessageId(f"assignment:{tablet.assignment_revision}")


def encode_receipt(lines: list[ReceiptLine]) -> bytes:
    return msgspec.json.encode({"for": lines})


def _is_of_device(topic: Topic) -> bool:
    return topic.kind not in {Kind.DO, Kind.PMS_IN, Kind.EXT}


def _is_will(message: DeviceMessage) -> bool:
    return isinstance(message, State) and message.state is Link.LOST


_FAMILIES = {ReportKind.BREACH: Family.BREACH, ReportKind.BATTERY: Family.BATTERY}
_KINDS = {Heartbeat: InputKind.HEARTBEAT, Report: InputKind.REPORT, TokenExpired: InputKind.EXPIRED}


def _row(heard: Heard) -> StoredMessage:
    tablet, message = heard.tablet, heard.decoded.message
    if isinstance(message, Heartbeat):
        return StoredMessage(
            hotel_id=tablet.hotel_id,
            device_key=tablet.key,
            kind=InputKind.HEARTBEAT,
            message_id=message.id,
            received_at=heard.at,
            ts=message.ts,
            late=heard.decoded.late,
            body=heard.decoded.body,
            rssi=message.rssi,
            bssid=message.wifi_bssid,
            battery=message.battery,
            charging=message.charging,
        )
    return StoredMessage(
        hotel_id=tablet.hotel_id,
        device_key=tablet.key,
        kind=InputKind.LOST if _is_will(message) else _KINDS.get(type(message), InputKind.STATE),
        message_id=message.id,
        received_at=heard.at,
        ts=message.ts,
        late=heard.decoded.late,
        body=heard.decoded.body,
    )


def _device_change(tablet: Tablet, change: AlertChange) -> DeviceChange:
    return DeviceChange(
        hotel_id=tablet.hotel_id,
        device_key=tablet.key,
        device_id=tablet.device_id,
        room_id=tablet.room_id,
        floor=tablet.floor,
        change=change,
    )
