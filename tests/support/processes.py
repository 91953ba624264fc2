"""Processes that a test starts and that never outlive it."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE = 5.0
"""Seconds between a polite request to end and the signal that cannot be refused."""


class Process:
    """One started program. What it prints, to either stream, goes to a file that `output` reads."""

    def __init__(
        self, command: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None, cwd: Path | None
    ) -> None:
        self.command = [str(word) for word in command]
        self.log = log
        with log.open("wb") as printed:
            # A session of its own, so that the children it leaves can be ended by its id and nobody else's can.
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def output(self) -> str:
        """Return everything printed so far."""
        return self.log.read_text(errors="replace")

    def exit_code(self) -> int | None:
        """Return None while it runs, then its exit code, which is minus the signal's number if a signal ended it."""
        return self._child.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program itself; to one that has ended this does nothing."""
        self._child.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL) and wait until it is gone."""
        self._child.kill()
        self._child.wait()

    def wait(self, *, within: float) -> int:
        """Return the exit code; raises AssertionError with what was printed if it has not ended in time."""
        try:
            return self._child.wait(timeout=within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[0]} still ran after {within:g} s:\n{self.output()}") from None

    def end(self) -> None:
        """End it politely, then by force, and whatever children it leaves behind."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(timeout=GRACE)
            except subprocess.TimeoutExpired:
                self.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)


class Processes:
    """Starts programs and ends them all, the last one first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Process] = []

    def start(
        self, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Process:
        """Start a program; `env` is added to the environment of the tests."""
        log = self._folder / f"{len(self._started)}-{Path(command[0]).name}.log"
        process = Process(command, log=log, env=env, cwd=cwd)
        self._started.append(process)
        return process

    def end(self) -> None:
        while self._started:
            self._started.pop().end()
