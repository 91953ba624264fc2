"""Fixtures of the tests of settings, command line and simulator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.desk import Desk, PlainBroker
from tests.support import Processes


@pytest.fixture
def plain_broker(processes: Processes, tmp_path: Path) -> PlainBroker:
    broker = PlainBroker(processes, tmp_path)
    broker.start()
    return broker


@pytest.fixture
def desk(plain_broker: PlainBroker) -> Iterator[Desk]:
    with Desk(plain_broker.port).listening() as desk:
        yield desk
