"""Innwatch as one server: broker, bridge, API and worker, each a process, on a PostgreSQL and a Redis of their own.

The database keeps its promise to the disk (fsync, synchronous_commit). What each part costs is counted with all its
children: a session of PostgreSQL is a process.
"""

import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from msgspec import Struct

from bench.failure import BenchFailed
from bench.machine import cpu_s, pinned
from bench.servers import DATA, Broker, Innwatch, command, is_ready, running, wait
from tests.support.ports import free_port
from tests.support.postgresql import PostgreSQL
from tests.support.processes import Processes
from tests.support.redis import Redis

EVERY_S = 0.2
"""Between two samples of what is stored and what it cost."""

POSTGRESQL = (
    "fsync=on",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "session_preload_libraries=auto_explain",
)
"""What is not by default: it keeps what it commits (the tests' need not), has room, and could explain its plans."""

MOSQUITTO = """\
listener {mqtt_port} 127.0.0.1
listener {ws_port} 127.0.0.1
protocol websockets
allow_anonymous true
user root
persistence true
persistence_location {folder}/
autosave_interval 60
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
connection_messages false
log_type error
"""


class Sample(Struct, frozen=True):
    """A moment: its time, how many messages were stored until then, and the CPU seconds of each part."""

    at: float
    stored: float
    cpu_s: Mapping[str, float]


class Window(Struct, frozen=True):
    """What was stored between two samples, and what that cost each part."""

    seconds: float
    stored: float
    cpu_s: Mapping[str, float]

    @property
    def per_second(self) -> float:
        return self.stored / self.seconds

    def cpu_per_10_000(self, *parts: str) -> float:
        """CPU seconds of these parts, or of all, for 10,000 stored messages."""
        if not self.stored:
            raise BenchFailed("nothing was stored in the measured window")
        return sum(self.cpu_s[part] for part in parts or self.cpu_s) / self.stored * 10_000


class OneServer(Innwatch):
    """The processes of one installation, by name; used as an `Innwatch` is."""

    def __init__(
        self,
        broker: Broker,
        *,
        folder: Path,
        http_url: str,
        env: Mapping[str, str],
        bridge_url: str,
        postgresql: PostgreSQL,
    ) -> None:
        super().__init__(broker, folder=folder, http_url=http_url, env=env)
        self.url = http_url
        self.parts: dict[str, int] = {}
        self._bridge_url = bridge_url
        self._postgresql = postgresql
        self._database = env["DATABASE_URL"].rpartition("/")[2]

    def sql(self, *statements: str) -> str:
        """Do this in the database, as the superuser; what it answers, a line for each row."""
        return self._postgresql.sql(*statements, database=self._database, within=600)

    def database_log(self) -> str:
        return self._postgresql.process.output() if self._postgresql.process is not None else ""

    @contextmanager
    def sampled(self) -> Iterator[list[Sample]]:
        """Take samples while the block runs; they are all there when it has ended."""
        samples: list[Sample] = [self._sample()]
        ended = threading.Event()

        def take() -> None:
            while not ended.wait(EVERY_S):
                samples.append(self._sample())

        taking = threading.Thread(target=take)
        taking.start()
        try:
            yield samples
        finally:
            ended.set()
            taking.join()

    def newly_stored_when_calm(self, expected: int, *, within: float) -> int:
        """Ask as `newly_stored` does, but wait until as many are stored as expected, or nothing more comes."""
        begun, until = self._counted, time.monotonic() + within
        stored = 0
        while stored < expected and time.monotonic() < until:
            time.sleep(0.5)
            stored += self.newly_stored()
        return self._counted - begun

    def metric(self, name: str) -> float:
        """What the bridge says of itself now."""
        text = httpx.get(f"{self._bridge_url}/metrics", trust_env=False).raise_for_status().text
        found = next((line for line in text.splitlines() if line.startswith(f"{name} ")), None)
        if found is None:
            raise BenchFailed(f"the bridge has no metric {name}")
        return float(found.split()[1])

    def _sample(self) -> Sample:
        stored = self.metric("innwatch_messages_stored_total")
        return Sample(time.monotonic(), stored, {name: cpu_s(pid) for name, pid in self.parts.items()})


def last(samples: Sequence[Sample], seconds: float) -> Window:
    """The last so many seconds."""
    end = samples[-1]
    begin = max((one for one in samples if one.at <= end.at - seconds), key=lambda one: one.at, default=samples[0])
    return Window(
        seconds=end.at - begin.at,
        stored=end.stored - begin.stored,
        cpu_s={name: end.cpu_s[name] - begin.cpu_s[name] for name in end.cpu_s},
    )


@contextmanager
def one_server(folder: Path, *, cores: frozenset[int], mosquitto: Path | None = None) -> Iterator[OneServer]:
    """Run everything until the block ends; `mosquitto` is the broker, or None for ours."""
    mqtt_port, ws_port, http_port, broker_health, bridge_health, worker_health = (free_port() for _ in range(6))
    with ExitStack() as stack, pinned(cores):
        servers = Processes(folder)
        stack.callback(servers.end)
        # Beneath the temporary folder of the bench, which the database's own account may not enter: open the way.
        for one in (folder, folder.parent):
            one.chmod(0o755)
        postgresql = PostgreSQL(servers, folder / "postgresql", *POSTGRESQL)
        postgresql.start()
        stack.callback(postgresql.end)
        redis = Redis(servers, folder)
        redis.start()
        env = {
            "DATABASE_URL": postgresql.database(),
            "REDIS_URL": redis.url,
            "SECRET_KEY": secrets.token_urlsafe(48),
        }
        server = OneServer(
            Broker(pid=0, mqtt_url=f"mqtt://127.0.0.1:{mqtt_port}", ws_url=f"ws://127.0.0.1:{ws_port}/mqtt"),
            folder=folder,
            http_url=f"http://127.0.0.1:{http_port}",
            env=env,
            bridge_url=f"http://127.0.0.1:{bridge_health}",
            postgresql=postgresql,
        )
        server.run_command(["migrate"], with_data=False)

        def part(name: str, *words: object, ready: str, data: bool = False) -> None:
            more = ["--data", str(folder / DATA)] if data else []
            line = [*command(env), name, "--host", "127.0.0.1", *map(str, words), *more]
            process = stack.enter_context(running(name, line, folder=folder, cores=cores))
            wait(process, lambda: is_ready(ready))
            server.parts[name] = process.pid

        if mosquitto is None:
            ports = ("--mqtt-port", mqtt_port, "--ws-port", ws_port, "--health-port", broker_health)
            part("broker", *ports, ready=f"http://127.0.0.1:{broker_health}/health/ready", data=True)
        else:
            kept = folder / "mosquitto"
            kept.mkdir()
            settings = folder / "mosquitto.conf"
            settings.write_text(MOSQUITTO.format(mqtt_port=mqtt_port, ws_port=ws_port, folder=kept))
            process = stack.enter_context(running("broker", [mosquitto, "-c", settings], folder=folder, cores=cores))
            server.parts["broker"] = process.pid
        broker = ("--broker", f"mqtt://127.0.0.1:{mqtt_port}")
        part("bridge", *broker, "--health-port", bridge_health, ready=f"http://127.0.0.1:{bridge_health}/health/ready")
        part("api", "--http-port", http_port, ready=f"http://127.0.0.1:{http_port}/health/ready")
        part("worker", "--health-port", worker_health, ready=f"http://127.0.0.1:{worker_health}/health/ready")
        for name, process_of in (("postgresql", postgresql.process), ("redis", redis.process)):
            if process_of is not None:
                server.parts[name] = process_of.pid
        yield server
