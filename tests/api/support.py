"""Two hotels that look alike, the API over a real store, and readers of its event stream."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
import msgspec
from argon2 import PasswordHasher
from litestar import Litestar
from prometheus_client import CollectorRegistry

from api import ApiSettings, build_app
from api.streams import PATIENCE
from broker.shared_token import SharedToken
from broker.tokens import KeyRing, Role, mint_device, mint_integrator, mint_user
from config.web import WebServer, bind
from rules.alerts import AlertChange, Because, ChangeKind, Family, OpenAlert, Reason, Rule, Severity
from rules.clearance import InRoom, clearance
from rules.ids import AlertId, DeviceId, HotelId, IncidentId, IntegratorName, MessageId, RoomId, UserName
from rules.incident import IncidentSnapshot, Outage, Scope
from rules.outage import IncidentChange, Turn
from rules.policy import Policy, PolicyChanges, Profile
from rules.room_status import PmsKind, PmsRecord, RoomStatus
from rules.state import DeviceState, LinkState, Posture, Power
from store import INNWATCH, Batch, Doorbell, InputKind, LocalDoorbell, Store, StoredMessage
from store.batch import DeviceChange, IncidentTurn, PmsTaken, Quarantined
from store.records import Device, EmailChannel, Hotel, MemberRole, Room
from tests.support import eventually, free_port
from tests.support.http import TRUSTS_NOBODY

INN, LODGE = HotelId("inn"), HotelId("lodge")
DEVICE, ROOM = DeviceId("tab-1"), RoomId("101")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PASSWORD = "a long walk to the lobby"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
SECRET = "b3f1c09a6d2e47588a90d1c7e5f2463b"


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass
class Parts:
    """What `Health` would ask; a test breaks one by naming it here."""

    missing: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        return self.missing


@dataclass
class World:
    """The API and what lies under it. Each hotel has a room `101` with the tablet `tab-1` and an alert of its own."""

    store: Store
    app: Litestar
    keys: KeyRing
    clock: Clock
    doorbell: Doorbell
    parts: Parts
    devices: dict[HotelId, Device] = field(default_factory=dict)
    alerts: dict[HotelId, AlertId] = field(default_factory=dict)
    opened: int = 0

    def user(self, hotel_id: HotelId | None, name: str, *, role: Role, ttl: timedelta = timedelta(hours=1)) -> str:
        return mint_user(self.keys, hotel_id=hotel_id, name=name, role=role, gen=1, now=self.clock(), ttl=ttl)

    def device(self, hotel_id: HotelId) -> str:
        return mint_device(self.keys, hotel_id=hotel_id, device_id=DEVICE, gen=1, now=self.clock())

    def integrator(self, hotel_id: HotelId, name: str, *scope: str) -> str:
        return mint_integrator(self.keys, hotel_id=hotel_id, name=name, scope=scope, gen=1, now=self.clock())

    @asynccontextmanager
    async def client(self, token: str | None = None, *, address: str = "192.0.2.7") -> AsyncIterator[httpx.AsyncClient]:
        """Give a client inside this process, which the API sees at `address`."""
        asgi: Any = self.app  # httpx and Litestar spell the same protocol differently
        transport = httpx.ASGITransport(asgi, client=(address, 4321))
        headers = {} if token is None else bearer(token)
        async with httpx.AsyncClient(transport=transport, base_url="http://innwatch.test", headers=headers) as client:
            yield client

    async def open_alert(self, hotel_id: HotelId, *, severity: Severity = Severity.HIGH) -> AlertId:
        """Store a new alert of the hotel's tablet, with its event, and return its id."""
        self.opened += 1
        alert_id = AlertId(f"01J{hotel_id.upper():A<10}{self.opened:0>13}")
        await self.change(hotel_id, alert_id, kind=ChangeKind.OPENED, severity=severity)
        return alert_id

    async def clear_alert(self, hotel_id: HotelId, alert_id: AlertId) -> None:
        await self.change(hotel_id, alert_id, kind=ChangeKind.CLEARED)

    async def change(
        self,
        hotel_id: HotelId,
        alert_id: AlertId,
        *,
        kind: ChangeKind,
        observed: str = "de:ad:be:ef:00:01",
        severity: Severity = Severity.HIGH,
    ) -> None:
        device, now = self.devices[hotel_id], self.clock()
        why = (Reason(Because.FOREIGN, observed=observed),)
        alert = OpenAlert(
            id=alert_id, family=Family.BREACH, rule=Rule.BREACH_ACCESS_POINT, severity=severity,
            opened_at=now, last_at=now, why=why,
        )  # fmt: skip
        is_open = kind is not ChangeKind.CLEARED
        state = DeviceState(
            link=LinkState.ONLINE, posture=Posture.FOREIGN, power=Power.OK, since=now, last_heard=now, battery=80.0,
            rssi=-60.0, agent="1.4", alerts={Family.BREACH: alert} if is_open else {},
        )  # fmt: skip
        change = DeviceChange(
            hotel_id=hotel_id, device_key=device.key, device_id=device.id, room_id=ROOM,
            floor="1" if hotel_id == INN else "2",
            change=AlertChange(kind=kind, alert=alert, at=now, why=why),
        )  # fmt: skip
        await self.store.apply(Batch(received_at=now, states={device.key: state}, changes=[change]))

    async def learn_access_point(self, hotel_id: HotelId) -> str:
        """Store that tablets were heard on an access point that no room lists; its BSSID."""
        bssid = f"aa:bb:cc:00:01:{len(hotel_id):02}"
        await self.store.learn_access_point(hotel_id, bssid, ssid=None, rooms=[ROOM], by=INNWATCH, now=self.clock())
        return bssid

    async def open_incident(self, hotel_id: HotelId) -> IncidentId:
        """Store that the hotel's floor is out, with the alert that it has from the first."""
        incident_id = IncidentId(f"I-{hotel_id}")
        floor = IncidentSnapshot(
            id=incident_id, rule=Outage.AREA, scope=Scope.FLOOR, place="1", opened_at=self.clock(), members=1
        )
        turn = IncidentChange(turn=Turn.OPENED, incident=floor, at=self.clock(), absorbed=(self.alerts[hotel_id],))
        await self.store.apply(Batch(received_at=self.clock(), incidents=[IncidentTurn(hotel_id, turn)]))
        return incident_id

    async def close_incident(self, hotel_id: HotelId, *, into: IncidentId | None = None) -> None:
        over = IncidentSnapshot(
            id=IncidentId(f"I-{hotel_id}"),
            rule=Outage.AREA,
            scope=Scope.FLOOR,
            place="1",
            opened_at=self.clock(),
            closed_at=self.clock(),
            members=1,
            back=1,
        )
        turn = IncidentChange(turn=Turn.CLOSED, incident=over, at=self.clock(), into=into)
        await self.store.apply(Batch(received_at=self.clock(), incidents=[IncidentTurn(hotel_id, turn)]))

    async def check_out(self, hotel_id: HotelId) -> None:
        """Store that somebody has left the hotel's room, as a system `pms-of-…` said, and what the desk was told."""
        by, now = IntegratorName(f"pms-of-{hotel_id}"), self.clock()
        record = PmsRecord(by=by, kind=PmsKind.CHECKOUT, room_id=ROOM, ts=now)
        rooms = {ROOM: RoomStatus(occupied=False, checked_out_at=now, changed_at=now, changed_by=by)}
        told = clearance(ROOM, [InRoom(DEVICE, DeviceState(), Policy())], at=now)
        taken = PmsTaken(hotel_id=hotel_id, record=record, rooms=rooms, clearance=told, at=now)
        await self.store.apply(Batch(received_at=now, pms=[taken]))

    async def hear(self, hotel_id: HotelId, *, rssi: float) -> None:
        """Store a heartbeat of the hotel's tablet."""
        self.opened += 1
        name = MessageId(f"m-{self.opened}")
        body = msgspec.json.encode({"id": name, "ts": self.clock(), "rssi": rssi, "battery": 70.0})
        message = StoredMessage(
            hotel_id=hotel_id, device_key=self.devices[hotel_id].key, kind=InputKind.HEARTBEAT,
            message_id=name, received_at=self.clock(), body=body, rssi=rssi, battery=70.0,
        )  # fmt: skip
        await self.store.apply(Batch(received_at=self.clock(), messages=[message]))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def world_over(store: Store, *, doorbell: Doorbell, settings: ApiSettings) -> World:
    """Put the API before a store."""
    clock, keys, parts = Clock(), KeyRing.of(SECRET), Parts()
    app = build_app(
        store=store, keys=keys, doorbell=doorbell, clock=clock, registry=CollectorRegistry(), health=parts,
        settings=settings,
    )  # fmt: skip
    return World(store=store, app=app, keys=keys, clock=clock, doorbell=doorbell, parts=parts)


