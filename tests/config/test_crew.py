"""Processes beside each other: kept running, listened to, summed up, and never left behind."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.crew import Crew
from config.logs import said
from tests.support import eventually

ROOT = Path(__file__).parent.parent.parent


@asynccontextmanager
async def running(name: str, *, size: int = 2, silence: float = 20.0) -> AsyncIterator[Crew]:
    """A crew whose members run the coroutine of that name in tests/config/member.py."""
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"]
    command[-1] += f"from tests.config import member; member.main({name!r})"
    with Crew.made(command, size=size, silence=silence) as crew:
        async with asyncio.TaskGroup() as parts:
            task = parts.create_task(crew.run())
            yield crew
            task.cancel()


def members() -> list[int]:
    """The processes that this one has started and that run."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [int(child) for child in children if _runs(int(child))]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def value(crew: Crew, name: str) -> float | None:
    return crew.registry.get_sample_value(name)


async def test_what_they_lack_is_said_once_until_nothing_is_missing() -> None:
    async with running("sound") as crew:
        assert crew.problems() == ["starting"]
        await eventually(lambda: crew.problems() == [], within=20)

    async with running("needy") as crew:
        await eventually(lambda: crew.problems() == ["tea", "biscuits"], within=20)


async def test_their_counts_are_summed_up_and_outlive_them() -> None:
    async with running("sound") as crew:
        await eventually(lambda: value(crew, "cups_total") == 2, within=20)
        assert value(crew, "hot") == 1
        os.kill(members()[0], signal.SIGKILL)
        await eventually(lambda: value(crew, "cups_total") == 3, within=20)
        assert value(crew, "innwatch_worker_restarts_total") == 1


async def test_one_that_is_killed_is_started_again_and_the_other_left_alone() -> None:
    async with running("sound") as crew:
        await eventually(lambda: crew.problems() == [], within=20)
        victim, other = members()
        os.kill(victim, signal.SIGKILL)
        await eventually(lambda: any("ended and is started again" in lack for lack in crew.problems()))
        await eventually(lambda: crew.problems() == [] and len(members()) == 2, within=20)
        assert other in members()
        assert victim not in members()


async def test_one_that_says_nothing_any_more_is_replaced() -> None:
    async with running("sound", silence=3) as crew:
        await eventually(lambda: crew.problems() == [], within=20)
        victim = members()[0]
        os.kill(victim, signal.SIGSTOP)
        await eventually(lambda: victim not in members() and len(members()) == 2, within=30)
        await eventually(lambda: crew.problems() == [], within=20)


async def test_one_that_keeps_ending_is_started_less_and_less_often(caplog: pytest.LogCaptureFixture) -> None:
    async with running("broken", size=1):
        await eventually(lambda: len(caplog.records) == 3, within=30)

    assert [said(record)[1] for record in caplog.records] == [
        {"number": 1, "code": 3, "pause": pause} for pause in (1, 2, 4)
    ]


@pytest.mark.parametrize("name", ["sound", "stubborn"])
async def test_none_is_left_behind(name: str) -> None:
    async with running(name) as crew:
        await eventually(lambda: crew.problems() == [], within=20)
        left = members()
        assert len(left) == 2

    assert not any(map(_runs, left))
