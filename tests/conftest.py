"""What pytest hands to every test."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support import Processes

# How long one example takes on a busy machine says nothing about the code; the rest stays as Hypothesis has it, which
# repeats the same examples in CI.
hypothesis.settings.register_profile("house", parent=hypothesis.settings(), deadline=None)
hypothesis.settings.register_profile("thorough", parent=hypothesis.settings(), deadline=None, max_examples=5000)
hypothesis.settings.load_profile("house")


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
