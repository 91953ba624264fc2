"""Fixtures of the tests of settings, command line and simulator."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.folder import Folder
from store import LocalDoorbell, Store
from tests.config.command_line import CommandLine
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


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated data folder with nothing in it, to be copied: migrating takes longer than most tests."""
    folder = Folder.make(tmp_path_factory.mktemp("installation") / "data", for_tests=True)
    asyncio.run(_migrate(folder))
    folder.signing_key()
    return folder.path


async def _migrate(folder: Folder) -> None:
    store = await Store.open(folder.database_url, doorbell=LocalDoorbell())
    await store.close()


@pytest.fixture
def cli(new_folder: Path, tmp_path: Path) -> CommandLine:
    """The command line on an installation of its own, in an environment that says nothing."""
    shutil.copytree(new_folder, tmp_path / "data")
    return CommandLine(Folder.find(tmp_path / "data"))
