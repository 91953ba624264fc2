"""A Mosquitto of a test's own, set up as docs/operations.md says one should be; what it keeps survives being killed."""

import asyncio
import contextlib
import signal
import socket
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import Process, Processes
from tests.support.servers import requires
from tests.support.waiting import eventually_sync


class Mosquitto:
    """Made by a test, started with `start` as often as it likes. `rules` are further lines of its configuration."""

    def __init__(self, processes: Processes, folder: Path, *rules: str) -> None:
        self.port = free_port()
        self._processes = processes
        self._program = requires("mosquitto")
        kept = folder / "mosquitto"
        kept.mkdir()
        self._config = kept / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true" if not rules else "allow_anonymous false",
            "user root",  # where the tests run as root, it would give up the right to write to `kept`
            "persistence true",
            f"persistence_location {kept}/",
            "autosave_interval 1",
            "autosave_on_changes true",
            "max_queued_messages 100000",
            "max_inflight_messages 1000",
            *rules,
        ]
        self._config.write_text("\n".join(lines) + "\n")
        self.process: Process | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = self._processes.start([self._program, "-c", self._config])
        eventually_sync(self._answers)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def freeze(self) -> None:
        """It takes connections and says nothing: what a broken network looks like."""
        assert self.process is not None
        self.process.signal(signal.SIGSTOP)

    async def start_anew(self) -> None:
        await asyncio.to_thread(self.start)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False
