"""Hotels, rooms, devices and channels: what people set up, and what the bridge reads back."""

from collections.abc import Sequence
from datetime import datetime

from rules.ids import DeviceId, HotelId, RoomId
from store.records import (
    Channel,
    ChannelRow,
    Device,
    DeviceRow,
    Hotel,
    HotelFacts,
    Installation,
    NewDevice,
    Page,
    Room,
)


class Fleet:
    async def add_hotel(self, hotel: Hotel, *, channels: Sequence[Channel] = (), now: datetime) -> None:
        """Add a hotel with its channels. Raises Exists."""
        raise NotImplementedError

    async def add_room(self, hotel_id: HotelId, room: Room, *, now: datetime) -> None:
        """Raises NotFound (hotel), Exists."""
        raise NotImplementedError

    async def add_device(self, hotel_id: HotelId, device_id: DeviceId, *, room_id: RoomId, now: datetime) -> Device:
        """Add a tablet to a room that is there; event device.added. Raises NotFound (hotel, room), Exists."""
        raise NotImplementedError

    async def add_devices(
        self, hotel_id: HotelId, devices: Sequence[NewDevice], *, now: datetime
    ) -> tuple[Device, ...]:
        """Add tablets, each with a new room, all or none; one event device.added each. Raises NotFound, Exists."""
        raise NotImplementedError

    async def hotels(self) -> tuple[Hotel, ...]:
        """Every hotel, in order of id."""
        raise NotImplementedError

    async def hotel(self, hotel_id: HotelId) -> Hotel:
        """Raises NotFound."""
        raise NotImplementedError

    async def find_device(self, hotel_id: HotelId, device_id: DeviceId) -> Device | None:
        """Return one device, retired or not; None if the hotel never had it (or there is no such hotel)."""
        raise NotImplementedError

    async def rooms(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 100) -> Page[Room]:
        """In order of id. Raises BadCursor."""
        raise NotImplementedError

    async def devices(self, hotel_id: HotelId, *, cursor: str | None = None, limit: int = 100) -> Page[DeviceRow]:
        """In order of id, without the retired. Raises BadCursor."""
        raise NotImplementedError

    async def device(self, hotel_id: HotelId, device_id: DeviceId) -> DeviceRow | None:
        """One device with its state; None if unknown or retired."""
        raise NotImplementedError

    async def add_channel(self, hotel_id: HotelId, channel: Channel, *, now: datetime) -> ChannelRow:
        """Raises NotFound (hotel)."""
        raise NotImplementedError

    async def channels(self, hotel_id: HotelId) -> tuple[ChannelRow, ...]:
        """In order of making."""
        raise NotImplementedError

    async def load(self) -> Installation:
        """Everything that the bridge keeps in memory, read at one moment."""
        raise NotImplementedError

    async def load_hotel(self, hotel_id: HotelId) -> HotelFacts:
        """Raises NotFound."""
        raise NotImplementedError

    async def revisions(self) -> dict[HotelId, int]:
        """Return the revision of each hotel, raised by each change of its rooms, devices, policy or channels."""
        raise NotImplementedError
