"""History that was really lived: a hotel's tablets before a real bridge, by a clock of their own, as fast as it stores.

Most of what they say is as usual. Now and then one weakens, strays, falls silent, sleeps, reports itself, restarts, or
runs low. The same seed tells the same story; when the watch looks is the machine's affair, as it is live.
"""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry

from broker.topics import Kind, Topic
from device_bridge.bridge import Bridge
from device_bridge.hearing import Hearing
from device_bridge.queue import InputQueue
from device_bridge.renewal import Renewals
from device_bridge.uplink import Nearby
from rules.ids import DeviceId, HotelId, RoomId
from store import INNWATCH, LocalDoorbell, Store
from store.records import Hotel, NewDevice, Room

HOTEL: Final = HotelId("grand")
NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
STEP: Final = timedelta(seconds=10)

_FLOOR, _NEAR, _FAR = -70, -55, -88
_FOREIGN = "de:ad:be:ef:00:01"
_TROUBLES = ("weak", "astray", "away", "asleep", "reported", "restarted")
_EACH = 0.0005
"""How likely each of them begins, at each step of a tablet."""


def url_of(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'innwatch.db'}"


async def live(folder: Path, *, tablets: int, steps: int, seed: int = 1) -> timedelta:
    """Let so many tablets live through so many steps, and return how long that is by their clock."""
    clock = _Clock()
    store = await Store.open(url_of(folder), doorbell=LocalDoorbell())
    try:
        await _furnish(store, tablets, now=clock.at)
        queue = InputQueue(now=clock.now)
        bridge = _bridge(store, queue, clock)
        await bridge.start()
        running = asyncio.ensure_future(bridge.run())
        try:
            await _live(queue, bridge, clock, [_Tablet(number, seed) for number in range(tablets)], steps=steps)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
    finally:
        await store.close()
    return clock.at - NOON


async def _live(queue: InputQueue, bridge: Bridge, clock: "_Clock", tablets: "list[_Tablet]", *, steps: int) -> None:
    for _ in range(steps):
        clock.at += STEP
        post = _Post()
        for tablet in tablets:
            for kind, body in tablet.says(clock.at):
                queue.offer(_Delivery(post, Topic(kind, HOTEL, tablet.name), msgspec.json.encode(body)))
        await post.settled()
        bridge._watch.pass_due(clock.at)  # noqa: SLF001 - it looks every half second of ours, which is a minute of theirs


def _bridge(store: Store, queue: InputQueue, clock: "_Clock") -> Bridge:
    return Bridge(
        queue=queue,
        store=store,
        uplink=Nearby(_Nobody(), hearing=Hearing.always(now=clock.now), retained=frozenset),
        doorbell=LocalDoorbell(),
        renewals=Renewals(None, life=timedelta(days=30)),
        now=clock.now,
        clock_steps=lambda: 0,
        ticks=lambda: 0,
        registry=CollectorRegistry(),
    )


async def _furnish(store: Store, tablets: int, *, now: datetime) -> None:
    await store.add_hotel(Hotel(id=HOTEL, name="Grand"), by=INNWATCH, now=now)
    rooms = [
        Room(id=RoomId(str(number)), floor=str(number // 20), access_points=(_bssid(number),), rssi_floor=_FLOOR)
        for number in range(tablets)
    ]
    new = [NewDevice(id=_name(number), room=room) for number, room in enumerate(rooms)]
    for start in range(0, len(new), 500):
        await store.add_devices(HOTEL, new[start : start + 500], by=INNWATCH, now=now)


def _name(number: int) -> DeviceId:
    return DeviceId(f"tab-{number}")


def _bssid(number: int) -> str:
    return f"aa:bb:cc:00:{number // 256:02x}:{number % 256:02x}"


class _Clock:
    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


class _Nobody:
    """A publisher to whom nobody listens."""

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        pass


class _Post:
    """Deliveries that are waited for together."""

    def __init__(self) -> None:
        self.open = 0
        self._all = asyncio.Event()

    def settle(self) -> None:
        self.open -= 1
        if not self.open:
            self._all.set()

    async def settled(self) -> None:
        if self.open:
            await self._all.wait()


class _Delivery:
    def __init__(self, post: _Post, topic: Topic, payload: bytes) -> None:
        self.topic = topic
        self.payload = payload
        self.retain = False
        self.qos = 1
        self._post = post
        post.open += 1

    def settle(self) -> None:
        self._post.settle()


class _Tablet:
    def __init__(self, number: int, seed: int) -> None:
        self.name = _name(number)
        self._chance = random.Random(seed * 1_000_003 + number)
        self._bssid = _bssid(number)
        self._battery = self._chance.uniform(15, 100)
        self._charging = False
        self._trouble, self._left = "", 0
        self._boot, self._said = 1, 0

    def says(self, at: datetime) -> Iterator[tuple[Kind, dict[str, object]]]:
        """What it says at a step: nearly always one heartbeat."""
        yield from self._begin(at)
        self._left -= 1
        if self._trouble in ("away", "asleep"):
            if self._left <= 0:
                self._trouble = ""
            return
        if self._left <= 0:
            self._trouble = ""
        self._charging = self._battery < 5 or (self._charging and self._battery < 95)
        self._battery = min(self._battery + 2, 100) if self._charging else self._battery - 0.05
        yield (
            Kind.HEARTBEAT,
            self._named(at)
            | {
                "wifiBssid": _FOREIGN if self._trouble == "astray" else self._bssid,
                "wifiSsid": "Grand",
                "rssi": (_FAR if self._trouble == "weak" else _NEAR) - self._chance.randrange(5),
                "battery": round(self._battery),
                "charging": self._charging,
                "plug": "ac" if self._charging else "none",
                "tempC": 31.5,
                "screenOn": True,
                "kiosk": True,
                "ip": "10.0.0.7",
                "agent": "bench 1.0",
                "backlog": 0,
            },
        )

    def _begin(self, at: datetime) -> Iterator[tuple[Kind, dict[str, object]]]:
        """One trouble after the other."""
        if self._trouble or self._chance.random() >= _EACH * len(_TROUBLES):
            return
        self._trouble, self._left = self._chance.choice(_TROUBLES), self._chance.randrange(6, 40)
        if self._trouble == "asleep":
            yield Kind.STATE, self._named(at) | {"state": "sleeping", "reason": "doze", "wakeBy": at + 20 * STEP}
        elif self._trouble == "reported":
            yield Kind.ALERT, self._named(at) | {"kind": "breach", "cause": "weak-signal", "rssi": _FAR}
        elif self._trouble == "restarted":
            self._boot += 1
            yield Kind.STATE, self._named(at) | {"state": "ready", "agent": "bench 1.0"}

    def _named(self, at: datetime) -> dict[str, object]:
        self._said += 1
        sid = f"boot{self._boot}-1"
        return {"id": f"{self.name}-{self._said}", "ts": at, "sid": sid, "seq": self._said, "upMs": self._said * 10_000}
