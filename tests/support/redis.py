"""A Redis of a test's own, which forgets everything when it ends, as ours may."""

import asyncio
import signal
from pathlib import Path

from redis import Redis as Client
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotYet
from redis.retry import Retry

from tests.support.ports import free_port
from tests.support.processes import Process, Processes
from tests.support.servers import requires
from tests.support.waiting import eventually_sync


class Redis:
    """Made by a test, started with `start` as often as it likes. `rules` are further words, such as "--maxmemory"."""

    def __init__(self, processes: Processes, folder: Path, *rules: str, password: str = "") -> None:
        self.port = free_port()
        self._processes = processes
        self._folder = folder
        self._password = password
        self._rules = [*rules, *(["--requirepass", password] if password else [])]
        self._program = requires("redis-server")
        self.process: Process | None = None

    @property
    def url(self) -> str:
        login = f":{self._password}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    def client(self) -> Client:
        """Return a client to look inside with, which never tries twice; close it."""
        return Client.from_url(self.url, socket_timeout=5, decode_responses=True, retry=Retry(NoBackoff(), 0))

    def start(self) -> None:
        """Start it, empty, and return when it answers."""
        self.process = self._processes.start(
            [
                *(self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self._folder),
                *("--save", "", "--appendonly", "no", *self._rules),
            ]
        )
        eventually_sync(self._answers)

    async def start_anew(self) -> None:
        await asyncio.to_thread(self.start)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def flush(self) -> None:
        """Make it forget everything; connections and subscriptions stay."""
        with self.client() as client:
            client.flushall()

    def freeze(self) -> None:
        """It takes connections and says nothing: what a broken network looks like."""
        assert self.process is not None
        self.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except NotYet:
            return False
