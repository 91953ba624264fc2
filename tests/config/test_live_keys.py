"""A process that runs takes up what `innwatch keys` does, and is not led astray by a file that is of no use."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config import keys as live
from config.folder import Folder
from config.keys import LiveKeys
from config.settings import read_settings
from tests.config.keyed import NOW, YEAR, is_good, remove, rotate, signer, token_of
from tests.support import eventually


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.make(tmp_path / "data", for_tests=True)


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK", 0.02)


@asynccontextmanager
async def running(folder: Folder) -> AsyncIterator[tuple[LiveKeys, list[frozenset[str]]]]:
    """The keys of a process, and what was left at each time that one was taken out."""
    keys = LiveKeys(read_settings({}), folder, now=lambda: NOW)
    left: list[frozenset[str]] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keys.run(taken_out=lambda: left.append(keys.ring.known(NOW))))
        yield keys, left
        task.cancel()


async def test_a_rotation_reaches_the_ring_that_everybody_holds(folder: Folder) -> None:
    async with running(folder) as (keys, left):
        token = token_of(keys.ring)
        new = rotate(folder)
        await eventually(lambda: signer(keys.ring, NOW) == new)
        assert is_good(keys.ring, token)
        assert left == []


async def test_whoever_holds_connections_is_told_that_a_key_is_gone(folder: Folder) -> None:
    first = rotate(folder)
    async with running(folder) as (keys, left):
        rotate(folder)
        remove(folder, first)
        await eventually(lambda: left)
        assert first not in left[0]
        assert not keys.ring.knows(first, NOW)


async def test_whoever_holds_connections_is_told_that_a_keys_time_is_over(folder: Folder) -> None:
    clock = [NOW]
    first = rotate(folder)
    rotate(folder)
    keys = LiveKeys(read_settings({}), folder, now=lambda: clock[0])
    told: list[bool] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keys.run(taken_out=lambda: told.append(keys.ring.knows(first, clock[0]))))
        await asyncio.sleep(0)
        clock[0] += YEAR
        await eventually(lambda: told == [False])
        task.cancel()


async def test_a_file_that_is_torn_or_gone_changes_nothing_and_is_told(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    kid = rotate(folder)
    async with running(folder) as (keys, left):
        whole = folder.keys.read_bytes()
        folder.keys.write_bytes(whole[:-30])
        await eventually(lambda: "torn" in caplog.text)
        assert [str(folder.path) in line for line in keys.problems()] == [False]
        folder.keys.unlink()
        await eventually(lambda: "gone" in caplog.text)
        assert signer(keys.ring, NOW) == kid
        folder.keys.write_bytes(whole)
        await eventually(lambda: keys.problems() == [])
        assert left == []
    assert [line.levelname for line in caplog.records].count("ERROR") == 2
    assert json.loads(whole)["keys"][-1]["key"] not in caplog.text
