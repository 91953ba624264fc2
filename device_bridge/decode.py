"""Bytes from a device's topic become a message, or a rejection that says why. Never raises, whatever the bytes.

One bad message must not stop the next one, of that device or any other (promise 6); so everything a decoder
can throw ends here, as data.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.structs import replace

from broker.topics import Kind, Topic
from rules.ids import MessageId
from rules.messages import (
    Aware,
    DeviceMessage,
    Heartbeat,
    Link,
    Message,
    Renew,
    Report,
    Result,
    State,
    TokenEnded,
)

M = TypeVar("M", bound=Message)
T = TypeVar("T")

MESSAGE_LIMIT = 8 * 1024
BACKLOG_LIMIT = 64 * 1024
BACKLOG_ITEMS = 100
DEEPEST = 8

# A clock may be wrong by decades, but not by so much that a time cannot be reckoned with any more.
_FIRST_YEAR: Final = 1970
_END_YEAR: Final = 2200


class Refused(StrEnum):
    """Why a message was not taken. The receipt, the quarantine, the log and the metric say the same word."""

    MALFORMED = "malformed"  # not JSON, or not UTF-8
    INVALID = "invalid"  # JSON, but a field is missing, of the wrong type or out of range
    TOO_LARGE = "too-large"
    TOO_DEEP = "too-deep"
    SPOOFED = "spoofed"  # an id in the payload is not the topic's
    RETAINED = "retained"  # RETAIN was set: never device input
    UNSUPPORTED = "unsupported"  # this version does not consume the topic
    UNKNOWN_DEVICE = "unknown-device"
    UNKNOWN_ROOM = "unknown-room"
    UNKNOWN_COMMAND = "unknown-command"  # the result of one that this device was never given
    TOO_OLD = "too-old"  # in a backlog, and said so long ago that nobody would know it again
    TOO_SOON = "too-soon"  # asked for a token that it has just been given, or just after its tokens were voided
    STORE_REFUSED = "store-refused"  # the database would not have it


class Rejected(Struct, frozen=True, gc=False):
    """What is wrong with a message, in words that its sender can act upon, and its id where it could be read."""

    reason: Refused
    detail: str
    message_id: MessageId | None = None


class Decoded(Struct, frozen=True, gc=False):
    """One message, with the bytes it came as (they are what is stored); `late` in a backlog."""

    kind: Kind
    message: DeviceMessage
    body: bytes
    late: bool = False


_Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]


class _StateOnWire(Struct, rename="camel", kw_only=True):
    """A State before it is known to be a will, which has neither id nor time."""

    state: Link
    id: _Name | None = None
    ts: Aware | None = None
    sid: _Name | None = None


class _BacklogItem(Struct, kw_only=True):
    kind: Kind
    message: Raw


class _Backlog(Message, frozen=True, rename="camel", kw_only=True):
    items: Annotated[tuple[_BacklogItem, ...], Meta(max_length=BACKLOG_ITEMS)]


_heartbeat = msgspec.json.Decoder(Heartbeat)
_report = msgspec.json.Decoder(Report)
_state = msgspec.json.Decoder(State)
_state_on_wire = msgspec.json.Decoder(_StateOnWire)
_result = msgspec.json.Decoder(Result)
_renew = msgspec.json.Decoder(Renew)
_ended = msgspec.json.Decoder(TokenEnded)
_backlog = msgspec.json.Decoder(_Backlog)

_ID = re.compile(rb'"id"\s*:\s*"([A-Za-z0-9_-]{1,64})"')
_ID_WITHIN = 1024
_name = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_BRACKET = ord("[")
_MARKS = re.compile(rb'\\.|["{}\[\]]', re.DOTALL)  # an escaped character is none of them

# msgspec raises all three: deep nesting ends in RecursionError, bad UTF-8 in UnicodeDecodeError.
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def decode(topic: Topic, payload: bytes, *, retain: bool, received_at: datetime) -> list[Decoded | Rejected]:
    """What `payload` says, in its own order: one result, or as many as a backlog has items.

    Source of the limits: docs/contract.md, "Payloads".
    """
    if retain:
        why = "a message with RETAIN set is never device input; publish without it"
        return [Rejected(Refused.RETAINED, why, _id_of(payload))]
    if topic.kind is Kind.BACKLOG:
        return _decode_backlog(topic, payload, received_at=received_at)
    return [_decode_one(topic.kind, topic, payload, received_at=received_at)]


def read(payload: bytes, parse: Callable[[bytes], T]) -> T | Rejected:
    """What `parse` makes of one message, or why it cannot be read; `parse` raises what msgspec does."""
    if len(payload) > MESSAGE_LIMIT:
        detail = f"{len(payload)} bytes; a message may have {MESSAGE_LIMIT}"
        return Rejected(Refused.TOO_LARGE, detail, _id_of(payload))
    # A flat message, as nearly every one is, is known by where its braces stand, in a fifth of the time.
    if (_BRACKET in payload or payload.rfind(b"{") > 0) and _too_deep(payload):
        return Rejected(Refused.TOO_DEEP, f"nested over {DEEPEST} levels", _id_of(payload))
    try:
        return parse(payload)
    except msgspec.ValidationError as error:
        return Rejected(Refused.INVALID, str(error), _id_of(payload))
    except _UNREADABLE as error:
        return Rejected(Refused.MALFORMED, _plain(error), _id_of(payload))


def _decode_one(kind: Kind, topic: Topic, payload: bytes, *, received_at: datetime) -> Decoded | Rejected:
    parse = _PARSERS.get(kind) or _parser_of(kind, received_at)
    if parse is None:
        return Rejected(Refused.UNSUPPORTED, f"{kind.value}: not consumed by this version", _id_of(payload))
    message = read(payload, parse)
    if isinstance(message, Rejected):
        return message
    return _wrong(message, topic) or Decoded(kind, message, payload)


def _parser_of(kind: Kind, received_at: datetime) -> Callable[[bytes], DeviceMessage] | None:
    """What reads a kind that goes by more than its bytes; None: this version consumes none of it."""
    return partial(_parse_state, received_at=received_at) if kind is Kind.STATE else None


def _parse_heartbeat(payload: bytes) -> Heartbeat:
    return _named(_heartbeat.decode(payload))


def _parse_report(payload: bytes) -> Report:
    return _named(_report.decode(payload))


def _parse_state(payload: bytes, *, received_at: datetime) -> State:
    """A will is `{"state": "lost", "sid": …}` and nothing more: its id and its time are made here."""
    wire = _state_on_wire.decode(payload)
    if wire.state is not Link.LOST:
        return _named(_state.decode(payload))
    name = wire.sid or f"{received_at.timestamp() * 1000:.0f}"
    return State(id=MessageId(f"lost-{name}"[:64]), ts=received_at, sid=wire.sid, state=Link.LOST)


def _parse_renew(payload: bytes) -> Renew:
    return _named(_renew.decode(payload))


def _parse_result(payload: bytes) -> Result:
    said = _named(_result.decode(payload))
    if _name(said.command_id) is None:
        raise msgspec.ValidationError("Expected 1 to 64 letters, digits, `-` and `_` - at `$.commandId`")
    return said


def _parse_ended(payload: bytes) -> TokenEnded:
    """The broker's word gets a colon for its first hyphen: no device can have used up that name before."""
    said = _named(_ended.decode(payload))
    return replace(said, id=MessageId(said.id.replace("-", ":", 1)))