async def furnish(world: World) -> None:
    """Fill an empty store with the two hotels and their people."""
    store = world.store
    for hotel_id, name, floor in ((INN, "The Inn", "1"), (LODGE, "The Lodge", "2")):
        hotel = Hotel(
            id=hotel_id,
            name=name,
            timezone="Europe/Vienna",
            profile=Profile.STRICT,
            policy=PolicyChanges(bye_reconnect=60 + int(floor)),
        )
        await store.add_hotel(hotel, channels=[EmailChannel(("desk@hotel.example",))], by=INNWATCH, now=NOON)
        room = Room(id=ROOM, name="Garden", floor=floor, access_points=("aa:bb:cc:00:00:01",), rssi_floor=-70.0)
        await store.add_room(hotel_id, room, by=INNWATCH, now=NOON)
        world.devices[hotel_id] = await store.add_device(hotel_id, DEVICE, room_id=ROOM, by=INNWATCH, now=NOON)
        for role in MemberRole:
            await store.add_user(
                hotel_id, UserName(f"{hotel_id}-{role}"), role=role, password_hash=HASH, by=INNWATCH, now=NOON
            )
        await store.add_integrator(
            hotel_id, IntegratorName("pms"), scopes=["alerts", "events", "rooms", "pms"], by=INNWATCH, now=NOON
        )
        refused = Quarantined(
            hotel_id=hotel_id, device_id=DEVICE, topic=f"hotels/{hotel_id}/devices/{DEVICE}/heartbeat",
            reason="not-json", detail="byte 0", head=b"\x00", at=NOON,
        )  # fmt: skip
        await store.apply(Batch(received_at=NOON, quarantined=[refused]))
        world.alerts[hotel_id] = await world.open_alert(hotel_id)
    # One person with two hotels, and an admin who is a member of one.
    await store.add_user(INN, UserName("both"), role=MemberRole.STAFF, password_hash=HASH, by=INNWATCH, now=NOON)
    await store.add_user(LODGE, UserName("both"), role=MemberRole.VIEWER, password_hash=None, by=INNWATCH, now=NOON)
    await store.add_user(
        INN, UserName("root"), role=MemberRole.MANAGER, password_hash=HASH, by=INNWATCH, now=NOON, admin=True
    )


