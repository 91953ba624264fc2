"""An access point dies under forty tablets, and comes back: one notice, and one for the tablet that does not return."""

import json
from typing import Any

import pytest

from tests.support import eventually_sync
from tests.support.http import plain
from tests.system.conftest import Install
from tests.system.installation import Installation, Person, Shape, StoppedClock, tablets_clock
from tests.system.receivers import Webhook, webhook

pytestmark = pytest.mark.server
DEAD, ALIVE = "02:00:5e:00:00:01", "02:00:5e:00:00:02"


class Floor:
    """Tablets on one access point, heard over HTTP: the first one is carried off, the second does not return."""

    def __init__(self, innwatch: Installation, boss: Person, prefix: str, count: int, *, bssid: str) -> None:
        logins = json.loads(
            innwatch.cli("device", "add", "grand", "--count", str(count), "--prefix", prefix, "--tokens", "--json")
        )
        self.names = [one["deviceId"] for one in logins]
        self._rooms = {one["deviceId"]: one["roomId"] for one in logins}
        self._bssid, self._boss = bssid, boss
        self._clients = {one["deviceId"]: {"Authorization": f"Bearer {one['password']}"} for one in logins}
        self._url = innwatch.url

    def furnish(self) -> None:
        for room in self._rooms.values():
            body = {"roomId": room, "floor": "1", "bssid": self._bssid, "minRssi": -75}
            assert self._boss.post("/api/rooms/upsert", body).is_success

    def beat(self, *names: str, rssi: int = -50) -> None:
        for name in names or self.names:
            body = {
                "deviceId": name,
                "roomId": self._rooms[name],
                "wifiBssid": self._bssid,
                "rssi": rssi,
                "battery": 80,
            }
            answer = plain.post(f"{self._url}/api/heartbeat", json=body, headers=self._clients[name])
            assert answer.status_code == 200, answer.text
        eventually_sync(lambda: self._boss.has_heard(*(names or self.names), at=tablets_clock.now()))


def test_forty_tablets_that_vanish_are_one_notice_and_the_one_that_does_not_return_is_another(
    install: Install, clock: StoppedClock
) -> None:
    innwatch = install(Shape.EMBEDDED, env=clock.env)
    innwatch.start("--for-tests")
    with webhook() as slack:
        innwatch.cli("hotel", "add", "grand", "--profile", "normal", "--slack-webhook", slack.url)
        boss = innwatch.person("bo", role="manager")
        there, others = (
            Floor(innwatch, boss, "a", 41, bssid=DEAD),
            Floor(innwatch, boss, "b", 27, bssid=ALIVE),
        )
        for floor in (there, others):
            floor.furnish()
            floor.beat()
        carried, lost, *faithful = there.names

        clock.pass_to(2)
        there.beat(carried, rssi=-70)
        clock.pass_to(25)
        others.beat()
        clock.pass_to(46)
        (incident,) = eventually_sync(lambda: all_silent(boss))
        others.beat()
        assert (incident["scope"], incident["place"]) == ("access-point", DEAD)
        members = boss.get(f"/api/incidents/{incident['id']}")["alerts"]
        assert {alert["deviceId"] for alert in members} == {lost, *faithful}

        clock.pass_to(67)
        others.beat()
        (notice,) = eventually_sync(lambda: told(slack, "OUTAGE"))
        assert "40 tablets fell silent at once" in notice

        for seconds in (72, 76):
            clock.pass_to(seconds)
            there.beat(*faithful)
            others.beat()
        eventually_sync(lambda: boss.get("/api/incidents")["items"][0]["back"] == 39)
        for seconds in range(102, 258, 26):
            clock.pass_to(seconds)
            there.beat(*faithful)
            others.beat()
        clock.pass_to(258)
        (notice,) = eventually_sync(lambda: told(slack, "did not return when the others did"))
        assert "CRITICAL" in notice
        (over,) = eventually_sync(lambda: told(slack, "OUTAGE OVER"))
        assert "39 of 40 tablets are back, 1 did not return" in over
        (alert,) = [one for one in boss.open_alerts() if one["why"][0]["because"] == "did-not-return"]
        assert (alert["deviceId"], alert["severity"]) == (lost, "critical")
        texts = [str(post["text"]) for post in slack.posts]
        assert len([text for text in texts if text.startswith("OUTAGE -")]) == 1
        about = {name for text in texts for name in there.names if f"room-{name}:" in text}
        assert about == {carried, lost}


def all_silent(person: Person) -> list[Any]:
    incidents: list[Any] = person.get("/api/incidents")["items"]
    return [one for one in incidents if one["members"] == 40]


def told(slack: Webhook, words: str) -> list[str]:
    return [text for post in slack.posts if words in (text := str(post["text"]))]
