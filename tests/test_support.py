"""The helpers that every other test leans on."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest
from redis import Redis as Client
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError as NotLoggedIn
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

from tests.support import PostgreSQL, Processes, Redis, eventually, eventually_sync, free_port, requires

ONCE = Retry(NoBackoff(), 0)


async def test_waiting_returns_the_first_truthy_answer() -> None:
    answers = iter([0, None, 7])

    assert await eventually(lambda: next(answers)) == 7


async def test_waiting_asks_an_async_predicate_and_takes_a_failed_assertion_for_not_yet() -> None:
    asked: list[int] = []

    async def third() -> bool:
        asked.append(1)
        assert len(asked) == 3
        return True

    assert await eventually(third)


async def test_waiting_takes_what_is_not_there_for_not_yet() -> None:
    said: list[str] = []
    asyncio.get_running_loop().call_later(0.05, said.append, "at last")

    assert await eventually(lambda: said[-1]) == "at last"


async def test_waiting_in_vain_says_what_for_and_what_came_instead() -> None:
    with pytest.raises(AssertionError, match=r"(?s)not within 0.05 s: .*sum\(\[\]\).*last answer: 0"):
        await eventually(lambda: sum([]), within=0.05)


async def test_waiting_gives_up_on_a_question_that_hangs() -> None:
    with pytest.raises(AssertionError, match="no answer at all"):
        await eventually(lambda: asyncio.sleep(3600, result=True), within=0.05)


async def test_waiting_lets_the_predicates_own_time_out_through() -> None:
    async def impatient() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await eventually(impatient)


def test_waiting_without_a_loop_behaves_alike() -> None:
    answers = iter(["", "yes"])

    assert eventually_sync(lambda: next(answers)) == "yes"
    with pytest.raises(AssertionError, match="last answer: ''"):
        eventually_sync(str, within=0.01)


def test_ports_differ_and_stay_out_of_the_way_of_outgoing_connections() -> None:
    ports = [free_port() for _ in range(50)]

    assert len(set(ports)) == 50
    assert all(1024 < port < 32_768 for port in ports)


def test_a_missing_program_skips_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TESTS_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed: apt-get install"):
        requires("no-such-program")


def test_a_missing_program_fails_where_servers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTS_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        requires("no-such-program")


def test_an_installed_program_is_found_where_it_lies() -> None:
    assert os.access(requires("sh"), os.X_OK)


def test_processes_end_with_their_children_even_if_they_would_rather_not(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {stubborn!r}]); print('gone')"
    processes = Processes(tmp_path)
    process = processes.start([sys.executable, "-c", parent])
    eventually_sync(lambda: "up" in process.output())
    assert process.wait(within=5) == 0

    processes.end()

    def group_is_gone() -> bool:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    # An orphan that nobody reaps (a container without an init) stays in the group as a zombie, dead all the same.
    eventually_sync(lambda: group_is_gone() or _only_zombies(process.pid))


@pytest.mark.server
def test_each_test_has_a_database_of_its_own(postgresql: PostgreSQL) -> None:
    made: list[str] = []

    def fill(url: str) -> None:
        made.append(url)
        postgresql.sql("CREATE TABLE room (number int)", "INSERT INTO room VALUES (101)", database=_name(url))

    template = postgresql.template("rooms", fill)
    one, other = postgresql.database(template), postgresql.database(postgresql.template("rooms", fill))
    postgresql.sql("INSERT INTO room VALUES (102)", database=_name(one))

    assert len(made) == 1
    assert postgresql.sql("SELECT count(*) FROM room", database=_name(one)) == "2"
    assert postgresql.sql("SELECT count(*) FROM room", database=_name(other)) == "1"
    postgresql.drop(one)
    with pytest.raises(AssertionError, match="does not exist"):
        postgresql.sql("SELECT 1", database=_name(one))


@pytest.mark.server
def test_postgresql_keeps_what_was_committed_when_stopped_and_when_killed(own_postgresql: PostgreSQL) -> None:
    name = _name(own_postgresql.database())
    own_postgresql.sql("CREATE TABLE room (number int)", "INSERT INTO room VALUES (101)", database=name)
    assert own_postgresql.sql("SHOW fsync") == "on"

    for end in (own_postgresql.stop, own_postgresql.kill):
        end()
        with pytest.raises(AssertionError, match="refused"):
            own_postgresql.sql("SELECT 1")
        own_postgresql.start()

        assert own_postgresql.sql("SELECT number FROM room", database=name) == "101"


@pytest.mark.server
def test_postgresql_does_not_outlive_a_run_that_was_killed(processes: Processes, tmp_path: Path) -> None:
    run = processes.start([sys.executable, "-c", RUN, str(tmp_path)], cwd=Path(__file__).parent.parent)
    eventually_sync(lambda: run.output().endswith("\n"), within=30)
    folder, server = run.output().split()

    run.kill()

    eventually_sync(lambda: not _runs(int(server)), within=20)
    shutil.rmtree(folder)


RUN = """
import sys, tempfile, time
from pathlib import Path
from tests.support import PostgreSQL, Processes

folder = Path(tempfile.mkdtemp(prefix="innwatch-postgresql-"))
server = PostgreSQL(Processes(Path(sys.argv[1])), folder)
server.start()
print(folder, server.process.pid, flush=True)
time.sleep(600)
"""


def _runs(pid: int) -> bool:
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _name(url: str) -> str:
    return url.rpartition("/")[2]


@pytest.mark.server
def test_redis_forgets_when_flushed_and_when_killed(redis: Redis) -> None:
    def restart() -> None:
        redis.kill()
        redis.start()

    for forget in (redis.flush, restart):
        with redis.client() as client:
            client.set("room", "101")
            assert client.get("room") == "101"

        forget()

        with redis.client() as client:
            assert client.get("room") is None


@pytest.mark.server
def test_a_frozen_redis_says_nothing_until_it_thaws(redis: Redis) -> None:
    redis.freeze()
    with Client.from_url(redis.url, socket_timeout=0.2, retry=ONCE) as hasty, pytest.raises(TimedOut):
        hasty.ping()

    redis.thaw()

    with redis.client() as client:
        assert client.ping()


@pytest.mark.server
def test_a_redis_with_a_password_lets_nobody_else_in(processes: Processes, tmp_path: Path) -> None:
    server = Redis(processes, tmp_path, password="open sesame")
    server.start()

    with server.client() as client:
        assert client.ping()
    with Client(port=server.port, retry=ONCE) as stranger, pytest.raises(NotLoggedIn):
        stranger.ping()


def _only_zombies(group: int) -> bool:
    states = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            states.append(fields[0])
    return all(state in "ZX" for state in states)