@dataclass(frozen=True)
class Furnished:
    """A closed database with the two hotels in it, made once and copied for each test."""

    path: Path
    devices: dict[HotelId, Device]
    alerts: dict[HotelId, AlertId]
    opened: int

    @asynccontextmanager
    async def world(self, folder: Path, *, doorbell: Doorbell, settings: ApiSettings) -> AsyncIterator[World]:
        """Open a copy in `folder`."""
        copied = shutil.copy(self.path, folder / "innwatch.db")
        store = await Store.open(f"sqlite+aiosqlite:///{copied}", doorbell=doorbell)
        try:
            world = world_over(store, doorbell=doorbell, settings=settings)
            world.devices, world.alerts, world.opened = dict(self.devices), dict(self.alerts), self.opened
            yield world
        finally:
            await store.close()


async def furnished(path: Path) -> Furnished:
    doorbell = LocalDoorbell()
    store = await Store.open(f"sqlite+aiosqlite:///{path}", doorbell=doorbell)
    world = world_over(store, doorbell=doorbell, settings=ApiSettings(mqtt_port=1884))
    await furnish(world)
    await store.close()
    return Furnished(path, world.devices, world.alerts, world.opened)


def page_in(folder: Path) -> Path:
    """Make a small console page, so that tests do not depend on the real one."""
    (folder / "views").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Innwatch</title>", encoding="utf-8")
    (folder / "enrol.html").write_text("<!doctype html><title>A code for a tablet</title>", encoding="utf-8")
    (folder / "views" / "list.js").write_text("export const list = 1;\n" * 100, encoding="utf-8")
    return folder


