"""What the figures were measured on, and which of its cores does what."""

import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from bench.failure import BenchFailed

SYNCS = 100

FILES = 1500
"""Open files beside the tablets': consoles, databases, libraries."""


class Cores(Struct, frozen=True):
    """The generator has one core to itself; every server that is measured gets all the others, one after another."""

    generator: frozenset[int]
    servers: frozenset[int]


def share_cores() -> Cores:
    """Divide the cores that this process may use; with a single one everybody shares it."""
    cores = sorted(os.sched_getaffinity(0))
    return Cores(generator=frozenset(cores[-1:]), servers=frozenset(cores[:-1] or cores))


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Let the processes that are started inside run on these cores only, with all their threads."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def resident_kib(pid: int) -> int:
    """The memory of a process that stands in RAM, shared libraries included."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])


def open_files(pid: int) -> int:
    """How many file descriptors a process holds."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def cpu_s(pid: int) -> float:
    """CPU seconds (user and system) of a process, of its children, and of those that have ended and were waited for."""
    ticks = 0
    for found in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = found.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile, and is in its parent's figures
        fields = rest.split()
        if int(found.parent.name) == pid:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == pid:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def allow_sockets(sockets: int) -> None:
    """Raise the limit of open files for this process and all that it starts, servers and generator alike.

    Raises BenchFailed.
    """
    wanted = sockets + FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchFailed(f"at most {hard} files may be open here, {sockets} tablets need {wanted}: ulimit -n {wanted}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Machine(Struct, frozen=True):
    """The line under the table."""

    date: str
    processor: str
    cores: int
    kernel: str
    python: str
    mosquitto: str
    filesystem: str
    fsync_ms: float
    load_average: float

    def __str__(self) -> str:
        return (
            f"{self.date} · {self.processor}, {self.cores} cores · Linux {self.kernel} · Python {self.python} · "
            f"{self.mosquitto} · data on {self.filesystem}, fsync {self.fsync_ms:.2f} ms · "
            f"load average before the run {self.load_average:.2f}"
        )


def describe(folder: Path, *, mosquitto: str) -> Machine:
    """Describe this machine, and the disk on which `folder`, where the servers keep their data, stands."""
    return Machine(
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        kernel=platform.release().partition("-")[0],  # without the name of whoever built it
        python=platform.python_version(),
        mosquitto=mosquitto,
        filesystem=filesystem_of(folder, mounts=Path("/proc/mounts").read_text()),
        fsync_ms=_fsync_ms(folder),
        load_average=os.getloadavg()[0],
    )


def filesystem_of(folder: Path, *, mounts: str) -> str:
    """Return the type of the file system that holds the folder, by the deepest mount point above it."""
    best, kind = Path("/"), "unknown"
    for line in mounts.splitlines():
        _, point, found, *_ = line.split()
        if folder.resolve().is_relative_to(point) and len(Path(point).parts) >= len(best.parts):
            best, kind = Path(point), found
    return kind


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _fsync_ms(folder: Path) -> float:
    """What a commit costs at least: the median time to make 4 KiB durable."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            file.write(bytes(4096))
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000
