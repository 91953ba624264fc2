"""What of a matter is stored: the records of `store.batch`, filled in."""

from datetime import UTC, datetime, timedelta

import msgspec

from broker.topics import name_of
from device_bridge.matters import Beginning, Done, Given, Heard, Noted, Overdue, Pairing, Review, Turned, Word
from device_bridge.tablet import Tablet
from rules.alerts import AlertChange
from rules.ids import DeviceId, IncidentId, MessageId
from rules.inputs import LEFT, DeadlineRecord, InputKind, LeftRecord
from rules.messages import DeviceMessage, Heartbeat, Link, Report, Result, State, TokenEnd, TokenEnded
from rules.version import rule_version
from store.batch import CommandChange, DeviceChange, Quarantined, StoredMessage
from store.records import CommandState

_HEAD = 1024  # bytes of a refused message that are kept


def is_will(message: DeviceMessage) -> bool:
    return isinstance(message, State) and message.state is Link.LOST


def message_row(heard: Heard, *, late: bool) -> StoredMessage:
    tablet, message = heard.tablet, heard.decoded.message
    beat = message if isinstance(message, Heartbeat) else _NO_SAMPLE
    return StoredMessage(
        hotel_id=tablet.assignment.hotel_id,
        device_key=tablet.key,
        kind=_kind(message),
        message_id=message.id,
        received_at=heard.at,
        ts=message.ts,
        late=late,
        body=heard.decoded.body,
        rssi=beat.rssi,
        bssid=beat.wifi_bssid,
        battery=beat.battery,
        charging=beat.charging,
    )


def deadline_row(overdue: Overdue, *, due: datetime, record: DeadlineRecord) -> StoredMessage:
    """A deadline may pass twice, after our own outage: the moment of the look tells the two apart."""
    name = f"deadline:{due.timestamp() * 1e6:.0f}:{overdue.at.timestamp() * 1e6:.0f}"
    return StoredMessage(
        hotel_id=overdue.tablet.hotel_id,
        device_key=overdue.tablet.key,
        kind=InputKind.DEADLINE,
        message_id=MessageId(name),
        received_at=overdue.at,
        ts=due,
        body=msgspec.json.encode(record),
    )


def left_row(tablet: Tablet, record: LeftRecord, *, due: datetime, at: datetime) -> StoredMessage:
    """That it did not return when the others of an outage did."""
    return StoredMessage(
        hotel_id=tablet.hotel_id,
        device_key=tablet.key,
        kind=InputKind.ASSIGNMENT,
        message_id=MessageId(f"{LEFT}{due.timestamp() * 1e6:.0f}"),
        received_at=at,
        ts=due,
        body=msgspec.json.encode(record),
    )


def noted_row(noted: Noted) -> StoredMessage:
    return StoredMessage(
        hotel_id=noted.hotel_id,
        device_key=noted.device_key,
        kind=noted.kind,
        message_id=noted.name,
        received_at=noted.at,
        body=noted.body,
    )


def partner_row(pairing: Pairing) -> StoredMessage:
    return StoredMessage(
        hotel_id=pairing.tablet.hotel_id,
        device_key=pairing.tablet.key,
        kind=InputKind.ASSIGNMENT,
        message_id=pairing.name,
        received_at=pairing.at,
        body=msgspec.json.encode(pairing.record),
    )


def review_row(review: Review) -> StoredMessage:
    return StoredMessage(
        hotel_id=review.tablet.hotel_id,
        device_key=review.tablet.key,
        kind=InputKind.ASSIGNMENT,
        message_id=review.name,
        received_at=review.at,
        body=msgspec.json.encode(review.record),
    )


def watching_row(beginning: Beginning) -> StoredMessage:
    gap = beginning.began.gap
    return StoredMessage(
        hotel_id=beginning.hotel_id,
        device_key=None,
        kind=InputKind.WATCHING,
        message_id=beginning.name,
        received_at=beginning.began.at,
        body=b"{}" if gap is None else msgspec.json.encode(gap),
    )


def word_row(word: Word) -> StoredMessage:
    return StoredMessage(
        hotel_id=word.hotel_id,
        device_key=None,
        kind=InputKind.PMS,
        message_id=word.name,
        received_at=word.at,
        ts=word.record.ts,
        body=msgspec.json.encode(word.record),
    )


def token_row(given: Given) -> StoredMessage:
    return StoredMessage(
        hotel_id=given.tablet.hotel_id,
        device_key=given.tablet.key,
        kind=InputKind.ASSIGNMENT,
        message_id=given.name,
        received_at=given.at,
        body=msgspec.json.encode(given.record),
    )


def deed_row(done: Done, tablet: Tablet) -> StoredMessage:
    return StoredMessage(
        hotel_id=done.hotel_id,
        device_key=tablet.key,
        kind=InputKind.DEED,
        message_id=done.deed.name,
        received_at=done.at,
        body=msgspec.json.encode(done.deed),
    )


def quarantine_row(turned: Turned, *, device_id: DeviceId | None) -> Quarantined:
    return Quarantined(
        hotel_id=turned.topic.hotel_id,
        device_id=device_id,
        topic=name_of(turned.topic),
        reason=turned.rejected.reason,
        detail=turned.rejected.detail,
        head=turned.payload[:_HEAD],
        at=turned.at,
    )


def alert_change(
    tablet: Tablet, change: AlertChange, *, wait: timedelta = timedelta(0), spoken_for: IncidentId | None = None
) -> DeviceChange:
    return DeviceChange(
        hotel_id=tablet.hotel_id,
        device_key=tablet.key,
        device_id=tablet.device_id,
        room_id=tablet.room_id,
        floor=tablet.floor,
        change=change,
        rule_version=rule_version(tablet.assignment_revision),
        wait=wait,
        spoken_for=spoken_for,
    )


def command_change(tablet: Tablet, result: Result, *, at: datetime) -> CommandChange:
    return CommandChange(
        hotel_id=tablet.hotel_id,
        device_key=tablet.key,
        command_id=result.command_id,
        state=CommandState(result.status.value),
        detail=None if result.detail is None else result.detail.replace("\0", ""),  # PostgreSQL keeps none in a text
        at=at,
    )


_KINDS = {Heartbeat: InputKind.HEARTBEAT, Report: InputKind.REPORT, Result: InputKind.RESULT}
_TOKEN_ENDS = {TokenEnd.EXPIRED: InputKind.EXPIRED, TokenEnd.REVOKED: InputKind.REVOKED}


def _kind(message: DeviceMessage) -> InputKind:
    kind = _KINDS.get(type(message))
    if kind is not None:
        return kind
    if isinstance(message, TokenEnded):
        return _TOKEN_ENDS[message.cause]
    return InputKind.LOST if is_will(message) else InputKind.STATE


_NO_SAMPLE = Heartbeat(id=MessageId("none"), ts=datetime.min.replace(tzinfo=UTC))
