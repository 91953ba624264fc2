"""What pytest hands to every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import Processes


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
