"""An Innwatch of its own for one test, in one process or two: ports, folder, command line and HTTP, from outside."""

import itertools
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.clock import Clock
from tests.support import Process, Processes, eventually_sync, free_port
from tests.support.command_line import run_beside
from tests.support.http import plain

INNWATCH = Path(sys.executable).with_name("innwatch")
Json = Any
PASSWORD = "correct horse 9"


class Shape(StrEnum):
    """How an installation is put together; what is promised holds in all of them."""

    EMBEDDED = "embedded"  # one process
    SEPARATE = "separate"  # the broker, and everything else
    SERVER = "server"  # broker, bridge, API and worker, on PostgreSQL and Redis
    MOSQUITTO = "mosquitto"  # the same with a Mosquitto for a broker


both_shapes = pytest.mark.parametrize("shape", [Shape.EMBEDDED, Shape.SEPARATE])
every_shape = pytest.mark.parametrize("shape", Shape)


class Installation:
    """One data folder and what serves it; started with `start`, as often as the test likes.

    `process` is `innwatch up`, `broker` is `innwatch broker` where that is a process.
    """

    def __init__(
        self,
        processes: Processes,
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        shape: Shape = Shape.EMBEDDED,
        broker_port: int | None = None,
    ) -> None:
        """`broker_port`: where a broker is that is not ours, and that the test runs."""
        self.data = folder / "data"
        self.program: list[str] = [str(INNWATCH)]
        self.http_port, self.mqtt_port, self.ws_port, self.health_port = (free_port() for _ in range(4))
        self.env = dict(env or {})
        tablets_clock.file = Path(self.env["INNWATCH_CLOCK"]) if "INNWATCH_CLOCK" in self.env else None
        self.shape = shape
        self._brings_its_broker = shape is Shape.SEPARATE and broker_port is None
        self.mqtt_port = broker_port or self.mqtt_port
        self._processes = processes
        self.process: Process | None = None
        self.broker: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def spawn(self, *options: str) -> Process:
        """Start the process and do not wait for it."""
        mqtt = ["--mqtt-port", str(self.mqtt_port)]
        if self.shape is Shape.SEPARATE:
            mqtt = ["--broker", f"mqtt://127.0.0.1:{self.mqtt_port}"]
        self.process = self.spawn_as("up", "--http-port", self.http_port, "--ws-port", self.ws_port, *mqtt, *options)
        return self.process

    def spawn_broker(self, *options: str) -> Process:
        """Start a broker that is a process of its own, and do not wait for it."""
        ports = ("--mqtt-port", self.mqtt_port, "--ws-port", self.ws_port, "--health-port", self.health_port)
        self.broker = self.spawn_as("broker", *ports, *(option for option in options if option == "--for-tests"))
        return self.broker

    def spawn_as(self, *words: str | int) -> Process:
        """Start a command of `innwatch` on this folder, and do not wait for it."""
        command = [*self.program, words[0], "--data", self.data, "--host", "127.0.0.1", *words[1:]]
        return self._processes.start([str(word) for word in command], env=self.env)

    def start(self, *options: str, within: float = 90) -> Process:
        """Start what does not run, both processes where it is two; returns when all is ready."""
        if self._brings_its_broker and not _runs(self.broker):
            self.spawn_broker(*options)
        process = self.process if _runs(self.process) and self.process is not None else self.spawn(*options)
        self.wait_until_ready(within=within)
        return process

    def wait_until_ready(self, *, within: float = 90) -> None:
        """A start takes a second; beside other tests on a slow machine, many."""
        eventually_sync(self._is_ready, within=within)

    def kill(self) -> None:
        """End everything as a power cut would."""
        for process in (self.process, self.broker):
            if process is not None:
                process.kill()

    def _is_ready(self) -> bool:
        for process in (self.process, self.broker):
            if process is not None and process.exit_code() is not None:
                raise RuntimeError(f"{process.command[1]} ended:\n{process.output()}")
        try:
            health = plain.get(f"{self.url}/health/ready", timeout=2)
        except httpx.TransportError as error:
            raise AssertionError(f"{error}\n{self.process.output() if self.process else ''}") from error
        assert health.status_code == 200, health.text
        return True

    def cli(self, *words: str, stdin: str | None = None) -> str:
        """Run `innwatch …` on this folder; what it printed. Raises AssertionError when it failed."""
        ended = run_beside(*words, "--data", self.data, stdin=stdin or "", environment=self.env)
        assert ended.code == 0, f"innwatch {' '.join(words)}: {ended.err}"
        return ended.out

    def token(self, *words: str) -> str:
        return self.cli("token", *words).strip()

    def connections(self) -> float | None:
        """How often whoever watches has begun to hear the broker.

        It begins again where the connection was lost, as on a machine that is busy for seconds; and each time gives
        every tablet a minute more before its silence is judged.
        """
        return metric(self.url, "innwatch_broker_connections_total")

    def messages(self, hotel: str, *device: str) -> list[str]:
        """The ids of what is stored, in order."""
        return [json.loads(line)["id"] for line in self.cli("messages", hotel, *device, "--json").splitlines()]

    def first_login(self) -> dict[str, str]:
        login: dict[str, str] = json.loads((self.data / "first-login.json").read_text())
        return login

    def log_in(self, username: str, password: str, *, hotel: str | None = None) -> "Person":
        body = {"username": username, "password": password} | ({"hotelId": hotel} if hotel else {})
        reply = plain.post(f"{self.url}/api/auth/user-token", json=body, timeout=10)
        assert reply.status_code in (200, 201), reply.text
        return Person(self.url, reply.json()["token"])

    def admin(self, hotel: str | None = None) -> "Person":
        login = self.first_login()
        return self.log_in(login["username"], login["password"], hotel=hotel)

    def person(self, name: str, *, role: str = "staff", hotel: str = "grand") -> "Person":
        """Somebody new of this hotel, logged in."""
        self.cli("user", "add", hotel, name, "--role", role, "--password-stdin", stdin=PASSWORD + "\n")
        return self.log_in(name, PASSWORD, hotel=hotel)

    def furnish(
        self, hotel: str = "grand", *, rooms: int = 1, profile: str = "strict", channels: tuple[str, ...] = ()
    ) -> None:
        """A hotel with rooms 101, 102, … on floor 1, an access point and a tablet tab-101, … in each."""
        self.cli("hotel", "add", hotel, "--profile", profile, *channels)
        for number in range(101, 101 + rooms):
            bssid = bssid_of(number)
            self.cli("room", "add", hotel, str(number), "--floor", "1", "--ap", bssid, "--floor-rssi", "-75")
            self.cli("device", "add", hotel, f"tab-{number}", "--room", str(number))