# -- the event stream


@dataclass(frozen=True)
class Heard:
    """One event of a stream, as the standard dispatches it."""

    id: str
    type: str
    data: dict[str, Any]


class Reader:
    """Reads an event stream in the background; `heard` and `comments` grow, `ended` tells of its end."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.comments: list[str] = []
        self.status = 0
        self.ended = False

    @property
    def ids(self) -> list[int]:
        return [int(event.id) for event in self.heard]

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.heard]

    async def read(self, url: str, headers: dict[str, str]) -> None:
        try:
            async with (
                httpx.AsyncClient(verify=TRUSTS_NOBODY, timeout=20) as client,
                client.stream("GET", url, headers=headers) as answer,
            ):
                self.status = answer.status_code
                fields: dict[str, str] = {}
                async for line in answer.aiter_lines():
                    self._take(line, fields)
        finally:
            self.ended = True

    def _take(self, line: str, fields: dict[str, str]) -> None:
        if line.startswith(":"):
            self.comments.append(line[1:].strip())
        elif line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "data" in fields:
                data = msgspec.json.decode(fields["data"], type=dict[str, Any])
                self.heard.append(Heard(fields.get("id", ""), fields.get("event", "message"), data))
            fields.clear()


class Served:
    """The API behind the web server that it has in production."""

    def __init__(self, app: Litestar, server: WebServer, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self._app = app
        self._server = server

    @asynccontextmanager
    async def reader(self, token: str, *, after: str | int | None = None, query: str = "") -> AsyncIterator[Reader]:
        """Follow the stream while the context lasts. Returns when the stream is open (or refused)."""
        reader = Reader()
        headers = bearer(token) | ({} if after is None else {"Last-Event-ID": str(after)})
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(reader.read(f"{self.url}/api/events{query}", headers))
            await eventually(lambda: reader.comments or reader.heard or reader.ended)
            try:
                yield reader
            finally:
                reading.cancel()

    @property
    def connections(self) -> int:
        return self._server.connections

    def stop(self) -> None:
        self._app.state.streams.close()
        self._server.stop()


class MakeWorld(Protocol):
    """How `conftest.lasting_world` makes one."""

    async def __call__(self, *, shared_token: SharedToken | None = None) -> World: ...


@asynccontextmanager
async def serving(app: Litestar) -> AsyncIterator[Served]:
    """Serve the application on a free port while the context lasts; on leaving it must stop, and wait for no reader."""
    port = free_port()
    server = WebServer(app, bind("127.0.0.1", port))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        await server.serving()
        served = Served(app, server, port)
        try:
            yield served
        finally:
            served.stop()
            async with asyncio.timeout(PATIENCE - 10):
                await running
