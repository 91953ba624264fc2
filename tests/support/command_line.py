"""Running a command of `innwatch` in the process of the tests, which spares it the loading of an interpreter.

tests/config runs the installed program as well, where it matters that it is one.
"""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from config.cli import run
from config.logs import LOGGERS

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


def run_here(*words: str | Path, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ended:
    """Run one command in this process, with everything that it would find in one of its own."""
    out, err = io.StringIO(), io.StringIO()
    with (
        _environment(environment or {}),
        _logs(),
        _standard_input(stdin),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = run([str(word) for word in words])
    return Ended(code, out.getvalue(), err.getvalue())


def run_beside(*words: str | Path, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ended:
    """As `run_here`, for a caller in whose thread an event loop may run."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run_here, *words, stdin=stdin, environment=environment).result()


def quiet_environment(added: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the tests without any setting of Innwatch but those added."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | dict(added)


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
def _logs() -> Iterator[None]:
    """What serves sets up logs of its own, which are not those of the tests."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in ("root", *LOGGERS)}
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def _standard_input(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before
