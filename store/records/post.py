"""What came over HTTP, and what tablets are asked to do."""

from datetime import datetime
from enum import StrEnum
from typing import NewType

from msgspec import Struct

from rules.ids import (
    CommandId,
    DeviceId,
    HotelId,
    MessageId,
)
from rules.room_status import PmsRecord
from store.records.house import DeviceKey

InboxKey = NewType("InboxKey", int)
"""One message that waits in the inbox; never given again."""


class InboxKind(StrEnum):
    """The topic that a message of the inbox would have come by; or that it is what a person did about an alert, or what
    a hotel's system said of a room.
    """

    HEARTBEAT = "heartbeat"
    ALERT = "alert"
    DEED = "deed"
    PMS = "pms"


class InboxRow(Struct, frozen=True, kw_only=True):
    """A message that came over HTTP and is not stored yet. `payload` is as it would have come by MQTT.

    A hotel system's is of no device, and its payload is a PmsLeft.
    """

    key: InboxKey
    hotel_id: HotelId
    device_id: DeviceId | None
    kind: InboxKind
    payload: bytes
    received_at: datetime


class PmsLeft(Struct, frozen=True):
    """What a hotel's system said over HTTP, as it waits for the bridge; `id` is the sender's own."""

    id: MessageId
    record: PmsRecord


class CommandName(StrEnum):
    RING = "ring"
    LOCK = "lock"
    UNLOCK = "unlock"
    LOCATE = "locate"
    MESSAGE = "message"
    REBOOT = "reboot"
    SYNC = "sync"
    APPLY_CONFIG = "apply-config"


class CommandState(StrEnum):
    """How far a command has come. The last four end it; only the device's own word still changes `expired`."""

    PENDING = "pending"  # waits for the bridge
    SENT = "sent"  # published to the device's topic
    RECEIVED = "received"  # this and the following: the device says so
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    EXPIRED = "expired"  # its time was up before it began


Argument = str | bool | int | float | None


class Command(Struct, frozen=True, rename="camel", kw_only=True):
    """What a device was asked to do, and what became of it. `by`: a person's name, or `command line`."""

    id: CommandId
    device_id: DeviceId
    name: CommandName
    args: dict[str, Argument]
    state: CommandState
    detail: str | None
    by: str
    created_at: datetime
    changed_at: datetime
    expires_at: datetime


class CommandRef(Struct, frozen=True):
    """A command of one device: of another's id nothing is known."""

    device_key: DeviceKey
    id: CommandId


class OpenCommand(Struct, frozen=True, kw_only=True):
    """A command as the bridge needs it to tell its device."""

    hotel_id: HotelId
    device_key: DeviceKey
    command: Command
