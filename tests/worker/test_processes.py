"""`innwatch worker`: several processes share the work; any of them, Redis or the database may go at any moment.

What counts in the end is the accounting: rows made = delivered + dead + cancelled, and everything delivered arrived.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from store import LocalDoorbell, Store, schema
from tests.support import PostgreSQL, Processes, Redis, eventually
from tests.worker.crowd import Night, Office, Street, kill, runs
from tests.worker.support import WebServer

pytestmark = pytest.mark.server

LEASE = timedelta(minutes=2, seconds=1)


@pytest.fixture
def url(postgresql: PostgreSQL) -> Iterator[str]:
    made = postgresql.database(postgresql.template("store", schema.move_to))
    yield made
    postgresql.drop(made)


@pytest.fixture
def street(processes: Processes, tmp_path: Path, url: str, redis: Redis) -> Street:
    return Street(processes, tmp_path, url=url, redis=redis)


@pytest.fixture
async def night(url: str, web: WebServer) -> AsyncIterator[Night]:
    store = await Store.open(url, doorbell=LocalDoorbell())
    made = Night(store, web)
    await made.furnish()
    yield made
    await store.close()


async def has_told(office: Office) -> bool:
    with suppress(AssertionError):  # who has done nothing counts nothing
        return await office.count("innwatch_deliveries_total") > 0
    return False


async def has_counted(offices: Office | list[Office], name: str, total: float) -> bool:
    """Whether all of them together have; they count when a deed is done, and the counts are added up now and then."""
    together = offices if isinstance(offices, list) else [offices]
    assert sum([await office.count(name) for office in together]) == total
    return True


async def ready(*offices: Office) -> None:
    for office in offices:
        await eventually(office.is_ready, within=40)


async def test_one_process_tells_everybody_and_stops_gracefully(street: Street, night: Night) -> None:
    office = street.start()
    await ready(office)
    await night.alert(10)
    await night.is_told(within=40)

    await eventually(lambda: has_counted(office, "innwatch_deliveries_total", night.rows))
    assert len(night.told()) == night.rows
    office.process.signal(signal.SIGTERM)
    assert office.process.wait(within=20) == 0, office.process.output()
    assert "Traceback" not in office.process.output()


async def test_several_processes_on_several_machines_share_the_work_and_tell_each_once(
    street: Street, night: Night
) -> None:
    offices = [street.start("--processes", "2", "--threads", "4"), street.start("--processes", "2", "--threads", "4")]
    await ready(*offices)
    for _ in range(10):  # one of them may be held up meanwhile, but not for ever
        await night.alert(10)
        await night.is_told(within=40)
        both = all(f" worker.deliveries {one}: " in offices[0].process.output() for one in (1, 2))
        if both and all([await has_told(office) for office in offices]):
            break
    else:
        pytest.fail("one has told nobody")

    assert len(night.told()) == night.rows
    await eventually(lambda: has_counted(offices, "innwatch_deliveries_total", night.rows))
    # One dispatches, so that there are as many attempts to claim as rows, and not four times as many.
    await eventually(lambda: has_counted(offices, "innwatch_outbox_due", 0))


async def test_sigterm_ends_all_of_them_and_gives_back_what_was_being_sent(street: Street, night: Night) -> None:
    night.web.answer = lambda _: None
    office = street.start("--processes", "3", "--threads", "4")
    await ready(office)
    members = office.members()
    await night.alert(3)
    await eventually(lambda: len(night.web.requests) == 8, within=40)
    assert len(members) == 3

    office.process.signal(signal.SIGTERM)

    assert office.process.wait(within=20) == 0, office.process.output()
    assert "Traceback" not in office.process.output()
    assert not any(map(runs, members))
    assert {state.value for state in await night.states()} == {"pending"}


async def test_a_killed_process_leaves_no_orphan(street: Street, night: Night) -> None:
    office = street.start("--processes", "2", "--threads", "4")
    await ready(office)
    members = office.members()
    assert len(members) == 2

    office.process.kill()

    await eventually(lambda: not any(map(runs, members)), within=40)


async def test_a_member_that_is_killed_while_sending_is_replaced_and_nothing_is_lost(
    street: Street, night: Night
) -> None:
    held = asyncio.Event()
    night.web.hold = held
    office = street.start("--processes", "2", "--threads", "4")
    await ready(office)
    await night.alert(20)
    await eventually(lambda: len(night.web.requests) == 8, within=40)

    victim, other = office.members()
    kill(victim)
    held.set()
    await eventually(lambda: len(office.members()) == 2 and victim not in office.members(), within=40)
    await ready(office)

    # No lease ends meanwhile: the one that replaces it takes back what it had claimed.
    await night.is_told(within=40)
    assert other in office.members()
    # What the killed one had sent and not recorded is sent again, by the same id.
    assert night.rows <= len(night.told()) <= night.rows + 8
    await eventually(lambda: has_counted(office, "innwatch_worker_restarts_total", 1))


async def test_redis_flushed_and_killed_under_way_delays_nothing_by_more_than_seconds(
    street: Street, night: Night, redis: Redis
) -> None:
    office = street.start("--processes", "2", "--threads", "4")
    await ready(office)
    longest = 0.0
    for fault in (redis.flush, redis.kill):
        held = asyncio.Event()
        night.web.hold = held
        await night.alert(20)
        await eventually(lambda: len(night.web.requests) % night.rows >= 4, within=40)
        fault()
        held.set()
        began = time.monotonic()
        await night.alert(10)
        await night.is_told(within=40)
        longest = max(longest, time.monotonic() - began)
    assert longest < 20

    await eventually(office.lacks, within=40)
    await redis.start_anew()
    await ready(office)
    await night.alert(5)
    await night.is_told(within=40)
    assert len(night.told()) == night.rows


async def test_the_one_that_dispatches_is_replaced_when_it_is_killed_or_frozen(street: Street, night: Night) -> None:
    first = street.start()
    await ready(first)
    second = street.start()
    await ready(second)
    await night.alert(2)
    await night.is_told(within=40)

    kill(first.process.pid, signal.SIGSTOP)
    await night.alert(5)
    street.move_clock(LEASE)
    await night.is_told(within=40)
    kill(first.process.pid, signal.SIGCONT)
    await ready(first)
    second.process.kill()
    await night.alert(5)
    street.move_clock(2 * LEASE)
    await night.is_told(within=40)


async def test_it_waits_for_database_schema_and_redis_and_says_so(
    processes: Processes, tmp_path: Path, own_postgresql: PostgreSQL
) -> None:
    url = own_postgresql.database()
    own_postgresql.stop()
    late = Redis(processes, tmp_path)
    street = Street(processes, tmp_path, url=url, redis=late)
    offices = [street.start(), street.start("--processes", "2", "--threads", "4")]
    for office in offices:
        await eventually(office.is_alive, within=40)
        await eventually(partial(lacks, office, "the database does not answer"), within=40)
        await eventually(partial(lacks, office, "Redis cannot be reached"), within=40)

    await own_postgresql.start_anew()
    for office in offices:
        await eventually(partial(lacks, office, "run `innwatch migrate`"), within=40)
    await asyncio.to_thread(schema.move_to, url)
    await late.start_anew()
    await ready(*offices)


async def lacks(office: Office, words: str) -> bool:
    lacks = await office.lacks()
    assert any(words in lack for lack in lacks), lacks
    return True


async def test_fewer_threads_than_failing_channels_may_take_are_refused(street: Street, night: Night) -> None:
    office = street.start("--processes", "2", "--threads", "3")

    assert office.process.wait(within=20) == 78
    assert "--processes times --threads must be 8 or more" in office.process.output()


async def test_postgresql_stopped_and_killed_while_sending_loses_nothing(
    processes: Processes, tmp_path: Path, own_postgresql: PostgreSQL, redis: Redis, web: WebServer
) -> None:
    url = own_postgresql.database(own_postgresql.template("store", partial(_in_thread, schema.move_to)))
    street = Street(processes, tmp_path, url=url, redis=redis)
    store = await Store.open(url, doorbell=LocalDoorbell())
    night = Night(store, web)
    await night.furnish()
    office = street.start("--processes", "2", "--threads", "4")
    await ready(office)

    for end in (own_postgresql.stop, own_postgresql.kill):
        before, held = len(night.told()), asyncio.Event()
        web.hold = held
        await night.alert(20)
        await eventually(lambda before=before: len(night.told()) >= before + 4, within=40)  # type: ignore[misc]
        end()
        held.set()
        await eventually(partial(lacks, office, "the database does not answer"), within=40)
        await own_postgresql.start_anew()
        await ready(office)

    # What was claimed by a commit whose answer was lost nobody knows of, until the claim ends.
    street.move_clock(LEASE)
    await night.is_told(within=40)
    assert night.rows <= len(night.told()) <= night.rows + 8
    await store.close()


def _in_thread(move: Callable[[str], None], url: str) -> None:
    """Alembic's loop is its own."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(move, url).result()
