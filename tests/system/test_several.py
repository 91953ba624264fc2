"""Several processes as one: what happens at one is seen at the other; each may be killed, frozen or started late."""

import asyncio
import json
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import aiomqtt
import httpx
import pytest

from tests.support import PostgreSQL, Processes, Redis, eventually_sync
from tests.support.http import TRUSTS_NOBODY, plain
from tests.system.follower import Follower
from tests.system.installation import Person, tablets_clock
from tests.system.listeners import event_stream
from tests.system.receivers import mailbox, webhook
from tests.system.several import Several
from tests.system.tablets import Tablet
from tests.system.test_kill import everything_acknowledged_is_stored_once, furnish

pytestmark = pytest.mark.server

TWO_OF_EACH = ("broker", "bridge", "bridge-2", "api", "api-2", "worker", "worker-2")


def report(tablet: Tablet, number: int) -> None:
    """Have a tablet report a breach, which opens an alert."""
    asyncio.run(_report(tablet, number))


async def _report(tablet: Tablet, number: int) -> None:
    async with aiomqtt.Client(
        "127.0.0.1",
        tablet.port,
        identifier=f"grand/{tablet.name}",
        username=f"grand/{tablet.name}",
        password=tablet.token,
    ) as client:
        body = json.dumps({"id": f"r-{number}", "ts": tablets_clock.now().isoformat(), "kind": "breach", "rssi": -90})
        await client.publish(f"hotels/grand/devices/{tablet.name}/alert", body, qos=1)


def test_what_is_acknowledged_at_one_api_is_soon_in_the_streams_of_the_other_and_notices_go_out_once(
    several: Callable[..., Several],
) -> None:
    with webhook() as slack:
        innwatch = several(names=TWO_OF_EACH)
        innwatch.start()
        tablets = furnish(innwatch, "--slack-webhook", slack.url)[:9]
        sam = innwatch.person("sam")
        there = Person(innwatch.url_of("api-2"), sam.token)
        for number, tablet in enumerate(tablets):
            report(tablet, number)
        alerts = eventually_sync(lambda: there.open_alerts()[len(tablets) - 1 :] and there.open_alerts())

        # Before anybody answers: what still waits then is not sent any more.
        eventually_sync(lambda: settled(sam, len(tablets)), within=20)

        took: list[float] = []
        headers = {"Authorization": f"Bearer {sam.token}"}
        with (
            event_stream(innwatch.url_of("api-2"), sam.token) as stream,
            httpx.Client(verify=TRUSTS_NOBODY, headers=headers) as client,
        ):
            for seen, alert in enumerate(alerts, start=1):
                began = time.monotonic()
                answer = client.post(f"{innwatch.url}/api/alerts/{alert['id']}/acknowledge", json={"note": "seen"})
                assert answer.status_code == 200
                eventually_sync(lambda: len(stream.of("alert.acknowledged")) == seen, every=0.002)  # noqa: B023
                took.append(time.monotonic() - began)

        assert statistics.median(took) < 0.2, took
        assert len(slack.posts) == len(tablets)


def settled(person: Person, count: int) -> bool:
    """Every notice of so many alerts has found its end."""
    states = [row["state"] for row in person.all("/api/notifications")]
    return len(states) == count and set(states) <= {"delivered", "dead"}


@pytest.mark.timeout(300)
def test_each_may_be_killed_and_nothing_is_lost_or_told_twice(
    several: Callable[..., Several], own_postgresql: PostgreSQL, redis: Redis, tmp_path: Path
) -> None:
    with mailbox() as mail, webhook() as slack:
        clock = tmp_path / "clock"
        clock.write_text("0")
        env = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail.port), "INNWATCH_CLOCK": str(clock)}
        innwatch = several(names=TWO_OF_EACH, env=env, own_postgresql=own_postgresql)
        innwatch.start("--for-tests")
        tablets = furnish(innwatch, "--email", "night@hotel.example", "--slack-webhook", slack.url)
        manager = innwatch.person("max", role="manager")
        urls = [innwatch.url_of("api"), innwatch.url_of("api-2")]

        with Follower(urls, manager.token).following() as follower:
            asyncio.run(send_while_killing_each(innwatch, tablets, own_postgresql, redis))
            everything_acknowledged_is_stored_once(innwatch, tablets)
            clock.write_text("130")  # A worker that was killed while it delivered holds its claim for two minutes.
            eventually_sync(lambda: settled_all(manager), within=60, every=1)
            newest = eventually_sync(lambda: caught_up(innwatch, follower))
        assert follower.ids == list(range(follower.ids[0], newest + 1))


