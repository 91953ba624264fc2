"""What the tests of the bridge lean on: a real store in a file, deliveries that remember, a publisher that records."""

import asyncio
import contextlib
import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from broker.tokens import KeyRing
from broker.topics import Kind, Topic
from device_bridge.bridge import Bridge
from device_bridge.hearing import Hearing
from device_bridge.queue import InputQueue
from device_bridge.renewal import Renewals
from device_bridge.uplink import Nearby, Uplink
from rules.ids import DeviceId, HotelId, RoomId
from rules.policy import Profile
from store import INNWATCH, Limits, LocalDoorbell, Store
from store.records import Hotel, Room

HOTEL = HotelId("grand")
TABLET = DeviceId("tab-101")
OWN, FOREIGN = "aa:bb:cc:dd:ee:01", "de:ad:be:ef:00:01"
LIFE = timedelta(days=30)
"""Of a token that the bridge mints."""

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)

_numbers = itertools.count(1)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = START
        self.steps = 0
        self.ticks = 0.0
        """Seconds of the machine: move them, and it stood still for so long."""

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Post:
    """A Delivery that remembers whether it was settled; `then` is asked at that moment."""

    def __init__(
        self,
        kind: Kind,
        body: dict[str, object] | bytes,
        *,
        device: str = TABLET,
        hotel: HotelId = HOTEL,
        retain: bool = False,
    ) -> None:
        self.topic = Topic(kind, hotel, device)
        self.payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
        self.retain = retain
        self.qos = 1
        self.settled = 0
        self.then: Callable[[], None] = lambda: None

    def settle(self) -> None:
        self.settled += 1
        self.then()


def heartbeat(bssid: str = OWN, *, rssi: float = -55, **fields: object) -> dict[str, object]:
    return {"id": f"m-{next(_numbers)}", "ts": START, "wifiBssid": bssid, "rssi": rssi} | fields


def report(kind: str = "breach", **fields: object) -> dict[str, object]:
    return {"id": f"r-{next(_numbers)}", "ts": START, "kind": kind} | fields


class Published:
    """A Publisher that keeps what it is given, in order: (topic, JSON or None when emptied, retained)."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Any, bool]] = []

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        assert qos == 1
        self.messages.append((topic, msgspec.json.decode(payload) if payload else None, retain))

    def on(self, ending: str) -> list[Any]:
        return [body for topic, body, _ in self.messages if topic.endswith(ending)]

    def receipts(self) -> list[dict[str, str]]:
        return [line for body in self.on("/receipt") for line in body["for"]]


@contextlib.asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do `work` while the block lasts."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class House:
    """A bridge on a store with hotel `grand`: strict, rooms 101 to 103 on floor 1, a tablet in each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite+aiosqlite:///{path}"
        self.clock = Clock()
        self.published = Published()
        self.doorbell = LocalDoorbell()
        self.keys: KeyRing | None = KeyRing.of("the bridge's tests sign with this one key")
        self.queue = InputQueue(now=self.clock.now)
        self.found: frozenset[str] = frozenset()
        self.alive_at: datetime | None = None
        self.uplink: Uplink = Nearby(
            self.published,
            hearing=Hearing.always(now=self.clock.now),
            retained=self.retained,
            alive_at=lambda *_: self.alive_at,
        )

    def retained(self) -> frozenset[str]:
        """What the broker has retained when the bridge asks it."""
        return self.found

    async def open(self) -> None:
        self.store = await Store.open(
            self.url,
            doorbell=self.doorbell,
            limits=Limits(lock_timeout=timedelta(milliseconds=200)),
        )
        if not await self.store.hotels():
            await self.store.add_hotel(Hotel(id=HOTEL, name="Grand", profile=Profile.STRICT), by=INNWATCH, now=START)
            for number in (101, 102, 103):
                await self.add_room(number)
        self.bridge = self.new_bridge()
        await self.bridge.start()

    async def add_room(self, number: int) -> None:
        room = Room(
            id=RoomId(str(number)), floor="1", access_points=(f"aa:bb:cc:dd:ee:{number - 100:02}",), rssi_floor=-75
        )
        await self.store.add_room(HOTEL, room, by=INNWATCH, now=self.clock.at)
        await self.store.add_device(HOTEL, DeviceId(f"tab-{number}"), room_id=room.id, by=INNWATCH, now=self.clock.at)

    def new_bridge(self) -> Bridge:
        return Bridge(
            queue=self.queue,
            store=self.store,
            uplink=self.uplink,
            doorbell=self.doorbell,
            renewals=Renewals(self.keys, life=LIFE),
            now=self.clock.now,
            clock_steps=lambda: self.clock.steps,
            ticks=lambda: self.clock.ticks,
            registry=CollectorRegistry(),
        )

    async def stored(self) -> list[str]:
        """The ids that devices chose, in the order of the rows."""
        return [str(row.id) async for row in self.store.messages(HOTEL, None) if ":" not in row.id]

    def execute(self, sql: str) -> None:
        with closing(sqlite3.connect(self.path, timeout=5)) as connection, connection:
            connection.execute(sql)
