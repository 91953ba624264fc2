"""Many tablets at once, each in a room of its own: for trials, tests and load generators."""

import csv
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import astuple

from broker.topics import Kind, device_topic
from config.cli.installation import Installation, with_installation
from config.simulate.bssids import made_up_bssid
from rules.ids import DeviceId, HotelId, RoomId

if TYPE_CHECKING:
    from broker.tokens import KeyRing
    from store.records import Device, NewDevice


class Login(Struct, frozen=True, rename="camel"):
    """What a client needs to be one tablet; the fields of a line of --csv, in order."""

    client_id: str
    username: str
    password: str
    topic: str
    device_id: str
    room_id: str
    bssid: str


class Many(Struct, frozen=True):
    """Numbered tablets: `prefix` and at least four digits, in rooms named after them."""

    hotel_id: HotelId
    count: int
    prefix: str
    first: int

    def new_devices(self) -> "list[NewDevice]":
        from store.records import NewDevice, Room

        numbers = range(self.first, self.first + self.count)
        width = max(4, len(str(numbers[-1])))
        series = f"{self.hotel_id}/{self.prefix}"
        return [
            NewDevice(
                id=DeviceId(f"{self.prefix}{number:0{width}}"),
                room=Room(
                    id=RoomId(f"room-{self.prefix}{number:0{width}}"),
                    access_points=(made_up_bssid(series, number),),
                ),
            )
            for number in numbers
        ]


def add_many(many: Many, *, tokens: bool, ttl: timedelta | None, data: Path | None) -> list[Login]:
    """Add them all or none; the passwords are empty unless `tokens` are wanted."""
    new = many.new_devices()

    async def work(at: Installation) -> list[Login]:
        now = at.now()
        keys = at.keys if tokens else None
        made = await at.store.add_devices(many.hotel_id, new, by=at.by, now=now)
        life = ttl or at.settings.device_token_life
        if keys is not None:
            made = await at.store.note_tokens(
                many.hotel_id, [device.id for device in made], expires_at=now + life, by=at.by, now=now
            )
        return [
            _login(device, bssid=one.room.access_points[0], keys=keys, now=now, life=life)
            for device, one in zip(made, new, strict=True)
        ]

    return with_installation(data, work)


def print_csv(logins: Sequence[Login]) -> None:
    """No line of headings: `cut` and load generators want none."""
    csv.writer(sys.stdout, lineterminator="\n").writerows(astuple(login) for login in logins)


def _login(device: "Device", *, bssid: str, keys: "KeyRing | None", now: datetime, life: timedelta) -> Login:
    from broker.tokens import mint_device

    name = f"{device.hotel_id}/{device.id}"
    password = (
        ""
        if keys is None
        else mint_device(keys, hotel_id=device.hotel_id, device_id=device.id, gen=device.gen, now=now, ttl=life)
    )
    topic = device_topic(device.hotel_id, device.id, Kind.HEARTBEAT)
    return Login(name, name, password, topic, device.id, device.room_id, bssid)
