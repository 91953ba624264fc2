"""Runs the load generator (bench/load) and reads what it found.

The generator is pinned to a core of its own; each run is one process, and its figures are one JSON object.
"""

import subprocess
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bench.failure import BenchFailed
from bench.machine import pinned

GRACE = 180.0
"""Seconds that logging in thousands of tablets and waiting for late acknowledgments may add to a run."""

Whole = Annotated[int, Meta(ge=0)]
Amount = Annotated[float, Meta(ge=0)]
Length = Annotated[float, Meta(gt=0)]


class Latency(Struct, frozen=True, forbid_unknown_fields=True):
    """Quantiles in microseconds, exact (nearest rank over all `n` samples)."""

    n: Annotated[int, Meta(ge=1)]
    p50: Amount
    p99: Amount
    max: Amount


class Reader(Struct, frozen=True, forbid_unknown_fields=True):
    """What a console or an event stream heard: of how many Reports, and how long after each was written."""

    url: str
    seen: Whole
    latency_us: Latency | None


class Second(Struct, frozen=True, forbid_unknown_fields=True):
    """One second after an overload: what was acknowledged in it."""

    ack_us: Latency | None


class Run(Struct, frozen=True, forbid_unknown_fields=True):
    """What the generator prints. `sent`, `acknowledged` and `heard` are of the whole run, the rest of its window.

    `login_s` is what it took all tablets to be let in, and subscribed where they were to be. `in_window` are the
    messages acknowledged in the window, `behind` those that the clock asked for while every tablet still waited for an
    acknowledgment, `heard` those that the audience received, all of it together. The CPU seconds (user and system) are
    those of the generator, the server, and of everything that ran on the machine, with what a hypervisor took away. The
    server's memory is that of the end, with everybody connected; `most_…` is the highest since it began, at the
    end and halfway through the window.
    """

    tablets: Whole
    login_s: Length
    window_s: Length
    sent: Whole
    acknowledged: Whole
    in_window: Whole
    behind: Whole
    payload_bytes: Whole
    own_cpu_s: Amount
    server_cpu_s: Amount
    machine_cpu_s: Amount
    pss_kib: Whole
    rss_kib: Whole
    most_rss_kib: Whole
    most_rss_halfway_kib: Whole
    reports: Whole
    ack_us: Latency | None
    heard: Whole
    heard_in_window: Whole
    readers: tuple[Reader, ...]
    after: tuple[Second, ...]

    @property
    def ack(self) -> Latency:
        """The acknowledgments of what was sent in the window; raises BenchFailed if there were none."""
        if self.ack_us is None:
            raise BenchFailed("nothing that was sent in the measured window was acknowledged in it")
        return self.ack_us

    @property
    def logins_per_second(self) -> float:
        return self.tablets / self.login_s

    @property
    def per_second(self) -> float:
        return self.in_window / self.window_s

    @property
    def cpu_per_10_000(self) -> float:
        """CPU seconds of the server for 10,000 acknowledged messages."""
        return self.server_cpu_s / self.in_window * 10_000

    @property
    def generator_share(self) -> float:
        """The part of a core that the generator used: 1 is all of it."""
        return self.own_cpu_s / self.window_s

    @property
    def foreign_share(self) -> float:
        """Cores that somebody else used meanwhile."""
        return max(0.0, self.machine_cpu_s - self.own_cpu_s - self.server_cpu_s) / self.window_s

    @property
    def server_share(self) -> float:
        """Cores that the server used, all its threads together."""
        return self.server_cpu_s / self.window_s


class Watcher(Struct, frozen=True):
    """A console (with a filter, by mqtt:// or ws://) or an event stream (without, by http://) and its login file."""

    url: str
    login: Path
    filter: str | None = None


class Audience(Struct, frozen=True):
    """Many consoles alike, whose client ids are numbered. What they hear is counted."""

    count: int
    url: str
    login: Path
    filter: str


