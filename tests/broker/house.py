"""A real broker on free ports, a bridge that records, a clock that tests can move, and tokens for everybody."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from broker.connection import Connection
from broker.counts import BrokerMetrics
from broker.delivery import Delivery, TokenEnd
from broker.message import Message
from broker.server import BrokerSettings, MqttBroker
from broker.session import Session
from broker.settings import Listener, Scheme
from broker.shelf import Shelf
from broker.tokens import KeyRing, Role, mint_device, mint_integrator, mint_service, mint_user
from rules.ids import DeviceId, HotelId
from tests.broker.raw import RawClient, Ticket
from tests.support import eventually, free_port

SECRET = "kQ7vX2mB9tZ4wL8nR3pY6cF1hJ5dG0sA"
SHELF = "broker.sqlite3"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Bridge:
    """An intake that keeps what it is offered. With `settling` it stores at once; `full` is what it says of room."""

    def __init__(self) -> None:
        self.settling = True
        self.full = False
        self.got: list[Delivery] = []
        self.expirations: list[tuple[str, str]] = []
        self.ends: list[tuple[str, TokenEnd]] = []
        self.resumes: list[Callable[[], None]] = []

    def offer(self, delivery: Delivery) -> bool:
        self.got.append(delivery)
        if self.settling:
            delivery.settle()
        return not self.full

    def on_room(self, resume: Callable[[], None]) -> None:
        if self.full:
            self.resumes.append(resume)
        else:
            resume()

    def make_room(self) -> None:
        self.full = False
        resumes, self.resumes = self.resumes, []
        for resume in resumes:
            resume()

    def ended(self, hotel_id: HotelId, device_id: DeviceId, cause: TokenEnd) -> None:
        self.expirations.append((hotel_id, device_id))
        self.ends.append((f"{hotel_id}/{device_id}", cause))

    @property
    def payloads(self) -> list[bytes]:
        return [delivery.payload for delivery in self.got]


class House:
    """The broker under test and everything around it. `alone`: the bridge is a process of its own."""

    def __init__(self, folder: Path, shelf: Shelf, *, alone: bool = False, **limits: Any) -> None:  # noqa: ANN401, any of BrokerSettings' fields
        self.now = NOON
        self.folder = folder
        self.shelf = shelf
        self.alone = alone
        self.clients: list[RawClient] = []
        self.bridge = Bridge()
        self.keys = KeyRing.of(SECRET)
        self.registry = CollectorRegistry()
        self.metrics = BrokerMetrics(self.registry)
        self.counts = self.metrics.counts
        settings: dict[str, Any] = {
            "listeners": (Listener(Scheme.MQTT, port=free_port()), Listener(Scheme.WS, port=free_port())),
            "sweep": timedelta(seconds=0.02),
            **limits,
        }
        self.settings = BrokerSettings(**settings)
        self.broker = self._made(self.settings, self.metrics)

    @classmethod
    @asynccontextmanager
    async def open(cls, **limits: Any) -> AsyncIterator["House"]:  # noqa: ANN401
        with TemporaryDirectory() as folder:
            first = Path(folder, "data")
            first.mkdir()
            house = cls(first, await Shelf.open(first / SHELF), **limits)
            try:
                await house.broker.start()
                yield house
            finally:
                for client in house.clients:
                    client.cut()
                if house.broker.transitions.state == "started":
                    await house.broker.shutdown()
                await house.shelf.close()

    async def restart(self, **settings: Any) -> None:  # noqa: ANN401
        """Stop the broker and start another on what it kept."""
        await self.broker.shutdown()
        await self.shelf.close()
        await self._start_anew(settings)

    async def crash(self, **settings: Any) -> None:  # noqa: ANN401
        """Start another broker on what is on disk now, as if this one had been killed at this moment."""
        saved = self.folder.with_name(f"{self.folder.name}-again")
        copytree(self.folder, saved)
        self.folder = saved
        self.broker._stop_listening()
        self.broker._hub.abort_all()
        await self.broker.shutdown()
        await self.shelf.close()
        await self._start_anew(settings)

    async def _start_anew(self, settings: dict[str, Any]) -> None:
        self.settings = replace(self.settings, **settings)
        self.shelf = await Shelf.open(self.folder / SHELF)
        self.metrics = BrokerMetrics(CollectorRegistry())
        self.counts = self.metrics.counts
        self.broker = self._made(self.settings, self.metrics)
        await self.broker.start()

    def another_broker(self, settings: BrokerSettings) -> MqttBroker:
        return self._made(settings, BrokerMetrics(CollectorRegistry()))

    def _made(self, settings: BrokerSettings, metrics: BrokerMetrics) -> MqttBroker:
        return MqttBroker(
            settings=settings,
            keys=self.keys,
            intake=None if self.alone else self.bridge,
            clock=lambda: self.now,
            metrics=metrics,
            shelf=self.shelf,
        )

    # The inside, where no client can look

    def session(self, client_id: str) -> Session:
        return self.broker._hub.sessions[client_id]

    def wire(self, client_id: str) -> Connection:
        """The connection of a client that is there."""
        wire = self.session(client_id).wire
        assert isinstance(wire, Connection)
        return wire

    @property
    def open_sockets(self) -> int:
        return len(self.broker._hub._connections)

    def ticks_of(self, *, keep_alive: int) -> int:
        """The ticks after which a client with this keep-alive is out, within one."""
        return self.broker._hub.patience(keep_alive)

    def pass_ticks(self, number: int) -> None:
        for _ in range(number):
            self.broker._hub.sweep()

    def count_walks(self) -> Callable[[], int]:
        """Count, from now on, how often what is retained is searched."""
        retained, started = self.broker._hub.retained, Counter[str]()
        walk = retained.walk

        def counted(topic_filter: str) -> Iterator[Message | None]:
            started[topic_filter] += 1
            return walk(topic_filter)

        retained.walk = counted  # type: ignore[method-assign]
        return started.total

    # Tickets: who somebody is, with the token that proves it

    def device(
        self, device: str = "d1", *, hotel: str = "h1", ttl: timedelta = timedelta(days=30), gen: int = 0
    ) -> Ticket:
        token = mint_device(
            self.keys, hotel_id=HotelId(hotel), device_id=DeviceId(device), gen=gen, now=self.now, ttl=ttl
        )
        return Ticket(f"{hotel}/{device}", f"{hotel}/{device}", token)

    def person(self, name: str = "ann", *, hotel: str | None = "h1", role: Role = Role.STAFF, app: str = "1") -> Ticket:
        hotel_id = None if hotel is None else HotelId(hotel)
        token = mint_user(self.keys, hotel_id=hotel_id, name=name, role=role, gen=0, now=self.now)
        sub = f"{hotel or '_'}/user/{name}"
        return Ticket(f"{sub}/{app}", sub, token)

    def integrator(self, *scope: str, name: str = "opera", hotel: str = "h1", app: str = "1") -> Ticket:
        token = mint_integrator(self.keys, hotel_id=HotelId(hotel), name=name, scope=scope, gen=0, now=self.now)
        sub = f"{hotel}/integrator/{name}"
        return Ticket(f"{sub}/{app}", sub, token)

    def service(self, name: str = "bridge", *, app: str = "1") -> Ticket:
        token = mint_service(self.keys, name=name, gen=0, now=self.now)
        return Ticket(f"_/service/{name}/{app}", f"_/service/{name}", token)

    # Clients

    async def dial(self) -> RawClient:
        """Open a socket and say nothing."""
        client = await RawClient.dial(self.broker.tcp_port)
        self.clients.append(client)
        return client

    async def dial_websocket_port(self) -> RawClient:
        client = await RawClient.dial(self.broker.ws_port)
        self.clients.append(client)
        return client

    async def connect(self, ticket: Ticket, **connect: Any) -> RawClient:  # noqa: ANN401, RawClient.connect's arguments
        """Open a socket and be let in."""
        client = await self.dial()
        assert await client.connect(ticket, **connect) == 0
        return client

    async def assert_alive(self) -> None:
        """A tablet that has done no harm comes, is heard and is acknowledged."""
        canary = await self.connect(self.device("canary"))
        before = len(self.bridge.got)
        await canary.publish("hotels/h1/devices/canary/heartbeat", b"chirp", packet_id=7)
        await canary.expect_puback(7)
        assert self.bridge.payloads[before:] == [b"chirp"]
        await canary.disconnect()
        await eventually(lambda: "h1/canary" not in self.broker.sessions)


class Openings:
    """Brokers opened during a test, closed at its end."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()

    async def __call__(self, **limits: Any) -> House:  # noqa: ANN401
        return await self._stack.enter_async_context(House.open(**limits))

    async def close(self) -> None:
        await self._stack.aclose()