_PARSERS: Final[Mapping[Kind, Callable[[bytes], DeviceMessage]]] = {
    Kind.HEARTBEAT: _parse_heartbeat,
    Kind.ALERT: _parse_report,
    Kind.RESULT: _parse_result,
    Kind.RENEW: _parse_renew,
    Kind.ENDED: _parse_ended,
}
"""What reads a kind. Each raises ValidationError, or one of _UNREADABLE."""


def _named(message: M) -> M:
    """Check what names things. Raises ValidationError.

    Not said in the record as a pattern, which would have the decoder take three times as long over a heartbeat.
    """
    if _name(message.id) is None or (message.sid is not None and _name(message.sid) is None):
        field = "id" if _name(message.id) is None else "sid"
        raise msgspec.ValidationError(f"Expected 1 to 64 letters, digits, `-` and `_` - at `$.{field}`")
    return message


def _decode_backlog(topic: Topic, payload: bytes, *, received_at: datetime) -> list[Decoded | Rejected]:
    if len(payload) > BACKLOG_LIMIT:
        detail = f"{len(payload)} bytes; a backlog may have {BACKLOG_LIMIT}"
        return [Rejected(Refused.TOO_LARGE, detail, _id_of(payload))]
    if _too_deep(payload):
        return [Rejected(Refused.TOO_DEEP, f"nested over {DEEPEST} levels", _id_of(payload))]
    try:
        backlog = _named(_backlog.decode(payload))
    except msgspec.ValidationError as error:
        return [Rejected(Refused.INVALID, str(error), _id_of(payload))]
    except _UNREADABLE as error:
        return [Rejected(Refused.MALFORMED, _plain(error), _id_of(payload))]
    spoofed = _spoof(backlog, topic)
    if spoofed is not None:
        return [spoofed]
    return [_decode_kept(item, topic, received_at=received_at) for item in backlog.items]