def metric(url: str, name: str) -> float | None:
    """A metric of the process at `url`; None when it has none of that name, or says nothing at all."""
    try:
        text = plain.get(f"{url}/metrics", timeout=5).text
    except httpx.TransportError:
        return None
    values = (line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} "))
    return next((float(value) for value in values), None)


def _runs(process: Process | None) -> bool:
    return process is not None and process.exit_code() is None


class Person:
    """Somebody who is logged in over HTTP."""

    def __init__(self, url: str, token: str) -> None:
        self.token = token
        self._url = url

    def get(self, path: str, **params: str | int) -> Json:
        reply = plain.get(f"{self._url}{path}", params=params, headers=self._headers(), timeout=10)
        assert reply.status_code == 200, f"{path}: {reply.status_code} {reply.text}"
        return reply.json()

    def all(self, path: str, **params: str | int) -> list[Json]:
        """Every item of a list, page by page."""
        items: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **params, **cursor)
            items += page["items"]
            if not page["next"]:
                return items
            cursor = {"cursor": page["next"]}

    def open_alerts(self) -> list[Json]:
        return self.all("/api/alerts", status="open")

    def has_heard(self, *devices: str, at: datetime) -> bool:
        """Whether the last that is stored of each of these tablets came at this moment of a clock that stands.

        What is answered, or acknowledged by a broker by itself, need not be stored yet, and the clock must wait for it.
        """
        last = {one["deviceId"]: one["lastHeard"] for one in self.all("/api/devices")}
        return all(last[name] is not None and datetime.fromisoformat(last[name]) == at for name in devices)

    def post(self, path: str, body: Json) -> httpx.Response:
        return plain.post(f"{self._url}{path}", json=body, headers=self._headers(), timeout=10)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def bssid_of(room: int) -> str:
    return f"02:00:5e:00:00:{room % 256:02x}"


_numbers = itertools.count(1)


class TabletsClock:
    """The clock of the tablets of a test: it follows that of the servers, unless the test says another time."""

    def __init__(self) -> None:
        self.file: Path | None = None

    def now(self) -> datetime:
        return Clock(self.file).now()


tablets_clock = TabletsClock()


class StoppedClock:
    """The one clock of a test's servers and tablets.

    It stands still until the test moves it, so that no answer depends on how fast the machine is.
    """

    def __init__(self, file: Path) -> None:
        self.began = datetime.now(UTC).replace(microsecond=0)
        self.passed = 0.0
        self.env = {"INNWATCH_CLOCK": str(file)}
        self._file = file
        self.pass_to(0)

    @property
    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.passed)

    def pass_to(self, seconds: float) -> None:
        """It is so many seconds after the beginning now."""
        self.passed = seconds
        written = self._file.with_suffix(".new")
        written.write_text(self.now.isoformat())
        written.replace(self._file)

    def pass_by(self, seconds: float) -> None:
        self.pass_to(self.passed + seconds)


def heartbeat(*, bssid: str, rssi: int = -55, battery: int = 80, **fields: object) -> str:
    """A heartbeat as a tablet sends it, with an id of its own."""
    stamp = tablets_clock.now().isoformat()
    body = {"id": f"m-{next(_numbers):06}", "ts": stamp, "wifiBssid": bssid, "rssi": rssi, "battery": battery}
    return json.dumps(body | fields)
