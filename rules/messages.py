"""What a tablet says, decoded: the records that travel from the broker through the rules into the store.

Field meanings and limits are those of docs/contract.md, "Payloads". A decoded message is the domain's record:
nothing is copied into another class on the way.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from rules.ids import CommandId, MessageId

INT64_MAX = 2**63 - 1

WIFI_OFF = "wifi-off"
"""The cause of a report that says why nothing more will be heard."""

Percent = Annotated[float, Meta(ge=0, le=100)]
Dbm = Annotated[float, Meta(ge=-126, le=0)]
Count = Annotated[int, Meta(ge=0, le=INT64_MAX)]
Text = Annotated[str, Meta(max_length=1024)]
ShortText = Annotated[str, Meta(max_length=256)]
Aware = Annotated[datetime, Meta(tz=True)]


class Plug(StrEnum):
    AC = "ac"
    USB = "usb"
    WIRELESS = "wireless"
    NONE = "none"


class ReportKind(StrEnum):
    BREACH = "breach"
    BATTERY = "battery"
    TAMPER = "tamper"
    RECOVERY = "recovery"


class Link(StrEnum):
    """The words of a State message."""

    READY = "ready"
    SLEEPING = "sleeping"
    BYE = "bye"
    LOST = "lost"


class Neighbour(Struct, frozen=True, rename="camel"):
    """An access point that the tablet sees besides its own."""

    bssid: ShortText
    rssi: Dbm


class Message(Struct, frozen=True, rename="camel", kw_only=True):
    """What every device message but the will carries.

    `id` and `sid` are [A-Za-z0-9_-]{1,64}, which whoever decodes one sees to (`device_bridge.decode`).
    `ts` is the device's clock and is stored beside the receive time, which alone counts for the rules.
    Where the device said no time, as it may over HTTP, `ts` is when our API had it, and `dated` is False.
    `device_id` and `hotel_id` repeat the topic in old agents; one that differs from the topic is a spoof.
    """

    id: MessageId
    ts: Aware
    sid: str | None = None
    seq: Count | None = None
    up_ms: Count | None = None
    device_id: ShortText | None = None
    hotel_id: ShortText | None = None
    dated: bool = True


class Heartbeat(Message, frozen=True, rename="camel", kw_only=True, gc=False):
    """A sign of life with a sample of signal and power; a field that is None counts neither way."""

    wifi_bssid: ShortText | None = None
    wifi_ssid: ShortText | None = None
    rssi: Dbm | None = None
    battery: Percent | None = None
    charging: bool | None = None
    plug: Plug | None = None
    temp_c: Annotated[float, Meta(ge=-100, le=200)] | None = None
    screen_on: bool | None = None
    kiosk: bool | None = None
    ip: ShortText | None = None
    room_id: ShortText | None = None
    agent: ShortText | None = None
    backlog: Count | None = None
    aps: Annotated[tuple[Neighbour, ...], Meta(max_length=5)] | None = None


class Report(Message, frozen=True, rename="camel", kw_only=True):
    """What the tablet itself says is wrong (or, `recovery`, right again)."""

    kind: ReportKind
    cause: ShortText | None = None
    rssi: Dbm | None = None
    wifi_bssid: ShortText | None = None
    level: Percent | None = None
    threats: Annotated[tuple[ShortText, ...], Meta(max_length=32)] = ()
    description: Text | None = None


class State(Message, frozen=True, rename="camel", kw_only=True):
    """Birth, sleep, farewell, or the will (`lost`, whose id is `lost-{sid}` and whose time is the receive time)."""

    state: Link
    agent: ShortText | None = None
    model: ShortText | None = None
    os: ShortText | None = None
    config_rev: Count | None = None
    caps: Annotated[tuple[ShortText, ...], Meta(max_length=64)] = ()
    reason: ShortText | None = None
    wake_by: Aware | None = None


class ResultStatus(StrEnum):
    RECEIVED = "received"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    EXPIRED = "expired"


class Result(Message, frozen=True, rename="camel", kw_only=True):
    """How far the tablet has come with a command. `command_id` is held to what an id is by whoever decodes it."""

    command_id: CommandId
    status: ResultStatus
    detail: Text | None = None


class Renew(Message, frozen=True, rename="camel", kw_only=True):
    """The tablet asks for a new token."""


class TokenEnd(StrEnum):
    """Why a broker of ours ended a device's connection that had done nothing wrong."""

    EXPIRED = "expired"
    REVOKED = "revoked"  # the token, or the whole hotel suspended: somebody of ours did it


class TokenEnded(Message, frozen=True, kw_only=True):
    """Said by the broker's side, never by a device: the connection ended because its token did.

    Neither cause may ever look like a theft (contract §5).
    """

    cause: TokenEnd


DeviceMessage = Heartbeat | Report | State | Result | Renew | TokenEnded
