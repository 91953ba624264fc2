"""Who a simulated tablet is: all that it needs to speak to the broker, and nothing that only the store knows."""

from datetime import datetime

from msgspec import Struct

from rules.ids import DeviceId, HotelId, RoomId


class TabletIdentity(Struct, frozen=True, rename="camel", kw_only=True):
    """A device of the store with a token. `interval` is the seconds between heartbeats, `bssid` its room's first."""

    hotel_id: HotelId
    device_id: DeviceId
    room_id: RoomId
    floor: str | None
    bssid: str | None
    token: str
    interval: float
    received_at: datetime | None = None  # when the token came; None: just now

    def __repr__(self) -> str:
        return f"TabletIdentity({self.hotel_id}/{self.device_id})"
