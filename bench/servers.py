"""The servers that are measured, each private, on free ports, and ended by its process id."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from msgspec import Struct

from bench.credentials import read_tablets, write_login, write_tablets
from bench.failure import BenchFailed
from bench.machine import pinned
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import eventually_sync

HOTEL = "bench"
CONSOLE = "console"
DATA = "data"

SETTINGS = {
    "INNWATCH_MQTT_CONNECTIONS_PER_ADDRESS": "20000",
    "INNWATCH_MQTT_SESSIONS_PER_IDENTITY": "1000",
    "INNWATCH_ISOLATION_EVERY": "off",
}
"""What the bench needs otherwise than by default: all come from one address, and all consoles are one person's."""


def command(env: Mapping[str, str]) -> list[str]:
    """The words that start `innwatch`. Nothing but these decides how it runs."""
    settings = {"LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin", **SETTINGS, **env}
    innwatch = str(Path(sys.executable).with_name("innwatch"))
    return ["env", "-i", *(f"{name}={value}" for name, value in settings.items()), innwatch]


MOSQUITTO = """\
listener {mqtt_port} 127.0.0.1
listener {ws_port} 127.0.0.1
protocol websockets
allow_anonymous true
persistence false
set_tcp_nodelay true
connection_messages false
log_type error
"""


class Broker(Struct, frozen=True):
    """A running server that tablets can publish to."""

    pid: int
    mqtt_url: str
    ws_url: str = ""


@contextmanager
def sink(program: Path, *, folder: Path, cores: frozenset[int]) -> Iterator[Broker]:
    """Run the generator's own sink: it acknowledges everything and does nothing else."""
    port = free_port()
    with running("sink", [program, "--sink", str(port)], folder=folder, cores=cores) as process:
        wait(process, lambda: _accepts(port))
        yield Broker(pid=process.pid, mqtt_url=f"mqtt://127.0.0.1:{port}")


@contextmanager
def mosquitto(program: Path, *, folder: Path, cores: frozenset[int]) -> Iterator[Broker]:
    """Run Mosquitto with neither login nor persistence."""
    mqtt_port, ws_port = free_port(), free_port()
    settings = folder / "mosquitto.conf"
    settings.write_text(MOSQUITTO.format(mqtt_port=mqtt_port, ws_port=ws_port))
    with running("mosquitto", [program, "-c", settings], folder=folder, cores=cores) as process:
        wait(process, lambda: _accepts(mqtt_port) and _accepts(ws_port))
        yield Broker(pid=process.pid, mqtt_url=f"mqtt://127.0.0.1:{mqtt_port}", ws_url=f"ws://127.0.0.1:{ws_port}/mqtt")


class Innwatch:
    """`innwatch up` in a data folder of its own, with a hotel of tablets, as somebody who uses it would set it up.

    `env`: what its environment holds beside what the bench needs.
    """

    def __init__(self, broker: Broker, *, folder: Path, http_url: str, env: Mapping[str, str] | None = None) -> None:
        self.broker = broker
        self._env = env or {}
        self.events_url = f"{http_url}/api/events"
        self._counted = 0
        self._folder = folder
        self._data = folder / DATA

    def add_tablets(self, count: int) -> Path:
        """Make the hotel, and devices in rooms of their own; return the file with their tokens."""
        self.run_command(["hotel", "add", HOTEL])
        text = self.run_command(
            ["device", "add", HOTEL, "--count", str(count), "--prefix", "tab-", "--tokens", "--csv"]
        )
        tablets = read_tablets(text)
        if len(tablets) != count:
            raise BenchFailed(f"`innwatch device add --count {count}` printed {len(tablets)} tablets")
        return write_tablets(self._folder / "tablets.csv", tablets)

    def add_console_token(self) -> str:
        """Make a member of the staff and return a token of theirs."""
        password = ["--role", "staff", "--password-stdin"]
        self.run_command(["user", "add", HOTEL, CONSOLE, *password], typed="a-password-for-the-bench\n")
        return self.run_command(["token", "user", HOTEL, CONSOLE]).strip()

    def add_console(self) -> Path:
        """Do the same and return the file with the login of a console."""
        username, token = f"{HOTEL}/user/{CONSOLE}", self.add_console_token()
        return write_login(
            self._folder / "console.csv", client_id=f"{username}/bench", username=username, password=token
        )

    def newly_stored(self) -> int:
        """Ask how many messages of the hotel were stored since this was asked last."""
        printed = self.run_command(["messages", HOTEL, "--count"]).strip()
        if not printed.isdecimal():
            raise BenchFailed(f"`innwatch messages --count` printed {printed!r}")
        before, self._counted = self._counted, int(printed)
        return self._counted - before

    def run_command(self, words: Sequence[str], *, typed: str = "", with_data: bool = True) -> str:
        """Run `innwatch …`; what it printed."""
        line = [*command(self._env), *words, *(["--data", str(self._data)] if with_data else [])]
        ended = subprocess.run(line, input=typed, capture_output=True, text=True, timeout=120, check=False)
        if ended.returncode != 0:
            raise BenchFailed(f"innwatch {' '.join(words)}: {ended.stderr.strip()[-500:]}")
        return ended.stdout


@contextmanager
def innwatch(folder: Path, *, cores: frozenset[int]) -> Iterator[Innwatch]:
    """Run `innwatch up` until the block ends."""
    http_port, mqtt_port, ws_port = free_port(), free_port(), free_port()
    ports = ["--http-port", str(http_port), "--mqtt-port", str(mqtt_port), "--ws-port", str(ws_port)]
    line = [*command({}), "up", "--data", str(folder / DATA), "--host", "127.0.0.1", *ports]
    http_url = f"http://127.0.0.1:{http_port}"
    with running("innwatch", line, folder=folder, cores=cores) as process:
        wait(process, lambda: is_ready(f"{http_url}/health/ready"))
        broker = Broker(
            pid=process.pid, mqtt_url=f"mqtt://127.0.0.1:{mqtt_port}", ws_url=f"ws://127.0.0.1:{ws_port}/mqtt"
        )
        yield Innwatch(broker, folder=folder, http_url=http_url)


@contextmanager
def running(name: str, line: Sequence[str | Path], *, folder: Path, cores: frozenset[int]) -> Iterator[Process]:
    """Run a program until the block ends."""
    with pinned(cores):
        process = Process(line, log=folder / f"{name}.log", env=None, cwd=folder)
    try:
        yield process
    finally:
        process.end()


def wait(process: Process, ready: Callable[[], bool]) -> None:
    """Wait until a server serves; raises BenchFailed with what it printed if it ended or never does."""
    try:
        eventually_sync(lambda: process.exit_code() is not None or ready(), within=30)
    except AssertionError:
        raise BenchFailed(f"{process.log.stem} does not serve:\n{process.output()[-2000:]}") from None
    if process.exit_code() is not None:
        raise BenchFailed(f"{process.log.stem} ended at once:\n{process.output()[-2000:]}")


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_ready(url: str) -> bool:
    """Whether this address answers 200."""
    try:
        return httpx.get(url, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
