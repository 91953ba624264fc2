"""A broker that is another process, and goes away and comes back: nothing is lost, nobody is accused."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from prometheus_client import CollectorRegistry

from broker.delivery import BRIDGE_CLIENT_ID
from broker.topics import BELIEVED_ANYWHERE
from device_bridge.far_broker import FarBroker, Pass
from device_bridge.metrics import UplinkMetrics
from device_bridge.mqtt_wire import BrokerAddress, LogIn
from device_bridge.queue import InputQueue
from rules.alerts import AlertStatus
from tests.device_bridge.given import HOTEL, START, House, heartbeat, report
from tests.support import Processes, eventually, person
from tests.support.mosquitto import Mosquitto

pytestmark = pytest.mark.server

ANYBODY = LogIn(None, None)
DISCONNECT = b"\xe0\0"
END = "end/of/what/there/is"


class Far:
    """A house whose bridge is connected to a Mosquitto, and a tablet's and a console's hand in it."""

    def __init__(self, house: House, mosquitto: Mosquitto, *, log_in: LogIn = ANYBODY) -> None:
        self.house = house
        self.mosquitto = mosquitto
        self.passes = 0
        self.renew_after: timedelta | None = None
        self.log_in = log_in
        self.broker = self.new_broker()
        house.uplink = self.broker

    def new_broker(self, port: int | None = None) -> FarBroker:
        return FarBroker(
            BrokerAddress("127.0.0.1", port or self.mosquitto.port),
            queue=self.house.queue,
            new_pass=self._new_pass,
            now=self.house.clock.now,
            metrics=UplinkMetrics(CollectorRegistry()),
        )

    def _new_pass(self) -> Pass:
        self.passes += 1
        return Pass(self.log_in, None if self.renew_after is None else self.house.clock.now() + self.renew_after)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            parts = [tasks.create_task(part) for part in (self.broker.run(), self.house.bridge.run())]
            self.broker_task = parts[0]
            yield
            for part in parts:
                part.cancel()

    async def publish(self, topic: str, body: object, *, qos: int = 1, retain: bool = False) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body, default=str)
        async with aiomqtt.Client("127.0.0.1", self.mosquitto.port) as client:
            await client.publish(topic, payload, qos=qos, retain=retain)

    async def beat(self, number: int = 101) -> str:
        body = heartbeat(f"aa:bb:cc:dd:ee:{number - 100:02}", ts=self.house.clock.at)
        await self.publish(f"hotels/grand/devices/tab-{number}/heartbeat", body)
        return str(body["id"])

    async def retained(self) -> dict[str, Any]:
        """What a console that comes now is shown."""
        async with aiomqtt.Client("127.0.0.1", self.mosquitto.port) as client:
            await client.subscribe([("hotels/#", 1), ("platform/#", 1), (END, 1)])
            return {topic: json.loads(payload) for topic, payload in await _until_the_end(client) if payload}

    async def left_with_the_broker(self) -> list[str]:
        """The ids of what it still has for the bridge, which must not be connected; it is taken from it."""
        async with aiomqtt.Client(
            "127.0.0.1", self.mosquitto.port, identifier=BRIDGE_CLIENT_ID, clean_session=False
        ) as client:
            await client.subscribe(END, 1)
            return [json.loads(payload)["id"] for _, payload in await _until_the_end(client)]

    async def watches(self) -> bool:
        """Whether it says so, and the word is still good: a broker keeps the old word while nobody watches."""
        monitor = (await self.retained()).get("hotels/grand/monitor")
        valid = monitor is not None and datetime.fromisoformat(monitor["validUntil"]) > self.house.clock.at
        return valid and monitor is not None and monitor["state"] == "watching"

    async def open_alerts(self) -> list[str]:
        page = await self.house.store.alerts(HOTEL, status=AlertStatus.OPEN)
        return [f"{alert.device_id} {alert.rule}" for alert in page.items]


@pytest.fixture
async def far(processes: Processes, tmp_path: Path) -> AsyncIterator[Far]:
    mosquitto = Mosquitto(processes, tmp_path)
    mosquitto.start()
    house = House(tmp_path / "innwatch.db")
    far = Far(house, mosquitto)
    await house.open()
    yield far
    await house.store.close()


async def test_what_comes_is_stored_and_acknowledged_then_and_not_before(far: Far) -> None:
    async with far.running():
        await eventually(far.watches)
        stored = await far.beat()
        await eventually(lambda: _stored(far, stored))
        with locked(far.house):
            waiting = await far.beat()
            await eventually(far.house.bridge.problems)
            far.broker_task.cancel()
            await asyncio.wait([far.broker_task])
            assert await far.left_with_the_broker() == [waiting]


async def test_what_was_not_stored_when_the_bridge_died_comes_again(far: Far, tmp_path: Path) -> None:
    async with far.running():
        await eventually(far.watches)
    lost = far.house.queue = InputQueue(now=far.house.clock.now)  # nobody takes from it
    doomed = far.new_broker()
    running = asyncio.ensure_future(doomed.run())
    await eventually(lambda: doomed.hearing.deaf_since is None)
    ids = [await far.beat() for _ in range(3)]
    await eventually(lambda: len(lost) >= 3)  # more, if the connection was lost meanwhile
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    again = House(tmp_path / "innwatch.db")
    successor = Far(again, far.mosquitto)
    await again.open()
    async with successor.running():
        await eventually(lambda: _stored(successor, *ids))
    await again.store.close()


async def test_a_broker_that_goes_away_accuses_nobody_and_who_stays_away_is_found(far: Far) -> None:
    clock = far.house.clock
    async with far.running():
        await eventually(far.watches)
        await far.beat(101)
        await far.beat(102)
        await eventually(lambda: _count(far, 2))
        far.mosquitto.kill()
        await eventually(far.broker.problems)
        clock.advance(3600)
        await eventually(lambda: _monitor_of_the_store(far, "blind"))
        assert await far.open_alerts() == []

        await far.mosquitto.start_anew()
        await eventually(far.watches)
        clock.advance(30)
        await far.beat(101)
        await eventually(lambda: _count(far, 3))
        assert await far.open_alerts() == []

        async def somebody_is_missed() -> list[str]:
            """After a minute; or later, if the connection was lost once more on a busy machine."""
            clock.advance(10)
            stored = await far.beat(101)
            await eventually(lambda: _stored(far, stored))
            return await far.open_alerts()

        assert await eventually(somebody_is_missed, within=60) == ["tab-102 silence"]
        assert await _monitor_of_the_store(far, "watching")


async def test_what_the_broker_kept_for_us_is_stored_before_anybody_is_judged(far: Far) -> None:
    async with far.running():
        await eventually(far.watches)
        await far.beat()
        await eventually(lambda: _count(far, 1))
    far.house.clock.advance(3600)
    kept = [await far.beat() for _ in range(20)]
    far.broker = far.house.uplink = far.new_broker()
    far.house.bridge = far.house.new_bridge()
    await far.house.bridge.start()
    async with far.running():
        await eventually(lambda: _stored(far, *kept))
        assert await far.open_alerts() == []


async def test_the_bridge_puts_in_order_what_is_retained_before_it_says_that_it_watches(far: Far) -> None:
    stale = {
        "hotels/grand/alerts/long-gone": {"status": "open"},
        "hotels/grand/devices/tab-9/config": {},
        "hotels/grand/devices/tab-9/status": {},
        "hotels/elsewhere/monitor": {},
        "hotels/grand/rooms/999/state": {},
    }
    for topic, body in stale.items():
        await far.publish(topic, body, retain=True)
    await far.publish("hotels/grand/ext/opera/notes", {}, retain=True)  # not the bridge's
    async with far.running():
        await eventually(far.watches)
        retained = await far.retained()
    assert set(stale) & set(retained) == set()
    assert "hotels/grand/ext/opera/notes" in retained
    assert retained["hotels/grand/devices/tab-101/config"]["roomId"] == "101"
    assert retained["platform/monitor"]["state"] == "watching"


async def test_an_alert_that_was_resolved_while_the_broker_was_away_is_emptied_and_the_news_told_in_order(
    far: Far,
) -> None:
    async with far.running():
        await eventually(far.watches)
        await far.publish("hotels/grand/devices/tab-101/alert", report("breach"))
        (alert,) = await eventually(lambda: _alert_topics(far))
        far.mosquitto.kill()
        await eventually(far.broker.problems)
        page = await far.house.store.alerts(HOTEL, status=AlertStatus.OPEN)
        await far.house.store.acknowledge(HOTEL, page.items[0].id, by=person("sam"), note=None, now=START)
        await far.mosquitto.start_anew()
        await eventually(lambda: _is_answered(far, alert))


async def test_the_will_says_blind_and_so_does_a_bridge_that_is_stopped(far: Far) -> None:
    async with far.running():
        await eventually(far.watches)
    said = (await far.retained())["platform/monitor"]
    assert (said["state"], said["why"]) == ("blind", "the bridge was stopped")


async def test_a_bridge_that_is_stopped_hangs_up_when_the_broker_has_its_last_word(far: Far) -> None:
    """Mosquitto publishes the will when it finds nobody to acknowledge to."""
    said: list[bytes] = []

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", far.mosquitto.port)

        async def answer() -> None:
            while chunk := await answers.read(2**16):
                await asyncio.sleep(0.05)  # a line with some length
                said.append(b"answer")
                writer.write(chunk)

        async with asyncio.TaskGroup() as both:
            both.create_task(answer())
            while chunk := await reader.read(2**16):
                said.append(chunk)
                requests.write(chunk)
            requests.close()
        writer.close()

    async with await asyncio.start_server(between, "127.0.0.1", 0) as server:
        broker = far.new_broker(server.sockets[0].getsockname()[1])
        running = asyncio.ensure_future(broker.run())
        await eventually(lambda: broker.hearing.deaf_since is None)
        running.cancel()
        await asyncio.wait([running])
        await eventually(lambda: said[-1] == DISCONNECT)
    last_word = max(at for at, chunk in enumerate(said) if b"the bridge was stopped" in chunk)
    assert b"answer" in said[last_word:-1]


async def test_a_pass_is_renewed_before_it_ends_and_nobody_notices(far: Far) -> None:
    far.renew_after = timedelta(hours=20)
    async with far.running():
        await eventually(far.watches)
        before = far.passes
        far.house.clock.advance(20 * 3600)
        await eventually(lambda: far.passes > before)
        await eventually(lambda: _stored_after_beat(far))
        assert far.broker.hearing.times == 1


async def test_what_means_nothing_is_acknowledged_and_dropped(far: Far) -> None:
    async with far.running():
        await eventually(far.watches)
        await far.publish("hotels/gr and/devices/tab-101/heartbeat", heartbeat())
        await far.publish("hotels/grand/devices/_/heartbeat", heartbeat())
        await eventually(lambda: far.broker.unacknowledged == 0)
        stored = await far.beat()
        await eventually(lambda: _stored(far, stored))
        await eventually(lambda: far.broker.unacknowledged == 0)
    assert await far.left_with_the_broker() == []
    assert far.broker._metrics.strays._value.get() == 2


async def test_a_full_queue_holds_the_broker_and_loses_nothing(processes: Processes, tmp_path: Path) -> None:
    mosquitto = Mosquitto(processes, tmp_path)
    mosquitto.start()
    house = House(tmp_path / "innwatch.db")
    house.queue = InputQueue(now=house.clock.now, limit=20)
    far = Far(house, mosquitto)
    await house.open()
    async with far.running():
        await eventually(far.watches)
        with locked(house):
            async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
                bodies = [heartbeat() for _ in range(600)]
                for body in bodies:
                    payload = json.dumps(body, default=str)
                    await client.publish("hotels/grand/devices/tab-101/heartbeat", payload, qos=0)
                await client.publish("done", b"", qos=1)
            await eventually(lambda: len(house.queue) >= 20)
            assert len(house.queue) < 100
        await eventually(lambda: _stored(far, *(str(body["id"]) for body in bodies)))
    await house.store.close()


async def test_a_broker_that_refuses_us_is_asked_again_and_the_health_says_why(
    processes: Processes, tmp_path: Path
) -> None:
    (tmp_path / "passwords").touch(mode=0o600)
    mosquitto = Mosquitto(processes, tmp_path, f"password_file {tmp_path}/passwords")
    mosquitto.start()
    house = House(tmp_path / "innwatch.db")
    far = Far(house, mosquitto, log_in=LogIn("bridge", "s3cret"))
    await house.open()
    async with far.running():
        await eventually(lambda: far.passes > 2)
        (problem,) = house.bridge.problems()
    assert problem.endswith("it refuses us (not authorized)")
    assert "s3cret" not in problem
    await house.store.close()


async def test_rules_of_a_broker_that_keep_our_own_word_from_us_are_reported(
    processes: Processes, tmp_path: Path
) -> None:
    """Mosquitto grants any subscription and acknowledges any publish, and lets neither through."""
    (tmp_path / "rules").write_text("topic write hotels/#\ntopic read hotels/#\n")
    (tmp_path / "rules").chmod(0o600)
    mosquitto = Mosquitto(processes, tmp_path, f"acl_file {tmp_path}/rules", "allow_anonymous true")
    mosquitto.start()
    house = House(tmp_path / "innwatch.db")
    far = Far(house, mosquitto)
    await house.open()
    async with far.running():
        await eventually(lambda: house.bridge.problems() and "platform/monitor" in house.bridge.problems()[0])
    await house.store.close()


async def test_a_broker_that_is_not_ours_can_end_no_token_and_nobody_can_take_our_place_there(
    processes: Processes, tmp_path: Path
) -> None:
    mosquitto = Mosquitto(processes, tmp_path)
    mosquitto.start()
    house = House(tmp_path / "innwatch.db")
    far = Far(house, mosquitto)
    far.broker = FarBroker(
        BrokerAddress("127.0.0.1", mosquitto.port),
        queue=house.queue,
        new_pass=lambda: Pass(ANYBODY),
        now=house.clock.now,
        metrics=(metrics := UplinkMetrics(CollectorRegistry())),
        name="b1c5e7d0a9f34862",
        consumed=BELIEVED_ANYWHERE,
    )
    house.uplink = far.broker
    await house.open()
    async with far.running():
        await eventually(far.watches)
        ended = {"id": "revoked-1", "ts": house.clock.at.isoformat(), "cause": "revoked"}
        await far.publish("hotels/grand/devices/tab-101/ended", ended)
        async with aiomqtt.Client("127.0.0.1", mosquitto.port, identifier=BRIDGE_CLIENT_ID):
            await eventually(lambda: _stored_after_beat(far))

        assert "revoked-1" not in await house.stored()
        assert far.broker.hearing.deaf_since is None
        assert metrics.connections._value.get() == 1
    await house.store.close()


async def _until_the_end(client: aiomqtt.Client) -> list[tuple[str, bytes]]:
    """What the broker has for a client, by topic: all that it had before the client said that this is the end."""
    found: list[tuple[str, bytes]] = []
    await client.publish(END, b"", qos=1)
    async for message in client.messages:
        if str(message.topic) == END:
            break
        assert isinstance(message.payload, bytes)
        found.append((str(message.topic), message.payload))
    return found


@contextlib.contextmanager
def locked(house: House) -> Iterator[None]:
    """Somebody else holds the database."""
    connection = sqlite3.connect(house.path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


async def _stored(far: Far, *ids: str) -> bool:
    found = await far.house.stored()
    return set(ids) <= set(found) and len(found) == len(set(found))


async def _stored_after_beat(far: Far) -> bool:
    return await _stored(far, await far.beat())


async def _count(far: Far, number: int) -> bool:
    return len(await far.house.stored()) == number


async def _alert_topics(far: Far) -> list[str]:
    return [topic for topic in await far.retained() if "/alerts/" in topic]


async def _is_answered(far: Far, alert: str) -> bool:
    return bool((await far.retained())[alert]["acknowledged"])


async def _monitor_of_the_store(far: Far, state: str) -> bool:
    events = await far.house.store.events_after(HOTEL, 0, limit=500)
    said = [json.loads(bytes(event.data))["state"] for event in events if event.type == "monitor.changed"]
    return bool(said) and said[-1] == state
