"""What pytest hands to every test."""

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from config.logs import formatter
from tests.support import PostgreSQL, Processes, Redis

# How long one example takes on a busy machine says nothing about the code; the rest stays as Hypothesis has it, which
# repeats the same examples in CI.
hypothesis.settings.register_profile("house", parent=hypothesis.settings(), deadline=None)
hypothesis.settings.register_profile("thorough", parent=hypothesis.settings(), deadline=None, max_examples=5000)
hypothesis.settings.load_profile("house")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let `caplog.text`, and what is shown of a test that failed, have a line's fields: no secret may be in those."""
    logs = session.config.pluginmanager.get_plugin("logging-plugin")
    assert logs is not None
    for handler in (logs.caplog_handler, logs.report_handler):
        handler.setFormatter(formatter(as_json=False))


def pytest_collection_finish() -> None:
    """Look through what is imported and collected no more: a tenth of all CPU went into finding that it is in use."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Start programs with `processes.start([...])`; each is ended by its process id when the test ends."""
    folder = tmp_path / "processes"
    folder.mkdir()
    started = Processes(folder)
    try:
        yield started
    finally:
        started.end()


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """The PostgreSQL that all tests share, each with a `postgresql.database()` of its own: never stop it."""
    folder = tmp_path_factory.mktemp("postgresql")
    processes = Processes(folder)
    # Not in pytest's folder, into which nobody but its owner can see, as PostgreSQL must where that is root.
    server = PostgreSQL(processes, Path(tempfile.mkdtemp(prefix="innwatch-postgresql-")))
    try:
        server.start()
        yield server
    finally:
        server.end()
        processes.end()


@pytest.fixture
def own_postgresql(processes: Processes) -> Iterator[PostgreSQL]:
    """A PostgreSQL that a test may stop and kill, running, with fsync on."""
    server = PostgreSQL(processes, Path(tempfile.mkdtemp(prefix="innwatch-postgresql-")), "fsync=on")
    try:
        server.start()
        yield server
    finally:
        server.end()


@pytest.fixture
def redis(processes: Processes, tmp_path: Path) -> Redis:
    """A Redis that a test may kill, flush and freeze, running."""
    server = Redis(processes, tmp_path)
    server.start()
    return server
