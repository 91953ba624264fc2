"""What every experiment measures with: the servers, each fresh and alone, the generator, and a record of every run."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from bench.credentials import anonymous_tablets, write_login, write_tablets
from bench.failure import BenchFailed
from bench.figures import Plan
from bench.generator import Generator, Load, Run
from bench.machine import Cores
from bench.one_server import OneServer, Sample, last, one_server
from bench.servers import Broker, Innwatch, innwatch, mosquitto, sink
from bench.tools import Tools

Server = Literal["sink", "mosquitto", "innwatch"]


DRAINED_WITHIN = 120.0
"""Seconds in which the bridge must have stored what a broker apart acknowledged before."""


class Sampled(Struct, frozen=True):
    """A run against one server, and the samples that were taken meanwhile."""

    run: Run
    samples: list[Sample]


class Ran(Struct, frozen=True):
    """A run, with what it was made for and against."""

    server: Server
    what: str
    run: Run


class House:
    """Starts servers whose data stand beneath `folder`, and puts loads on them."""

    def __init__(self, plan: Plan, *, tools: Tools, cores: Cores, folder: Path) -> None:
        self.plan = plan
        self.runs: list[Ran] = []
        self._tools = tools
        self._cores = cores.servers
        self._all_cores = cores.servers | cores.generator  # for several processes
        self._generator = Generator(tools.load, cores=cores.generator)
        self._folder = folder

    @contextmanager
    def sink(self) -> Iterator[Broker]:
        with self._room() as room, sink(self._tools.load, folder=room, cores=self._cores) as broker:
            yield broker

    @contextmanager
    def mosquitto(self) -> Iterator[Broker]:
        with self._room() as room, mosquitto(self._tools.mosquitto, folder=room, cores=self._cores) as broker:
            yield broker

    @contextmanager
    def innwatch(self) -> Iterator[Innwatch]:
        with self._room() as room, innwatch(room, cores=self._cores) as server:
            yield server

    @contextmanager
    def one_server(self) -> Iterator[OneServer]:
        with self._room() as room, one_server(room, cores=self._all_cores) as server:
            yield server

    @contextmanager
    def one_server_on_mosquitto(self) -> Iterator[OneServer]:
        with self._room() as room, one_server(room, cores=self._all_cores, mosquitto=self._tools.mosquitto) as server:
            yield server

    @property
    def folder(self) -> Path:
        """Where an experiment may make a folder of its own."""
        return self._folder

    def strangers(self, count: int) -> Path:
        """Credentials for a broker that asks for none."""
        return write_tablets(self._folder / f"anonymous-{count}.csv", anonymous_tablets(count))

    def stranger(self) -> Path:
        """The same for a console."""
        return write_login(self._folder / "anonymous-console.csv", client_id="bench-console", username="", password="")

    def run(self, what: str, load: Load, *, server: Server, pid: int) -> Run:
        """Put a load on a server and record the run; raises BenchFailed if any part of the load did not happen."""
        return self._record(server, what, self._generator.run(load, watch=pid))

    def stored(self, what: str, load: Load, *, on: Innwatch) -> Run:
        """Do as `run` does; every message that was acknowledged must be one more row, and nothing else may be one."""
        run = self.run(what, load, server="innwatch", pid=on.broker.pid)
        check_rows(what, acknowledged=run.acknowledged, rows=on.newly_stored())
        return run

    def sampled(self, what: str, load: Load, *, on: OneServer) -> Sampled:
        """Do as `stored` does with one server, whose bridge may be behind its broker when the load ends."""
        with on.sampled() as samples:
            run = self._generator.run(load, watch=on.parts["bridge"])
        all_parts = sum(last(samples, load.seconds).cpu_s.values())  # the generator watched one of them
        run = self._record("innwatch", what, replace(run, server_cpu_s=all_parts))
        self.settled(what, run.acknowledged, on=on)
        return Sampled(run, samples)

    def _record(self, server: Server, what: str, run: Run) -> Run:
        self.runs.append(Ran(server, what, run))
        return run

    def settled(self, what: str, acknowledged: int, *, on: OneServer) -> None:
        """Wait until the bridge has stored what its broker acknowledged; nothing else may have been stored."""
        check_rows(what, acknowledged=acknowledged, rows=on.newly_stored_when_calm(acknowledged, within=DRAINED_WITHIN))

    @contextmanager
    def _room(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._folder) as made:
            yield Path(made)


def check_rows(what: str, *, acknowledged: int, rows: int) -> None:
    """Raise BenchFailed unless as many messages were stored as acknowledged."""
    if rows != acknowledged:
        raise BenchFailed(f"LOST OR INVENTED, {what}: {acknowledged} messages were acknowledged and {rows} stored")