def _decode_kept(item: _BacklogItem, topic: Topic, *, received_at: datetime) -> Decoded | Rejected:
    payload = bytes(item.message)
    if item.kind is Kind.ENDED:
        return Rejected(Refused.UNSUPPORTED, "ended: the broker's own word, not a device's", _id_of(payload))
    if item.kind is Kind.RENEW:
        return Rejected(Refused.UNSUPPORTED, "renew: asked for live, or not at all", _id_of(payload))
    decoded = _decode_one(item.kind, topic, payload, received_at=received_at)
    if isinstance(decoded, Rejected):
        return decoded
    return Decoded(decoded.kind, decoded.message, decoded.body, late=True)


def _wrong(message: DeviceMessage, topic: Topic) -> Rejected | None:
    """What is wrong with a message that can be read."""
    if (message.device_id is not None or message.hotel_id is not None) and (spoofed := _spoof(message, topic)):
        return spoofed
    if not _FIRST_YEAR <= message.ts.year < _END_YEAR:
        return Rejected(Refused.INVALID, "ts is not between 1970 and 2200", message.id)
    if type(message) is State and message.wake_by is not None and not _FIRST_YEAR <= message.wake_by.year < _END_YEAR:
        return Rejected(Refused.INVALID, "wakeBy is not between 1970 and 2200", message.id)
    return None


def _spoof(message: Message, topic: Topic) -> Rejected | None:
    if message.device_id is not None and message.device_id != topic.subject:
        return Rejected(Refused.SPOOFED, "deviceId is not the topic's device", message.id)
    if message.hotel_id is not None and message.hotel_id != topic.hotel_id:
        return Rejected(Refused.SPOOFED, "hotelId is not the topic's hotel", message.id)
    return None


def _too_deep(payload: bytes) -> bool:
    """Whether JSON brackets nest over DEEPEST levels."""
    if payload.count(b"{") + payload.count(b"[") <= DEEPEST:
        return False
    depth, in_string = 0, False
    for mark in _MARKS.findall(payload):
        if mark == b'"':
            in_string = not in_string
        elif in_string or mark[0] == 0x5C:
            continue
        elif mark in b"{[":
            depth += 1
            if depth > DEEPEST:
                return True
        else:
            depth -= 1
    return False


def _id_of(payload: bytes) -> MessageId | None:
    """The id of a message that is refused for another reason: the tablet keeps it until a receipt names it.

    Read from what may be no JSON, may be cut off or huge, so it is looked for near the start and not parsed.
    """
    found = _ID.search(payload[:_ID_WITHIN])
    return MessageId(found[1].decode()) if found else None


def _plain(error: Exception) -> str:
    return "not valid UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
