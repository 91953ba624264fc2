"""Finds the tests that carry a statement's number, by having pytest collect them."""

import re
from pathlib import Path

import pytest

from tests.broker.standard.statements import Shown

ROOT = Path(__file__).parents[3]
TESTS = "tests/broker"

# The event loop that a test runs on is part of its name in brackets, and says nothing about what it shows.
_LOOP = re.compile(r"^(asyncio|uvloop)(-|$)")


class CollectionFailed(Exception):
    """The tests cannot even be collected; pytest's exit code."""


class Marks:
    """A pytest plugin that keeps the marks of what was collected, by number, in the order of the files."""

    def __init__(self) -> None:
        self.shown: dict[str, list[Shown]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            if any(item.iter_markers("xfail")) or any(item.iter_markers("skip")):
                continue  # It shows nothing.
            for mark in item.iter_markers("mqtt"):
                test = Shown(item.path.relative_to(ROOT).as_posix(), _name(item, mark))
                for number in mark.args:
                    tests = self.shown.setdefault(number, [])
                    if test not in tests:
                        tests.append(test)


def collect() -> dict[str, list[Shown]]:
    """Return the marked tests by the statement that they show. Runs pytest in this process, without running a test."""
    marks = Marks()
    quiet = ["-p", "no:terminal", "-p", "no:randomly", "-o", "addopts=", "--import-mode=importlib", "--strict-markers"]
    code = pytest.main([*quiet, "--collect-only", "--rootdir", str(ROOT), str(ROOT / TESTS)], plugins=[marks])
    if code != pytest.ExitCode.OK:
        raise CollectionFailed(code)
    return marks.shown


def _name(item: pytest.Item, mark: pytest.Mark) -> str:
    """Return the function's name, with the case in brackets where it is the case that carries the mark."""
    name = getattr(item, "originalname", None) or item.name
    case = getattr(item, "callspec", None)
    if case is None or mark not in case.marks:
        return str(name)
    return f"{name}[{_LOOP.sub('', case.id)}]"
