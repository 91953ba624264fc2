"""Worker processes as an operator starts them, on a PostgreSQL and a Redis of the test's own, and alerts to tell of."""

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from store import Store
from store.records import Device, NotificationState, SlackChannel
from tests.store.given import HOTEL, add_hotel, batch, count_notifications, opened
from tests.support import Process, Processes, Redis, eventually, free_port
from tests.support.http import TRUSTS_NOBODY
from tests.worker.support import WebServer

INNWATCH = Path(sys.executable).with_name("innwatch")
CHANNELS = 4
PENDING, SENDING = NotificationState.PENDING, NotificationState.SENDING


class Office:
    """One `innwatch worker`, perhaps of several processes."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self._url = f"http://127.0.0.1:{port}"

    async def lacks(self) -> list[str]:
        """What the health page says is missing; empty when it is ready."""
        page = await self._get("/health/ready")
        return [] if page.status_code == 200 else list(page.json()["missing"])

    async def is_ready(self) -> bool:
        lacks = await self.lacks()
        assert lacks == [], f"{lacks}\n{self.process.output()}"
        return True

    async def is_alive(self) -> bool:
        return (await self._get("/health/live")).status_code == 200

    async def count(self, name: str) -> float:
        """The sum of a metric over all its labels."""
        text = (await self._get("/metrics")).text
        found = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        assert found, text
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def members(self) -> list[int]:
        """The process ids of its members."""
        return children_of(self.process.pid)

    async def _get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(verify=TRUSTS_NOBODY, timeout=5) as client:
            try:
                return await client.get(f"{self._url}{path}")
            except httpx.TransportError as error:
                raise AssertionError(f"{error}\n{self.process.output()}") from error


class Street:
    """Where offices are opened; they share servers, and a clock that the test can move."""

    def __init__(self, processes: Processes, folder: Path, *, url: str, redis: Redis) -> None:
        self._processes = processes
        self._folder = folder
        self._clock = folder / "clock"
        self._url = url
        self._redis = redis

    def start(self, *options: str) -> Office:
        port = free_port()
        words = ["worker", "--health-port", str(port), "--data", str(self._folder / "data"), "--for-tests", *options]
        environment = {
            "DATABASE_URL": self._url,
            "REDIS_URL": self._redis.url,
            "SECRET_KEY": "a-key-for-tests-that-is-long-enough-0",
            "INNWATCH_CLOCK": str(self._clock),
        }
        return Office(self._processes.start([INNWATCH, *words], env=environment), port)

    def move_clock(self, by: timedelta) -> None:
        self._clock.write_text(str(by.total_seconds()))


class Night:
    """A hotel in which things happen, and its webhooks."""

    def __init__(self, store: Store, web: WebServer) -> None:
        self.web = web
        self._store = store
        self._tablets: tuple[Device, ...] = ()
        self._alerts = 0

    async def furnish(self) -> None:
        """A hotel with some webhooks, each of which takes two notices at a time."""
        hook = self.web.webhook.webhook_url
        channels = [SlackChannel(webhook_url=f"{hook}{number}") for number in range(CHANNELS)]
        self._tablets = await add_hotel(self._store, tablets=100, channels=channels)

    async def alert(self, number: int) -> None:
        """So many tablets are carried off, and every channel is to be told of each."""
        now = datetime.now(UTC)
        for tablet in self._tablets[self._alerts : self._alerts + number]:
            self._alerts += 1
            await self._store.apply(batch(changes=[opened(tablet, f"A{self._alerts}", opened_at=now)], at=now))

    @property
    def rows(self) -> int:
        return self._alerts * CHANNELS

    async def states(self) -> dict[NotificationState, int]:
        return await count_notifications(self._store, HOTEL)

    async def is_settled(self) -> bool:
        """Nothing is to be told any more; the rows made are all accounted for."""
        states = await self.states()
        assert sum(states.values()) == self.rows, states
        assert not {PENDING, SENDING} & states.keys(), states
        return True

    def told(self) -> list[str]:
        """The id of each notice that arrived, as often as it did."""
        return [request.headers["x-innwatch-notification"] for request in self.web.requests]

    async def is_told(self, *, within: float = 20) -> None:
        """All was delivered, and each of it arrived."""
        await eventually(self.is_settled, within=within)
        assert await self.states() == {NotificationState.DELIVERED: self.rows}
        assert len(set(self.told())) == self.rows


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    os.kill(pid, number)
