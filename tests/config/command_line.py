"""Running `innwatch` in tests."""

import asyncio
import contextlib
import os
import subprocess
import sysconfig
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from config.folder import Folder
from store import LocalDoorbell, Store
from tests.support.command_line import Ended, quiet_environment, run_here

T = TypeVar("T")

INNWATCH = Path(sysconfig.get_path("scripts")) / "innwatch"


class CommandLine:
    """`innwatch` on one data folder. A call is made in this process; `as_process` starts the installed program."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def __call__(self, *words: str | Path, stdin: str = "", **environment: str) -> Ended:
        """Run a command with --data; raise AssertionError unless it does what it is asked."""
        ended = self.refused(*words, stdin=stdin, **environment)
        assert ended.code == 0, ended.err
        return ended

    def refused(self, *words: str | Path, stdin: str = "", **environment: str) -> Ended:
        """Run a command with --data, whatever comes of it."""
        return run_here(*words, "--data", self.folder.path, stdin=stdin, environment=environment)

    def as_process(self, *words: str | Path, stdin: str = "", **environment: str) -> Ended:
        ended = subprocess.run(
            [INNWATCH, *words, "--data", self.folder.path],
            input=stdin,
            env=quiet_environment(environment),
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def on_a_terminal(self, *words: str | Path, **environment: str) -> str:
        """What a person at a terminal reads while a command does what it is asked."""
        ours, its = os.openpty()
        with subprocess.Popen(
            [INNWATCH, *words, "--data", self.folder.path],
            stdin=subprocess.DEVNULL,
            stdout=its,
            env=quiet_environment(environment),
        ) as running:
            os.close(its)
            told = b"".join(_read_from(ours)).decode()
        os.close(ours)
        assert running.returncode == 0
        return told.replace("\r\n", "\n")

    def with_store(self, work: Callable[[Store], Awaitable[T]]) -> T:
        """Look into the same database from here."""

        async def opened() -> T:
            store = await Store.open(self.folder.database_url, doorbell=LocalDoorbell(), migrate=False)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(opened())


def _read_from(terminal: int) -> Iterator[bytes]:
    with contextlib.suppress(OSError):  # how Linux says that nobody writes to a terminal any more
        while read := os.read(terminal, 4096):
            yield read
