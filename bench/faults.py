"""`make faults`: one server under 500 messages a second while its parts are killed, stopped, frozen and emptied.

Too long for the suite, whose shorter cousin is test_several.py. At the end everything is accounted for; the exit code
is 1 where something was lost, stored or told twice, or has no end.
"""

import argparse
import asyncio
import logging
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.failure import BenchFailed
from bench.machine import allow_sockets
from store import schema
from tests.support import PostgreSQL, Processes, Redis, eventually_sync
from tests.system.follower import Follower
from tests.system.installation import Installation
from tests.system.receivers import webhook
from tests.system.several import Several
from tests.system.tablets import Tablet, read_tablets

TABLETS, A_SECOND = 2_000, 500
TWO_OF_EACH = ("broker", "bridge", "bridge-2", "api", "api-2", "worker", "worker-2")
CALM_S = 5.0
"""Between two faults."""

STUCK_S = 180
"""Longer than a killed worker holds what it claimed."""


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long a server stays away (60)")
    parser.add_argument("--only", choices=["server", "embedded"], help="one size only")
    options = parser.parse_args(words)
    allow_sockets(3 * TABLETS)
    accounts = []
    if options.only != "embedded":
        accounts.append(_one_server(options.seconds))
    if options.only != "server":
        accounts.append(_embedded(options.seconds))
    return int(not all(accounts))


class Faults:
    """What is done to an installation, one after the other, while its tablets send."""

    def __init__(self, tablets: Sequence[Tablet], hand: ThreadPoolExecutor) -> None:
        """`hand` does it: a thread that outlives the load, since what a thread started ends with it."""
        self._tablets = tablets
        self._hand = hand
        self._begun = time.monotonic()

    async def happen(self, faults: Sequence[tuple[str, Callable[[], None]]]) -> None:
        """Let each happen, then calm; at the end every tablet has had the acknowledgment of what it sent."""
        done = asyncio.Event()
        # aiomqtt leaves the reason why a connection ended where nobody asks for it.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        logging.getLogger("mqtt").setLevel(logging.CRITICAL)  # paho's, of each connection that is cut
        async with asyncio.TaskGroup() as tasks:
            for tablet in self._tablets:
                tasks.create_task(tablet.run(done))
            await asyncio.sleep(CALM_S)
            for name, fault in faults:
                before, begun = self._acknowledged, time.monotonic()
                print(f"{begun - self._begun:6.0f} s  {name}", flush=True)
                await asyncio.get_running_loop().run_in_executor(self._hand, fault)
                await asyncio.sleep(CALM_S)
                took = time.monotonic() - begun
                print(f"          {(self._acknowledged - before) / took:.0f}/s acknowledged meanwhile", flush=True)
            done.set()

    @property
    def _acknowledged(self) -> int:
        return sum(len(tablet.acknowledged) for tablet in self._tablets)


def _one_server(seconds: float) -> bool:
    with _server() as (innwatch, postgresql, redis), webhook() as slack, ThreadPoolExecutor(1) as hand:
        innwatch.start()
        innwatch.furnish(rooms=0, channels=("--slack-webhook", slack.url))
        tablets = _tablets(innwatch)
        manager = innwatch.person("max", role="manager")
        urls = [innwatch.url_of("api"), innwatch.url_of("api-2")]
        with Follower(urls, manager.token).following() as follower, _supervised(innwatch):
            faults = _faults_of_one_server(innwatch, postgresql, redis, seconds=seconds)
            asyncio.run(Faults(tablets, hand).happen(faults))
            _wait(innwatch)
            stored = _settled(lambda: _stored_in_postgresql(innwatch), tablets)
            _until_all_are_told(innwatch)
            newest = int(innwatch.sql("SELECT last_event_id FROM hotel WHERE NOT hidden"))
            eventually_sync(lambda: follower.ids and follower.ids[-1] >= newest, within=60, every=0.5)
        states = dict(line.split("|") for line in innwatch.sql(NOTICES).splitlines())
        events = list(map(int, innwatch.sql("SELECT id FROM event ORDER BY id").split()))
        return _account(tablets, stored) & _told(states, follower.ids, events)


STORED = (
    "SELECT device.id, message_id FROM message JOIN device ON device.key = device_key"
    " WHERE kind IN ('heartbeat', 'report')"
)
NOTICES = "SELECT state, count(*) FROM notification GROUP BY state ORDER BY state"