def settled_all(manager: Person) -> bool:
    states = {row["state"] for row in manager.all("/api/notifications")}
    return bool(states) and states <= {"delivered", "dead", "cancelled"}


def caught_up(innwatch: Several, follower: Follower) -> int:
    """The id of the hotel's newest event, once the follower has it; 0 before."""
    sql = "SELECT last_event_id, (SELECT count(*) FROM event WHERE hotel_key = key) FROM hotel WHERE id = 'grand'"
    newest, count = map(int, innwatch.sql(sql).split("|"))
    assert newest == count
    return newest if follower.ids and follower.ids[-1] >= newest else 0


async def send_while_killing_each(
    innwatch: Several, tablets: list[Tablet], postgresql: PostgreSQL, redis: Redis
) -> None:
    """Have the tablets send, and end each process once as a power cut would: the bridge that watches, and the servers.

    PostgreSQL is away for longer than a lease lasts, which is no reason for another bridge to take over.
    """
    done = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for tablet in tablets:
            tasks.create_task(tablet.run(done))
        for role in ("broker", "bridge", "api", "worker"):
            await asyncio.sleep(0.7)
            victim = await asyncio.to_thread(innwatch.active_bridge) if role == "bridge" else role
            assert victim is not None
            innwatch.running[victim].kill()
            await asyncio.sleep(0.3)
            await asyncio.to_thread(innwatch.start, "--for-tests")
        watching = await asyncio.to_thread(innwatch.active_bridge)
        redis.kill()
        postgresql.kill()
        await asyncio.sleep(7)
        await postgresql.start_anew()
        await redis.start_anew()
        await asyncio.to_thread(innwatch.start, "--for-tests")
        redis.flush()
        await asyncio.sleep(1)
        assert await asyncio.to_thread(innwatch.active_bridge) == watching
        done.set()


def test_a_bridge_that_was_frozen_and_replaced_writes_nothing_and_ends(several: Callable[..., Several]) -> None:
    innwatch = several(names=("broker", "bridge", "bridge-2", "api"))
    innwatch.start()
    tablets = furnish(innwatch)
    frozen = innwatch.active_bridge()
    assert frozen is not None
    standing_by = "bridge" if frozen == "bridge-2" else "bridge-2"

    async def send() -> float:
        """Freeze it under load; how long it took until its messages were stored again."""
        done = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for tablet in tablets:
                tasks.create_task(tablet.run(done))
            await asyncio.sleep(1)
            innwatch.running[frozen].signal(signal.SIGSTOP)
            began = time.monotonic()
            await asyncio.to_thread(
                eventually_sync, lambda: innwatch.metric(standing_by, "innwatch_messages_stored_total"), within=30
            )
            took = time.monotonic() - began
            await asyncio.sleep(0.5)
            innwatch.running[frozen].signal(signal.SIGCONT)
            await asyncio.sleep(1)
            done.set()
        return took

    took = asyncio.run(send())

    assert took < 10
    assert innwatch.running[frozen].wait(within=10) == 75
    assert "another bridge has taken over" in innwatch.running[frozen].output()
    everything_acknowledged_is_stored_once(innwatch, tablets)
    events = innwatch.sql("SELECT count(*), max(id) FROM event").split("|")
    assert events[0] == events[1]
    assert innwatch.sql("SELECT generation FROM lease WHERE name = 'bridge'") == "2"


def test_they_start_in_any_order_and_say_what_they_wait_for(
    processes: Processes, tmp_path: Path, postgresql: PostgreSQL
) -> None:
    redis = Redis(processes, tmp_path)
    innwatch = Several(processes, tmp_path, database_url=postgresql.database(), redis_url=redis.url)
    for name in ("worker", "api", "bridge"):
        innwatch.spawn_one(name)
    old = "the database's schema is old: run `innwatch migrate`"
    for name in ("worker", "api", "bridge"):
        eventually_sync(lambda: old in (innwatch.missing(name) or []), within=30)  # noqa: B023
    assert plain.get(f"{innwatch.url}/api/alerts").status_code == 503
    assert plain.get(f"{innwatch.url}/health/live").status_code == 200

    innwatch.cli("migrate")
    eventually_sync(lambda: innwatch.missing("api") == [], within=30)
    assert plain.get(f"{innwatch.url}/api/alerts").status_code == 401
    eventually_sync(lambda: "no connection to the broker" in "".join(innwatch.missing("bridge") or []), within=30)
    eventually_sync(lambda: "Redis" in "".join(innwatch.missing("worker") or []), within=30)

    redis.start()
    innwatch.start()
    for process in innwatch.running.values():
        process.signal(signal.SIGTERM)
    assert [process.wait(within=10) for process in innwatch.running.values()] == [0, 0, 0, 0]
