"""What comes over HTTP and what goes to tablets: by rows between API and bridge, whichever processes those are."""

import asyncio
import itertools
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest

from tests.support import eventually_sync
from tests.support.http import TRUSTS_NOBODY, plain
from tests.system.conftest import Install
from tests.system.installation import Installation, Json, Shape, bssid_of, every_shape
from tests.system.listeners import Subscriber, event_stream
from tests.system.several import Several

AGENTS, PER_SECOND, KILLS = 10, 10, 4
alone_and_several = pytest.mark.parametrize("shape", [Shape.EMBEDDED, Shape.SERVER])
OWN = "hotels/grand/devices/tab-101"


class Agent:
    """An agent of the old system: everything over HTTP, with its tablet's token."""

    def __init__(self, innwatch: Installation, device: str) -> None:
        self.device = device
        self._url = f"{innwatch.url}/api"
        self._headers = {"Authorization": f"Bearer {innwatch.token('device', 'grand', device)}"}

    def say(self, path: str, **fields: object) -> httpx.Response:
        body = {"deviceId": self.device, "roomId": self.device.removeprefix("tab-")} | fields
        return plain.post(f"{self._url}/{path}", json=body, headers=self._headers, timeout=10)


@contextmanager
def tablet(innwatch: Installation) -> Iterator[Subscriber]:
    """tab-101 by MQTT, which hears its commands when the block begins."""
    token = innwatch.token("device", "grand", "tab-101")
    listening = Subscriber(client_id="grand/tab-101", username="grand/tab-101", password=token)
    listening.client.connect("127.0.0.1", innwatch.mqtt_port, keepalive=30)
    listening.client.loop_start()
    try:
        eventually_sync(listening.client.is_connected)
        listening.client.subscribe([(f"{OWN}/command", 1), (f"{OWN}/receipt", 1)])
        eventually_sync(lambda: len(listening.granted) == 2)
        yield listening
    finally:
        listening.client.disconnect()
        listening.client.loop_stop()


_numbers = itertools.count(1)


def say(listening: Subscriber, topic: str, **fields: object) -> None:
    body = {"id": f"x-{next(_numbers)}", "ts": datetime.now(UTC).isoformat()} | fields
    listening.client.publish(f"{OWN}/{topic}", json.dumps(body), qos=1).wait_for_publish(10)


@alone_and_several
def test_an_agent_of_the_old_system_is_watched_like_any_tablet(install: Install, shape: Shape) -> None:
    innwatch = install(shape)
    innwatch.start()
    innwatch.furnish(rooms=2)
    sam, agent = innwatch.person("sam"), Agent(innwatch, "tab-101")

    with event_stream(innwatch.url, sam.token) as events:
        first = agent.say("heartbeat", wifiBssid=bssid_of(101), rssi=-55, battery=80)
        assert (first.status_code, first.json()) == (200, {"ok": True, "status": "ok"})
        eventually_sync(lambda: [one for one in events.of("device.status") if one["data"]["link"] == "online"])
        assert agent.say("alert/breach", rssi=-90).json() == {"ok": True}
        (opened,) = eventually_sync(lambda: events.of("alert.opened"))

    assert (opened["data"]["deviceId"], opened["data"]["rule"]) == ("tab-101", "breach.reported")
    assert agent.say("heartbeat", wifiBssid=bssid_of(101), rssi=-55).json()["status"] == "breach"
    assert agent.say("heartbeat", deviceId="tab-102").status_code == 403
    eventually_sync(lambda: len(innwatch.messages("grand", "tab-101")) >= 3, every=0.5)
    assert [one for one in innwatch.messages("grand", "tab-102") if ":" not in one] == []


@every_shape
def test_a_command_goes_to_its_tablet_and_its_result_comes_back(install: Install, shape: Shape) -> None:
    innwatch = install(shape)
    innwatch.start()
    innwatch.furnish()
    sam = innwatch.person("sam")

    with event_stream(innwatch.url, sam.token) as events, tablet(innwatch) as listening:
        made = sam.post("/api/devices/tab-101/commands", {"name": "message", "args": {"text": "Come home"}})
        assert made.status_code == 201, made.text
        (command,) = eventually_sync(lambda: listening.of("/command"))
        assert (command["id"], command["name"], command["args"]) == (
            made.json()["id"],
            "message",
            {"text": "Come home"},
        )
        for status in ("received", "done"):
            say(listening, "result", commandId=command["id"], status=status)
        eventually_sync(lambda: states(events.of("command.changed"))[-1:] == ["done"])

    assert states(events.of("command.changed")) == ["pending", "sent", "received", "done"]
    shown = sam.get(f"/api/commands/{command['id']}")
    assert (shown["state"], shown["by"]) == ("done", "sam")
    assert sam.post("/api/devices/tab-101/commands", {"name": "reboot"}).status_code == 403