def _faults_of_one_server(
    innwatch: Several, postgresql: PostgreSQL, redis: Redis, *, seconds: float
) -> list[tuple[str, Callable[[], None]]]:
    def kill(role: str) -> Callable[[], None]:
        def deed() -> None:
            innwatch.running[_active(innwatch) if role == "bridge" else role].kill()
            _wait(innwatch)

        return deed

    def stop_postgresql() -> None:
        postgresql.stop()
        time.sleep(seconds)
        postgresql.start()
        _wait(innwatch)

    def kill_postgresql() -> None:
        postgresql.kill()
        postgresql.start()
        _wait(innwatch)

    def kill_redis() -> None:
        redis.kill()
        time.sleep(seconds / 4)
        redis.start()

    def freeze_the_bridge() -> None:
        name = _active(innwatch)
        other = "bridge" if name == "bridge-2" else "bridge-2"
        frozen, begun = innwatch.running[name], time.monotonic()
        frozen.signal(signal.SIGSTOP)
        eventually_sync(lambda: innwatch.metric(other, "innwatch_bridge_active") == 1, within=30)
        print(f"          the other bridge took over after {time.monotonic() - begun:.1f} s", flush=True)
        time.sleep(1)
        frozen.signal(signal.SIGCONT)
        if frozen.wait(within=20) != LOST_ITS_LEASE:
            raise BenchFailed(f"the bridge that was thawed did not end as it should:\n{frozen.output()}")
        _wait(innwatch)

    return [
        *((f"kill -9 of the {role}", kill(role)) for role in ("broker", "bridge", "api", "worker")),
        (f"PostgreSQL stopped for {seconds:g} s", stop_postgresql),
        ("kill -9 of PostgreSQL", kill_postgresql),
        ("Redis emptied", redis.flush),
        (f"kill -9 of Redis, back after {seconds / 4:g} s", kill_redis),
        ("the bridge frozen until the other took over, then thawed", freeze_the_bridge),
        (f"the broker restarted, {TABLETS:,} tablets connected", kill("broker")),
    ]


def _embedded(seconds: float) -> bool:
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        processes = Processes(Path(made))
        stack.callback(processes.end)
        innwatch = Installation(processes, Path(made), env=LIMITS)
        innwatch.start()
        innwatch.furnish(rooms=0)
        tablets = _tablets(innwatch)

        def lock() -> None:
            with sqlite3.connect(innwatch.data / "innwatch.db", isolation_level=None) as connection:
                connection.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
                connection.execute("ROLLBACK")
            connection.close()

        def kill() -> None:
            innwatch.kill()
            innwatch.start(within=120)

        faults = [(f"embedded: SQLite locked for {seconds:g} s", lock), ("embedded: kill -9", kill)]
        with ThreadPoolExecutor(1) as hand:
            asyncio.run(Faults(tablets, hand).happen(faults))
        return _account(tablets, _settled(lambda: _stored_in_sqlite(innwatch), tablets))


@contextmanager
def _supervised(innwatch: Several) -> Iterator[None]:
    """Start again whatever has ended, as a supervisor does."""
    done = threading.Event()

    def supervise() -> None:
        while not done.wait(0.5):
            for name in innwatch.names:
                if innwatch.running[name].exit_code() is not None:
                    innwatch.spawn_one(name)

    supervising = threading.Thread(target=supervise)
    supervising.start()
    try:
        yield
    finally:
        done.set()
        supervising.join()


def _wait(innwatch: Several) -> None:
    """Until everything is ready, and one bridge watches."""

    def ready() -> bool:
        missing = {name: innwatch.missing(name) for name in innwatch.names}
        if any(found is None or found for found in missing.values()):
            silent = [innwatch.running[name].output()[-500:] for name, found in missing.items() if found is None]
            raise AssertionError(f"{missing}\n{''.join(silent)}")
        return innwatch.active_bridge() is not None

    time.sleep(1)  # what was done is felt
    eventually_sync(ready, within=180, every=0.2)


def _active(innwatch: Several) -> str:
    """The name of the bridge that watches."""
    return eventually_sync(innwatch.active_bridge, within=30) or ""


