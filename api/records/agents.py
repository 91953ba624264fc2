"""What the agents on tablets say over HTTP, and what they are answered; those of the old system in its words."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from rules.ids import DeviceId, HotelId, RoomId
from rules.room_config import RoomConfig


class BrokerPlace(Struct, frozen=True, rename="camel", kw_only=True):
    """Where a tablet connects by MQTT, with its token as password; `url` is null where there is no TCP for it."""

    url: str | None
    websocket_url: str
    client_id: str
    username: str


class RegisterTablet(Struct, frozen=True, rename="camel", kw_only=True):
    """Who comes, and where it believes to be. Fields that nobody knows are ignored: old and new agents mix."""

    device_id: Annotated[str, Meta(max_length=256)]
    room_id: Annotated[str, Meta(max_length=256)] | None = None
    hotel_id: Annotated[str, Meta(max_length=256)] | None = None


class AskedToken(RegisterTablet, frozen=True, rename="camel", kw_only=True):
    """Of the tablet whose token this comes with; its room is where it is known to be, whatever stands here."""


class Registered(Struct, frozen=True, rename="camel", kw_only=True):
    """A tablet's first token, and all that it needs to begin. `expires_in` is in seconds."""

    ok: bool = True
    token: str
    type: Literal["device"] = "device"
    expires_in: int
    hotel_id: HotelId
    device_id: DeviceId
    room_id: RoomId
    broker: BrokerPlace
    config: RoomConfig

    def __repr__(self) -> str:
        return f"Registered({self.hotel_id!r}, {self.device_id!r})"


class RenewedToken(Struct, frozen=True, kw_only=True):
    """A further token, in the words of the old system. `expires_in` is in seconds."""

    token: str
    type: Literal["device"] = "device"
    expires_in: int

    def __repr__(self) -> str:
        return "RenewedToken(…)"


class Taken(Struct, frozen=True):
    """The message is on disk."""

    ok: bool = True


class TakenHeartbeat(Struct, frozen=True):
    """The heartbeat is on disk; `status` is the tablet's in the single word of the old system."""

    status: Literal["ok", "breach", "offline", "compromised"]
    ok: bool = True
