"""A hotel whose desk is watched: the real API over a real store, the real broker, and a hand on all that happens there.

What the bridge would publish is published here, from the store's events, so that a test decides what the tablets do.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from argon2 import PasswordHasher
from prometheus_client import CollectorRegistry

from api import ApiSettings, build_app
from broker.counts import BrokerMetrics
from broker.delivery import Delivery, TokenEnd
from broker.server import BrokerSettings, MqttBroker
from broker.settings import Listener, Scheme
from broker.shelf import Shelf
from broker.tokens import KeyRing
from broker.topics import Kind, Topic, alert_topic, events_topic, monitor_topic, name_of, status_topic
from rules.alerts import (
    AlertChange,
    AlertSnapshot,
    AlertStatus,
    Because,
    ChangeKind,
    Family,
    OpenAlert,
    Reason,
    Rule,
    Severity,
)
from rules.clearance import Clearance
from rules.ids import AlertId, DeviceId, HotelId, RoomId, UserName
from rules.memory import SilenceMemory
from rules.policy import Profile
from rules.state import DeviceState, LinkState, Posture, Power, StatusSnapshot
from store import INNWATCH, Batch, LocalDoorbell, Store
from store.batch import DeviceChange, StatusChange
from store.records import Device, EmailChannel, Event, Hotel, MemberRole, Room
from tests.api.support import Parts, serving
from tests.support import free_port

INN = HotelId("inn")
ANNEX = HotelId("annex")  # without rooms and tablets
PASSWORD = "a long walk to the lobby"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
ROOMS = {"101": "1", "102": "1", "201": "2"}  # and the floor of each; a tablet tab-… lives in each
EVIL = "<img src=x onerror=alert(1)>"  # what somebody called room 201
KEEP = timedelta(seconds=30)  # a word of the monitor


class MovedClock:
    """The machine's clock, put forward by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Nobody:
    """The bridge's end of the broker: no tablet speaks in these tests."""

    def offer(self, delivery: Delivery) -> bool:
        delivery.settle()
        return True

    def on_room(self, resume: object) -> None:
        pass

    def ended(self, hotel_id: HotelId, device_id: DeviceId, cause: TokenEnd) -> None:
        pass