LOST_ITS_LEASE = 75
LIMITS = {"INNWATCH_MQTT_CONNECTIONS_PER_ADDRESS": "20000", "INNWATCH_ISOLATION_EVERY": "off"}


@contextmanager
def _server() -> Iterator[tuple[Several, PostgreSQL, Redis]]:
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = Path(made)
        folder.chmod(0o755)  # the database runs under an account of its own
        processes = Processes(folder)
        stack.callback(processes.end)
        postgresql, redis = PostgreSQL(processes, folder / "postgresql", "fsync=on"), Redis(processes, folder)
        postgresql.start()
        stack.callback(postgresql.end)
        redis.start()
        url = postgresql.database(postgresql.template("innwatch", schema.move_to))
        yield (
            Several(processes, folder, database_url=url, redis_url=redis.url, names=TWO_OF_EACH, env=LIMITS),
            postgresql,
            redis,
        )


def _tablets(innwatch: Installation) -> list[Tablet]:
    words = ("device", "add", "grand", "--count", str(TABLETS), "--prefix", "tab-", "--tokens", "--csv")
    return read_tablets(innwatch.cli(*words), port=innwatch.mqtt_port, every=TABLETS / A_SECOND, reports=10)


def _stored_in_postgresql(innwatch: Several) -> Counter[tuple[str, str]]:
    return Counter(_pair(line.split("|")) for line in innwatch.sql(STORED).splitlines())


def _stored_in_sqlite(innwatch: Installation) -> Counter[tuple[str, str]]:
    with sqlite3.connect(f"file:{innwatch.data / 'innwatch.db'}?mode=ro", uri=True) as connection:
        return Counter(_pair(row) for row in connection.execute(STORED).fetchall())


def _pair(row: Sequence[str]) -> tuple[str, str]:
    device, message = row
    return device, message


def _settled(stored: Callable[[], Counter[tuple[str, str]]], tablets: Sequence[Tablet]) -> Counter[tuple[str, str]]:
    """What is stored when all that was acknowledged is, or two minutes later."""
    acknowledged, until = _acknowledged(tablets), time.monotonic() + 120
    while (found := stored()).keys() < acknowledged and time.monotonic() < until:
        time.sleep(1)
    return found


def _acknowledged(tablets: Sequence[Tablet]) -> set[tuple[str, str]]:
    return {(tablet.name, message) for tablet in tablets for message in tablet.acknowledged}


def _until_all_are_told(innwatch: Several) -> None:
    """Wait while notices become fewer; raises BenchFailed when none has gone for STUCK_S."""
    fewest, since = sys.maxsize, time.monotonic()
    while fewest:
        waiting = int(innwatch.sql("SELECT count(*) FROM notification WHERE state IN ('pending', 'sending')"))
        if waiting < fewest:
            fewest, since = waiting, time.monotonic()
        elif time.monotonic() - since > STUCK_S:
            raise BenchFailed(f"{waiting} notices wait, and no fewer for {STUCK_S} s")
        time.sleep(1)


def _account(tablets: Sequence[Tablet], stored: Counter[tuple[str, str]]) -> bool:
    """Print what was acknowledged and what is stored; whether that is the same."""
    acknowledged = _acknowledged(tablets)
    lost, twice = acknowledged - stored.keys(), [one for one, count in stored.items() if count > 1]
    print(
        f"acknowledged {len(acknowledged):,} · stored {sum(stored.values()):,} · lost {len(lost)} · twice {len(twice)}"
    )
    more = len(stored.keys() - acknowledged)
    print(f"stored, and the tablet ended before its acknowledgment came: {more}")
    return not lost and not twice and more <= len(tablets)


def _told(states: dict[str, str], read: Sequence[int], events: Sequence[int]) -> bool:
    """Print what became of notices and events; whether each has its end, and the reader missed and repeated none."""
    ended = {"delivered", "dead", "cancelled"}
    print("notices: " + " · ".join(f"{state} {count}" for state, count in states.items()))
    of_table = [one for one in events if read and one >= read[0]]
    whole = list(read) == of_table and events == list(range(1, len(events) + 1))
    verdict = "the same, in order" if whole else "NOT THE SAME"
    print(f"events in the table {len(events):,} · read from the stream {len(read):,} · {verdict}")
    return states.keys() <= ended and whole


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
