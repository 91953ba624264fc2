"""Handing out tablets' tokens: each is noted with its tablet first, so that no revocation can come between."""

from collections.abc import Callable
from datetime import datetime, timedelta

from broker.tokens import KeyRing, mint_device
from rules.ids import DeviceId, EnrolmentId, HotelId, RoomId
from rules.place import assignments
from rules.room_config import RoomConfig, room_config
from store import Actor, Store
from store.records import Device


class TabletDesk:
    """Hands out tokens for tablets; `life` is how long one is good."""

    def __init__(self, *, store: Store, keys: KeyRing, clock: Callable[[], datetime], life: timedelta) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self.life = life

    async def enrol(
        self, hotel_id: HotelId, enrolment_id: EnrolmentId, *, device_id: DeviceId, room_id: RoomId | None, by: Actor
    ) -> tuple[Device, str] | None:
        """Use an enrolment up, and return the tablet with its first token; None: it waits for a yes.

        Raises NotFound, EnrolmentRefused.
        """
        now = self._clock()
        device = await self._store.enrol(
            hotel_id,
            enrolment_id,
            device_id=device_id,
            room_id=room_id,
            token_expires_at=now + self.life,
            by=by,
            now=now,
        )
        return None if device is None else (device, self._mint(device, now=now))

    async def first(self, hotel_id: HotelId, device_id: DeviceId, *, by: Actor) -> tuple[Device, str]:
        """Return a tablet and its first token, for whoever has the token that old tablets share.

        Raises NotFound where that may not speak for it, HadToken where it has had one.
        """
        now = self._clock()
        device = await self._store.take_first_token(hotel_id, device_id, expires_at=now + self.life, by=by, now=now)
        return device, self._mint(device, now=now)

    async def renew(self, hotel_id: HotelId, device_id: DeviceId, *, gen: int, by: Actor) -> str:
        """Return a further token of the same generation: the one before stays good.

        Raises NotFound, also where the generation is another by now: a stolen token may not outlive its revocation by
        the two seconds for which the guard remembers it.
        """
        now = self._clock()
        device = await self._store.note_token(hotel_id, device_id, expires_at=now + self.life, gen=gen, by=by, now=now)
        return self._mint(device, now=now)

    async def config(self, device: Device) -> RoomConfig:
        """What the tablet needs to know of its place until its retained config comes, which is newer."""
        hotel = await self._store.hotel(device.hotel_id)
        room = await self._store.room(device.hotel_id, device.room_id)
        belongs = assignments(
            device.hotel_id,
            profile=hotel.profile,
            policy=hotel.policy,
            rooms=() if room is None else (room,),
            devices=((device.id, device.room_id),),
            of_devices={device.id: device.policy},
        )
        return room_config(belongs[device.id], revision=0)

    def _mint(self, device: Device, *, now: datetime) -> str:
        return mint_device(
            self._keys, hotel_id=device.hotel_id, device_id=device.id, gen=device.gen, now=now, ttl=self.life
        )