@dataclass
class Inn:
    store: Store
    keys: KeyRing
    clock: MovedClock
    parts: Parts
    ws_port: int
    folder: Path
    devices: dict[str, Device]
    url: str = ""
    opened: dict[AlertId, OpenAlert] = field(default_factory=dict)
    _broker: MqttBroker | None = None
    _shelf: Shelf | None = None
    _told: int = 0

    # -- what happens to tablets

    async def open_alert(
        self, room: str, *, severity: Severity = Severity.HIGH, because: Because = Because.FOREIGN
    ) -> AlertId:
        """The tablet of a room is on an access point where it should not be."""
        now = self.clock()
        alert = OpenAlert(
            id=AlertId(f"01J{len(self.opened):0>23}"),
            family=Family.BREACH,
            rule=Rule.BREACH_ACCESS_POINT,
            severity=severity,
            opened_at=now,
            last_at=now,
            why=(Reason(because, observed="de:ad:be:ef:00:01", samples=3),),
        )
        self.opened[alert.id] = alert
        await self._change(room, alert, kind=ChangeKind.OPENED)
        return alert.id

    async def swap(self, room: str, other: str) -> AlertId:
        """The tablets of two rooms are in each other's, and the alert of the first says so."""
        now = self.clock()
        alert = OpenAlert(
            id=AlertId(f"01J{len(self.opened):0>23}"),
            family=Family.ROOM,
            rule=Rule.ROOM_SWAPPED,
            severity=Severity.LOW,
            opened_at=now,
            last_at=now,
            why=(
                Reason(Because.SWAPPED, observed=f"tab-{other}"),
                Reason(Because.LIVES_ELSEWHERE, observed=other, limit=room),
            ),
        )
        self.opened[alert.id] = alert
        await self._change(room, alert, kind=ChangeKind.OPENED)
        return alert.id

    async def clear_alert(self, room: str, alert_id: AlertId) -> None:
        await self._change(room, self.opened[alert_id], kind=ChangeKind.CLEARED)

    async def find(
        self,
        room: str,
        link: LinkState,
        *,
        posture: Posture = Posture.IN_ROOM,
        heard: timedelta = timedelta(),
        token_ended: TokenEnd | None = None,
    ) -> None:
        """The tablet of a room is found to be so, and was `heard` so long ago."""
        now = self.clock()
        snapshot = StatusSnapshot(
            device_id=self.devices[room].id,
            room_id=RoomId(room),
            link=link,
            posture=posture,
            power=Power.LOW,
            since=now,
            last_heard=now - heard,
            battery=17,
            charging=False,
            rssi=-81,
            token_ended=token_ended,
        )
        # The page asks for the tablet too, and may have the answer after the word of the broker: they must agree.
        state = DeviceState(
            link=link,
            posture=posture,
            power=Power.LOW,
            since=now,
            last_heard=now - heard,
            battery=17,
            charging=False,
            rssi=-81,
            silence=SilenceMemory(token_ended=token_ended),
        )
        key = self.devices[room].key
        await self.store.apply(Batch(received_at=now, states={key: state}, statuses=[StatusChange(INN, snapshot)]))

    async def _change(self, room: str, alert: OpenAlert, *, kind: ChangeKind) -> None:
        device, now = self.devices[room], self.clock()
        is_open = kind is not ChangeKind.CLEARED
        state = DeviceState(
            link=LinkState.ONLINE,
            posture=Posture.FOREIGN if is_open else Posture.IN_ROOM,
            power=Power.OK,
            since=now,
            last_heard=now,
            battery=80,
            rssi=-60,
            agent="1.4",
            alerts={Family.BREACH: alert} if is_open else {},
        )
        change = DeviceChange(
            hotel_id=INN,
            device_key=device.key,
            device_id=device.id,
            room_id=RoomId(room),
            floor=ROOMS[room],
            change=AlertChange(kind=kind, alert=alert, at=now, why=alert.why),
        )
        await self.store.apply(Batch(received_at=now, states={device.key: state}, changes=[change]))

    # -- what becomes of notices, and of the house

    async def fail_notices(self, error: str) -> None:
        """Every notice that is due is given up."""
        now = self.clock()
        for due in await self.store.due_notifications(now, limit=100):
            await self.store.claim_notification(due.hotel_id, due.id, worker="post", now=now, lease=KEEP)
            assert await self.store.record_dead(due.hotel_id, due.id, worker="post", now=now, error=error)

    async def choose_password(self, person: UserName) -> None:
        """Somebody else chooses the password that a person has."""
        await self.store.set_password(person, HASH, by=INNWATCH, now=self.clock())

    async def password_link(self, person: UserName) -> str:
        """The address by which a person chooses a password."""
        link = await self.store.make_password_link(person, by=INNWATCH, now=self.clock())
        return f"{self.url}/#password/{link.secret}"

    async def add_annex(self, person: UserName) -> None:
        """A second hotel, empty, for somebody who works in the first."""
        now = self.clock()
        await self.store.add_hotel(
            Hotel(id=ANNEX, name="The Annex", timezone="Europe/Vienna", profile=Profile.STRICT), by=INNWATCH, now=now
        )
        await self.store.add_user(ANNEX, person, role=MemberRole.STAFF, password_hash=None, by=INNWATCH, now=now)

    # -- what the bridge and the broker do

    async def start_broker(self) -> None:
        """Start a broker that knows what happened until now, and says that somebody watches."""
        self._shelf = await Shelf.open(self.folder / "broker.sqlite3")
        self._broker = MqttBroker(
            settings=BrokerSettings(listeners=(Listener(Scheme.WS, port=self.ws_port),)),
            keys=self.keys,
            intake=Nobody(),
            clock=self.clock,
            metrics=BrokerMetrics(CollectorRegistry()),
            shelf=self._shelf,
        )
        await self._broker.start()
        page = await self.store.alerts(INN, status=AlertStatus.OPEN, cursor=None, limit=100)
        for alert in page.items:
            await self._publish(alert_topic(INN, alert.id), alert)
        await self.say("watching")

    async def tell_of_revocations(self) -> None:
        """Let the broker know what the store says of who is shut out."""
        assert self._broker is not None
        self._broker.revoke((await self.store.revoked(0))[1])

    async def stop_broker(self) -> None:
        if self._broker is not None:
            await self._broker.shutdown()
            self._broker = None
        if self._shelf is not None:
            await self._shelf.close()
            self._shelf = None

    async def say(self, state: str, why: str | None = None, *, valid_for: timedelta = KEEP) -> None:
        """Let the monitor say something."""
        now = self.clock()
        await self._publish(
            monitor_topic(INN), {"state": state, "since": now, "why": why, "validUntil": now + valid_for}
        )

    async def tell_desk(self, given: Clearance) -> None:
        """Tell the desk anew of a room, as when the tablet of a guest who left is seen there."""
        await self._publish(name_of(Topic(Kind.CLEARANCE, INN, given.room_id)), given, retain=False)

    async def announce(self, doorbell: LocalDoorbell) -> None:
        """Publish what the store commits, until cancelled."""
        with doorbell.listen() as bell:
            while True:
                for event in await self.store.events_after(INN, self._told, limit=100):
                    await self._tell(event)
                    self._told = event.id
                await bell.wait(1)

    async def _tell(self, event: Event) -> None:
        if event.type.startswith("alert."):
            alert = msgspec.json.decode(event.data, type=AlertSnapshot)
            await self._publish(alert_topic(INN, alert.id), alert if alert.status is AlertStatus.OPEN else None)
        elif event.type == "device.status":
            await self._publish(status_topic(INN, DeviceId(event.subject)), event.data)
        await self._publish(events_topic(INN), event, retain=False)

    async def _publish(self, topic: str, payload: object, *, retain: bool = True) -> None:
        if self._broker is not None:
            encoded = b"" if payload is None else msgspec.json.encode(payload)
            await self._broker.publish(topic, encoded, retain=retain)