@alone_and_several
def test_a_tablet_that_was_away_gets_its_command_when_it_is_born(install: Install, shape: Shape) -> None:
    innwatch = install(shape)
    innwatch.start()
    innwatch.furnish()
    innwatch.cli("command", "send", "grand", "tab-101", "ring")
    eventually_sync(lambda: states(listed(innwatch)) == ["sent"], every=0.3)

    with tablet(innwatch) as listening:
        say(listening, "state", state="ready", sid="b1-1")
        (command,) = eventually_sync(lambda: listening.of("/command"))
        say(listening, "result", commandId=command["id"], status="unsupported", detail="no speaker")

    eventually_sync(lambda: states(listed(innwatch)) == ["unsupported"], every=0.3)


def listed(innwatch: Installation) -> list[Json]:
    return [{"data": one} for one in json.loads(innwatch.cli("command", "list", "grand", "--json"))]


def states(events: list[Json]) -> list[str]:
    return [event["data"]["state"] for event in events]


@alone_and_several
def test_nothing_that_was_answered_is_lost_and_nothing_is_stored_twice(install: Install, shape: Shape) -> None:
    innwatch = install(shape)
    innwatch.start()
    innwatch.furnish(rooms=0)
    rows = innwatch.cli("device", "add", "grand", "--count", str(AGENTS), "--prefix", "tab-", "--tokens", "--csv")
    talkers = [Talker(innwatch.url, *row.split(",")[4:1:-2]) for row in rows.splitlines()]

    def kill(number: int) -> None:
        if isinstance(innwatch, Several):
            innwatch.running[("bridge", "api")[number % 2]].kill()
        elif innwatch.process is not None:
            innwatch.process.kill()

    asyncio.run(talk_while_killing(innwatch, talkers, kill))

    answered = {(one.device, name) for one in talkers for name in one.answered}
    assert len(answered) > 5 * AGENTS

    def stored() -> list[tuple[str, str]]:
        found = map(json.loads, innwatch.cli("messages", "grand", "--json").splitlines())
        return [(row["deviceId"], row["id"]) for row in found]

    eventually_sync(lambda: answered <= set(stored()), within=15, every=0.5)
    found = stored()
    assert len(found) == len(set(found))


class Talker:
    """Posts heartbeats as fast as it is answered, and each again until it is."""

    def __init__(self, url: str, device: str, token: str) -> None:
        self.device, self._token, self._url = device, token, url
        self.answered: list[str] = []
        self._numbers = itertools.count(1)

    async def run(self, done: asyncio.Event) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        async with httpx.AsyncClient(verify=TRUSTS_NOBODY, base_url=self._url, headers=headers, timeout=5) as client:
            name = ""
            while not done.is_set():
                name = name or f"{self.device}-{next(self._numbers)}"
                body = {"deviceId": self.device, "id": name, "rssi": -50, "ts": datetime.now(UTC).isoformat()}
                try:
                    answer = await client.post("/api/heartbeat", json=body)
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
                    continue
                if answer.status_code == 200:
                    self.answered.append(name)
                    name = ""
                else:
                    assert answer.status_code in (429, 503), answer.text
                await asyncio.sleep(1 / PER_SECOND)


async def talk_while_killing(innwatch: Installation, talkers: list[Talker], kill: Callable[[int], None]) -> None:
    done, dice = asyncio.Event(), random.Random(20261123)
    async with asyncio.TaskGroup() as tasks:
        for talker in talkers:
            tasks.create_task(talker.run(done))
        for number in range(KILLS):
            await asyncio.sleep(dice.uniform(0.3, 1.0))
            kill(number)
            await asyncio.to_thread(innwatch.start)
        await asyncio.sleep(1)
        done.set()