class Load(Struct, frozen=True, kw_only=True):
    """What the generator is to do; `rate` in messages a second, None for as fast as acknowledgments come.

    `may_fall_behind`: more is asked for than can be sent, on purpose. `subscribe`: each tablet to its receipts.
    """

    url: str
    tablets: Path
    count: int
    seconds: float
    warm_up: float
    rate: int | None = None
    reports: int = 0
    first: int = 0
    every: int = 1
    watchers: tuple[Watcher, ...] = ()
    audience: Audience | None = None
    idle: bool = False
    subscribe: bool = False
    keep_alive: int = 30
    in_flight: int = 1
    may_fall_behind: bool = False
    rate_after: int = 0
    seconds_after: float = 0

    @property
    def longest(self) -> float:
        """Seconds after which something must have gone wrong."""
        return self.warm_up + self.seconds + self.seconds_after + GRACE

    def arguments(self) -> list[str]:
        words = ["--url", self.url, "--tablets", str(self.tablets), "--count", str(self.count)]
        words += ["--seconds", f"{self.seconds:g}", "--warm-up", f"{self.warm_up:g}"]
        words += ["--keep-alive", str(self.keep_alive), "--in-flight", str(self.in_flight)]
        words += ["--idle"] * self.idle + ["--subscribe"] * self.subscribe
        if self.rate is not None:
            words += ["--rate", str(self.rate)]
        if self.reports:
            words += ["--reports", str(self.reports), "--first", str(self.first), "--every", str(self.every)]
        for watcher in self.watchers:
            if watcher.filter is None:
                words += ["--stream", watcher.url, str(watcher.login)]
            else:
                words += ["--console", watcher.url, str(watcher.login), watcher.filter]
        if self.audience is not None:
            crowd = self.audience
            words += ["--audience", str(crowd.count), crowd.url, str(crowd.login), crowd.filter]
        if self.seconds_after:
            words += ["--after", str(self.rate_after), f"{self.seconds_after:g}"]
        return words


class Generator:
    """The compiled generator and the cores that it may use."""

    def __init__(self, program: Path, *, cores: frozenset[int]) -> None:
        self.program = program
        self._cores = cores

    def run(self, load: Load, *, watch: int) -> Run:
        """Put the load on a server whose process is `watch`; raises BenchFailed if any part of it did not happen."""
        command = [str(self.program), *load.arguments(), "--watch", str(watch)]
        with pinned(self._cores):
            try:
                ended = subprocess.run(
                    command,
                    capture_output=True,
                    text=True,
                    timeout=load.longest,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise BenchFailed(f"the generator hung, with {load.url}") from None
        if ended.returncode != 0:
            raise BenchFailed(f"{load.url}: {ended.stderr.strip() or f'exit code {ended.returncode}'}")
        return complete(read_run(ended.stdout), load)


def read_run(text: str) -> Run:
    """Read the generator's JSON; raises BenchFailed for anything else than a whole result."""
    try:
        return msgspec.json.decode(text, type=Run)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refusal:
        raise BenchFailed(f"the generator printed no result: {refusal}") from None


def complete(run: Run, load: Load) -> Run:
    """Return the run if everything that was asked for happened, else raise BenchFailed saying what did not."""
    where = f"{load.url}, {load.count} tablets, {load.rate or 'as many as it takes'} messages/s"
    if run.acknowledged != run.sent:
        raise BenchFailed(f"{where}: {run.sent} messages were sent and {run.acknowledged} acknowledged")
    if run.in_window == 0 and not load.idle:
        raise BenchFailed(f"{where}: nothing was acknowledged in the measured window")
    if run.behind and not load.may_fall_behind:
        raise BenchFailed(f"{where}: {run.behind} messages could not be sent on time, every tablet was still waiting")
    if load.reports and not run.reports:
        raise BenchFailed(f"{where}: no Report was sent")
    for reader in run.readers:
        if reader.seen != run.reports:
            raise BenchFailed(f"{where}: {reader.url} heard of {reader.seen} of {run.reports} Reports")
    expected = run.reports * (load.audience.count if load.audience else 0)
    if run.heard < expected:
        raise BenchFailed(f"{where}: the consoles heard {run.heard} of {expected} Reports, all of them together")
    return run
