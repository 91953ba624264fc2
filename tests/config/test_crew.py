"""Processes beside each other: kept running, listened to, summed up, and never left behind."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from prometheus_client import Counter

from config.crew import Crew
from tests.config.foreman import Said
from tests.support import Process, Processes, eventually_sync

ROOT = Path(__file__).parent.parent.parent


class Team:
    """A crew, seen from outside."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @property
    def said(self) -> Said:
        """What it said last."""
        printed = self.process.output()
        start = printed.rfind('{"lacks"', 0, printed.rfind("\n") + 1)  # of the last whole line
        assert start >= 0, printed
        return msgspec.json.decode(printed[start:].partition("\n")[0], type=Said)

    def is_sound(self) -> bool:
        assert self.said.lacks == [], self.process.output()
        return len(self.members()) == 2

    def members(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def logged(self, event: str) -> list[dict[str, object]]:
        lines = [line for line in self.process.output().split("\n")[:-1] if line.startswith('{"at"')]
        return [line for line in map(json.loads, lines) if line["event"] == event]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def crew(processes: Processes) -> Callable[..., Team]:
    def started(name: str, *, size: int = 2, silence: float = 20.0) -> Team:
        command = [sys.executable, "-m", "tests.config.foreman", name, str(size), str(silence)]
        return Team(processes.start(command, cwd=ROOT))

    return started


def test_what_they_lack_is_said_once_until_nothing_is_missing(crew: Callable[..., Team]) -> None:
    sound, needy = crew("sound"), crew("needy")

    eventually_sync(lambda: sound.said.lacks == ["starting"], within=40)
    eventually_sync(sound.is_sound, within=40)
    eventually_sync(lambda: needy.said.lacks == ["tea", "biscuits"], within=40)


def test_their_counts_are_summed_up_and_outlive_them(crew: Callable[..., Team]) -> None:
    team = crew("sound")
    eventually_sync(lambda: team.said.counts.get("cups_total") == 2, within=40)
    assert team.said.counts["hot"] == 1

    os.kill(team.members()[0], signal.SIGKILL)

    eventually_sync(lambda: team.said.counts["cups_total"] == 3, within=40)
    assert team.said.counts["innwatch_worker_restarts_total"] == 1
    assert team.said.counts["hot"] == 1


def test_one_that_has_just_begun_to_count_hides_nobody_elses_counts(tmp_path: Path) -> None:
    crew = Crew(lambda _: [], size=1, counts=tmp_path, silence=1.0)
    Counter("cups", "Tea made", registry=crew.registry).inc()
    (tmp_path / "counter_1.db").touch()

    assert crew.registry.get_sample_value("cups_total") == 1


def test_one_that_is_killed_is_started_again_and_the_other_left_alone(crew: Callable[..., Team]) -> None:
    team = crew("sound")
    eventually_sync(team.is_sound, within=40)
    victim, other = team.members()

    os.kill(victim, signal.SIGKILL)

    eventually_sync(lambda: "ended and is started again" in str(team.said.lacks), within=20)
    eventually_sync(team.is_sound, within=40)
    assert other in team.members()
    assert victim not in team.members()


def test_one_that_says_nothing_any_more_is_replaced(crew: Callable[..., Team]) -> None:
    team = crew("sound", silence=8)
    eventually_sync(team.is_sound, within=40)
    victim = team.members()[0]

    os.kill(victim, signal.SIGSTOP)

    eventually_sync(lambda: victim not in team.members() and team.is_sound(), within=40)
    assert len(team.logged("a worker process says nothing any more")) >= 1


def test_who_stood_still_itself_takes_nobody_else_for_frozen(crew: Callable[..., Team]) -> None:
    team = crew("sound", silence=8)
    eventually_sync(team.is_sound, within=40)
    members = team.members()
    said = len(team.process.output())

    os.kill(team.process.pid, signal.SIGSTOP)
    frozen_at = time.monotonic()
    eventually_sync(lambda: time.monotonic() - frozen_at > 9, within=20)
    os.kill(team.process.pid, signal.SIGCONT)

    eventually_sync(lambda: len(team.process.output()) > said + 2000, within=20)
    assert team.members() == members
    assert team.logged("a worker process says nothing any more") == []


def test_one_that_keeps_ending_is_started_less_and_less_often(crew: Callable[..., Team]) -> None:
    team = crew("broken", size=1)

    eventually_sync(lambda: len(team.logged("a worker process ended and is started again")) >= 3, within=40)

    ends = team.logged("a worker process ended and is started again")[:3]
    assert [(end["number"], end["code"], end["pause"]) for end in ends] == [(1, 3, 1.0), (1, 3, 2.0), (1, 3, 4.0)]


@pytest.mark.parametrize("name", ["sound", "stubborn"])
def test_none_is_left_behind(crew: Callable[..., Team], name: str) -> None:
    team = crew(name)
    eventually_sync(team.is_sound, within=40)
    members = team.members()

    team.process.signal(signal.SIGTERM)

    assert team.process.wait(within=40) == 0
    assert not any(map(runs, members))


def test_they_end_when_the_one_that_started_them_is_killed(crew: Callable[..., Team]) -> None:
    team = crew("sound")
    eventually_sync(team.is_sound, within=40)
    members = team.members()

    team.process.kill()

    eventually_sync(lambda: not any(map(runs, members)), within=40)
