"""Running `innwatch` in tests."""

import asyncio
import contextlib
import io
import os
import subprocess
import sys
import sysconfig
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from config.cli import run
from config.folder import Folder
from store import LocalDoorbell, Store

T = TypeVar("T")

INNWATCH = Path(sysconfig.get_path("scripts")) / "innwatch"

OURS = (
    "INNWATCH_",
    "SMTP_",
    "SLACK_",
    "ALERT_",
    "JWT_",
    "SECRET_KEY",
    "DATABASE_URL",
    "REDIS_URL",
    "API_TOKEN",
    "CORS_",
)


class Ended(Struct, frozen=True):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def json(self) -> Any:  # noqa: ANN401, whatever was printed
        return msgspec.json.decode(self.out)


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


def run_here(*words: str | Path, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ended:
    """Run one command in this process, with everything that it would find in one of its own."""
    out, err = io.StringIO(), io.StringIO()
    with (
        _environment(environment or {}),
        _standard_input(stdin),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run([str(word) for word in words])
    return Ended(code, out.getvalue(), err.getvalue())


def quiet_environment(added: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the tests without any setting of Innwatch but those added."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | dict(added)


def _read_from(terminal: int) -> Iterator[bytes]:
    with contextlib.suppress(OSError):  # how Linux says that nobody writes to a terminal any more
        while read := os.read(terminal, 4096):
            yield read


@contextlib.contextmanager
def _environment(added: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    wanted = quiet_environment(added)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _standard_input(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before