@asynccontextmanager
async def an_inn(folder: Path) -> AsyncIterator[Inn]:
    """Open the hotel: three rooms with a tablet each; ida and ben of the staff, vera who may look, mia the manager."""
    doorbell = LocalDoorbell()
    clock, keys, parts, ws_port = MovedClock(), KeyRing.of("b3f1c09a6d2e47588a90d1c7e5f2463b"), Parts(), free_port()
    store = await Store.open(f"sqlite+aiosqlite:///{folder}/innwatch.db", doorbell=doorbell)
    try:
        inn = Inn(store, keys, clock, parts, ws_port, folder, await _furnish(store, now=clock()))
        app = build_app(
            store=store,
            keys=keys,
            doorbell=doorbell,
            clock=clock,
            registry=CollectorRegistry(),
            health=parts,
            settings=ApiSettings(mqtt_port=ws_port, keep_alive=timedelta(seconds=1)),
        )
        await inn.start_broker()
        try:
            async with serving(app) as served, asyncio.TaskGroup() as group:
                inn.url = served.url
                announcing = group.create_task(inn.announce(doorbell))
                yield inn
                announcing.cancel()
        finally:
            await inn.stop_broker()
    finally:
        await store.close()


async def _furnish(store: Store, *, now: datetime) -> dict[str, Device]:
    inn = Hotel(id=INN, name="The Inn", timezone="Europe/Vienna", profile=Profile.STRICT)
    await store.add_hotel(inn, channels=[EmailChannel(("desk@inn.test",))], by=INNWATCH, now=now)
    devices = {}
    for room, floor in ROOMS.items():
        name = EVIL if room == "201" else None
        await store.add_room(INN, Room(id=RoomId(room), name=name, floor=floor, rssi_floor=-70), by=INNWATCH, now=now)
        devices[room] = await store.add_device(INN, DeviceId(f"tab-{room}"), room_id=RoomId(room), by=INNWATCH, now=now)
    for person, role in (
        ("ida", MemberRole.STAFF),
        ("ben", MemberRole.STAFF),
        ("vera", MemberRole.VIEWER),
        ("mia", MemberRole.MANAGER),
    ):
        await store.add_user(INN, UserName(person), role=role, password_hash=HASH, by=INNWATCH, now=now)
    return devices
