"""Processes that do the same work beside each other, and the one that starts them, watches them and speaks for them.

One that ends is started again, after a pause that grows while it keeps ending; one that says nothing for a while is
ended first. They end with the one that started them, however that ends: their standard input is a line to it, and
closes. On their standard output they tell it every second what they lack. Their counts lie in files that it sums up.
"""

import asyncio
import logging
import os
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import msgspec
from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from api.operations import Health
from config.serving import stop_on_signal

REPORT_EVERY: Final = 1.0

SILENCE: Final = 20.0
"""Seconds without a word after which one counts as frozen."""

FAREWELL: Final = 5.0
"""Seconds that one has to end by itself."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before one is started again: at first, and after a row of ends."""

SOUND_AFTER: Final = 60.0
"""Seconds after which an end is no longer one of a row."""

_IN, _OUT = 0, 1

Command = Callable[[int], Sequence[str]]

_log = logging.getLogger(__name__)


class Crew:
    """`size` processes, each started by what `command` says for its number, from 1.

    `registry` has the sums of what they count.
    """

    @classmethod
    @contextmanager
    def made(cls, command: Command, *, size: int, silence: float = SILENCE) -> Iterator[Self]:
        """A crew with a folder for its counts, which is removed at the end."""
        with tempfile.TemporaryDirectory(prefix="innwatch-counts-", ignore_cleanup_errors=True) as counts:
            yield cls(command, size=size, counts=Path(counts), silence=silence)

    def __init__(self, command: Command, *, size: int, counts: Path, silence: float) -> None:
        self.registry = CollectorRegistry()
        _Sums(self.registry, path=str(counts))  # type: ignore[no-untyped-call]
        self._restarts = restarts(self.registry)
        self._command = command
        self._counts = counts
        self._silence = silence
        self._lacks: list[list[str]] = [["starting"]] * size

    def problems(self) -> list[str]:
        """What any of them lacks, each thing once, in words for the health page."""
        return list(dict.fromkeys(lack for lacks in self._lacks for lack in lacks))

    async def run(self) -> None:
        """Keep all of them running until cancelled; then end them."""
        async with asyncio.TaskGroup() as members:
            for number in range(len(self._lacks)):
                members.create_task(self._keep(number))

    async def _keep(self, number: int) -> None:
        pause = SHORTEST_PAUSE
        while True:
            began = time.monotonic()
            code = await self._employ(number)
            pause = SHORTEST_PAUSE if time.monotonic() - began > SOUND_AFTER else min(2 * pause, LONGEST_PAUSE)
            self._lacks[number] = [f"worker process {number + 1} ended and is started again"]
            _log.error(
                "a worker process ended and is started again", {"number": number + 1, "code": code, "pause": pause}
            )
            await asyncio.sleep(pause)
            self._restarts.inc()

    async def _employ(self, number: int) -> int:
        """Start one and listen to it until it ends; its exit code, which is minus the signal's number if one did it."""
        member = await asyncio.create_subprocess_exec(
            *self._command(number + 1),
            stdin=PIPE,
            stdout=PIPE,
            # prometheus_client in a new process learns in no other way where to write.
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(self._counts)},  # noqa: TID251
        )
        try:
            await self._listen(number, member)
        finally:
            code = await _end(member)
            mark_process_dead(member.pid, path=str(self._counts))  # type: ignore[no-untyped-call]
        return code

    async def _listen(self, number: int, member: Process) -> None:
        assert member.stdout is not None  # noqa: S101 - it is a pipe
        with suppress(TimeoutError):
            while line := await _heard(member.stdout, silence=self._silence):
                self._lacks[number] = msgspec.json.decode(line, type=list[str])
            return
        _log.error("a worker process says nothing any more", {"number": number + 1})


async def _heard(member: asyncio.StreamReader, *, silence: float) -> bytes:
    """The next line, empty at the end. Raises TimeoutError: nothing was said for so long, by somebody we could hear."""
    with suppress(TimeoutError):
        async with asyncio.timeout(silence):
            return await member.readline()
    # Perhaps it was we who stood still, and what was said meanwhile waits to be read.
    async with asyncio.timeout(2 * REPORT_EVERY):
        return await member.readline()


class _Sums(MultiProcessCollector):
    """What the members counted.

    The file of one that has just begun is empty for a moment, or for good if it was killed in it. The library takes
    that for a broken file and would give nobody's counts.
    """

    def collect(self) -> Iterable[Metric]:
        files = [str(file) for file in Path(self._path).glob("*.db") if file.stat().st_size]
        return self.merge(files)  # type: ignore[no-untyped-call,no-any-return]


def restarts(registry: CollectorRegistry) -> Counter:
    return Counter("innwatch_worker_restarts", "Worker processes that ended and were started again", registry=registry)


async def _end(member: Process) -> int:
    assert member.stdin is not None  # noqa: S101 - it is a pipe
    member.stdin.close()
    with suppress(ProcessLookupError):
        member.terminate()
    try:
        async with asyncio.timeout(FAREWELL):
            return await member.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            member.kill()
        return await member.wait()


async def as_member(work: Coroutine[None, None, None], *, health: Health) -> None:
    """Do `work` as one of a crew, until a signal, or until whoever started the crew is gone."""
    stop = stop_on_signal()
    loop = asyncio.get_running_loop()

    def listen() -> None:
        if not os.read(_IN, 1024):
            loop.remove_reader(_IN)
            stop.set()

    loop.add_reader(_IN, listen)
    os.set_blocking(_OUT, False)
    async with asyncio.TaskGroup() as parts:
        others = [parts.create_task(work), parts.create_task(_report(health))]
        await stop.wait()
        for part in others:
            part.cancel()


async def _report(health: Health) -> None:
    while True:
        with suppress(BlockingIOError, BrokenPipeError):  # a crew that does not listen, or has gone
            os.write(_OUT, msgspec.json.encode(health.problems()) + b"\n")
        await asyncio.sleep(REPORT_EVERY)
