"""What one round measures, in order: the generator's ceiling, Mosquitto, Innwatch; each server fresh and alone.

Rounds are repeated and compared pairwise, so that a machine that slows down meanwhile slows both sides.
"""

import tempfile
from pathlib import Path

from msgspec import Struct

from bench.credentials import anonymous_tablets, write_tablets
from bench.failure import BenchFailed
from bench.generator import Generator, Load, Run, Watcher
from bench.machine import Cores
from bench.servers import HOTEL, Innwatch, innwatch, mosquitto, sink
from bench.tools import Tools

RATE = 500
"""Messages a second in the phases that measure latency: a hotel group of 5,000 tablets in the normal profile."""

EVERY = 10
"""In the phase of mixed load every tenth message is a breach Report."""


class Plan(Struct, frozen=True):
    """How much is measured. Each tablet reports at most once, so that every Report opens an alert."""

    rounds: int
    seconds: float
    tablets: int

    @property
    def mixed_reports(self) -> int:
        return min(int(self.seconds * RATE / EVERY), self.tablets // 4)

    @property
    def storm_reports(self) -> int:
        return min(int(self.seconds * RATE), self.tablets - self.mixed_reports)


class Ours(Struct, frozen=True):
    """The runs with Innwatch.

    `full`: every tablet sends as soon as it is acknowledged. `paced`: RATE heartbeats a second. `mixed`: the same with
    every EVERY-th message a Report. `storm`: RATE Reports a second. The last two with a console and an event stream.
    """

    full: Run
    paced: Run
    mixed: Run
    storm: Run


class Others(Struct, frozen=True):
    """What ours are compared with: sink and Mosquitto at full speed, and Mosquitto relaying `mixed` to a console."""

    sink: Run
    mosquitto: Run
    relay: Run


class Round(Struct, frozen=True):
    others: Others
    ours: Ours


class Bench:
    """Runs rounds of a plan with servers whose data stand beneath `folder`."""

    def __init__(self, plan: Plan, *, tools: Tools, cores: Cores, folder: Path) -> None:
        self._plan = plan
        self._tools = tools
        self._cores = cores.servers
        self._generator = Generator(tools.load, cores=cores.generator)
        self._folder = folder

    def round(self) -> Round:
        with tempfile.TemporaryDirectory(dir=self._folder) as made:
            folder = Path(made)
            return Round(others=self._others(folder), ours=self._ours(folder))

    def _full(self, url: str, *, tablets: Path) -> Load:
        return Load(url=url, tablets=tablets, count=self._plan.tablets, seconds=self._plan.seconds)

    def _mixed(self, url: str, *, tablets: Path, watchers: tuple[Watcher, ...]) -> Load:
        return Load(
            url=url,
            tablets=tablets,
            count=self._plan.tablets,
            seconds=self._plan.seconds,
            rate=RATE,
            reports=self._plan.mixed_reports,
            every=EVERY,
            watchers=watchers,
        )

    def _others(self, folder: Path) -> Others:
        tablets = write_tablets(folder / "anonymous.csv", anonymous_tablets(self._plan.tablets))
        login = folder / "anonymous-console.csv"
        login.write_text("client_id,username,password\nbench-console,,\n")
        with sink(self._tools.load, folder=folder, cores=self._cores) as nothing:
            ceiling = self._generator.run(self._full(nothing.mqtt_url, tablets=tablets), watch=nothing.pid)
        with mosquitto(self._tools.mosquitto, folder=folder, cores=self._cores) as other:
            full = self._generator.run(self._full(other.mqtt_url, tablets=tablets), watch=other.pid)
            relay = Watcher(url=other.ws_url, login=login, filter=f"hotels/{HOTEL}/devices/+/alert")
            mixed = self._generator.run(
                self._mixed(other.mqtt_url, tablets=tablets, watchers=(relay,)), watch=other.pid
            )
        return Others(sink=ceiling, mosquitto=full, relay=mixed)

    def _ours(self, folder: Path) -> Ours:
        with innwatch(folder, cores=self._cores) as server:
            tablets = write_tablets(folder / "tablets.csv", server.add_tablets(self._plan.tablets))
            login = server.add_console(folder)
            watchers = (
                Watcher(url=server.broker.ws_url, login=login, filter=f"hotels/{HOTEL}/alerts/+"),
                Watcher(url=server.events_url, login=login),
            )
            url, plan = server.broker.mqtt_url, self._plan
            paced = Load(url=url, tablets=tablets, count=plan.tablets, seconds=plan.seconds, rate=RATE)
            storm = Load(
                url=url,
                tablets=tablets,
                count=plan.tablets,
                seconds=plan.storm_reports / RATE,
                rate=RATE,
                first=plan.mixed_reports,
                reports=plan.storm_reports,
                watchers=watchers,
            )
            return Ours(
                full=self._stored(self._full(url, tablets=tablets), server=server),
                paced=self._stored(paced, server=server),
                mixed=self._stored(self._mixed(url, tablets=tablets, watchers=watchers), server=server),
                storm=self._stored(storm, server=server),
            )

    def _stored(self, load: Load, *, server: Innwatch) -> Run:
        """Run a load; every message that was acknowledged must be one more row, and nothing else may be one."""
        before = server.stored()
        run = self._generator.run(load, watch=server.broker.pid)
        rows = server.stored() - before
        if rows != run.acknowledged:
            raise BenchFailed(f"LOST OR INVENTED: {run.acknowledged} messages were acknowledged and {rows} stored")
        return run
