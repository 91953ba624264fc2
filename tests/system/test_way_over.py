"""The way over from HTTP: the old agents' exact traffic beside tablets that speak MQTT, until the shared token ends."""

import itertools
import json
from pathlib import Path

import httpx
import pytest

from tests.support import eventually_sync
from tests.support.http import plain
from tests.system.conftest import Install
from tests.system.installation import Installation, Json, Shape, bssid_of, heartbeat
from tests.system.listeners import Subscriber, event_stream

API_TOKEN = "b0arding-pass-0f-the-0ld-days"
EXPORT = [
    {"type": "room", "room_id": "101", "name": "Garden", "floor": "1", "bssid": bssid_of(101), "min_rssi": -75},
    {"type": "room", "room_id": "102", "floor": "1", "bssid": bssid_of(102), "min_rssi": -75},
    {"type": "room", "room_id": "103", "floor": "1", "bssid": bssid_of(103), "min_rssi": -75},
    {"device_id": "tab-101", "room_id": "101"},
    {"deviceId": "tab-102", "roomId": "102"},
    {"deviceId": "tab-103", "roomId": "103"},
    {"id": 17, "deviceId": "tab-101", "type": "breach", "rssi": -90, "ts": "2026-10-01T03:00:00Z", "acknowledged": 0},
]


class OldAgent:
    """Says over HTTP what agents of the old system said, to the letter, by whichever token it has."""

    def __init__(self, innwatch: Installation, device: str) -> None:
        self.device, self.token = device, API_TOKEN
        self._room = device.removeprefix("tab-")
        self._url = f"{innwatch.url}/api"
        self._clock = itertools.count(1790823600)  # months behind ours, and all that it says is dated by it

    def register(self) -> str:
        """Ask for a token of its own, by the shared one, and use it from now on."""
        answer = self.post("devices/register", deviceId=self.device, roomId=self._room, hotelId="grand")
        assert (answer.status_code, answer.json()["ok"]) == (200, True), answer.text
        self.token = answer.json()["token"]
        return self.token

    def beat(self, *, rssi: float = -55) -> Json:
        bssid = bssid_of(int(self._room))
        sample = {"wifiBssid": bssid, "rssi": rssi, "ip": "10.0.0.7", "battery": 80}
        return self.said("heartbeat", deviceId=self.device, roomId=self._room, **sample, ts=next(self._clock))

    def all_alerts(self) -> None:
        """One of each kind, as the old agent worded them."""
        ok = {"ok": True}
        assert self.said("alert/breach", deviceId=self.device, roomId=self._room, rssi=-90, ts=next(self._clock)) == ok
        assert self.said("alert/battery", deviceId=self.device, level=9) == ok
        threats = {"threats": ["root"], "descriptions": ["su was found"]}
        assert self.said("alert/tamper", deviceId=self.device, roomId=self._room, **threats) == ok

    def config(self) -> Json:
        answer = plain.get(f"{self._url}/config/{self.device}", headers=self._headers(), timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def renew(self) -> Json:
        return self.said("auth/device-token", deviceId=self.device, roomId=self._room)

    def said(self, path: str, **body: object) -> Json:
        answer = self.post(path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: object) -> httpx.Response:
        return plain.post(f"{self._url}/{path}", json=body, headers=self._headers(), timeout=10)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def beat_by_mqtt(innwatch: Installation, device: str, token: str) -> None:
    tablet = Subscriber(client_id=f"grand/{device}", username=f"grand/{device}", password=token)
    tablet.client.connect("127.0.0.1", innwatch.mqtt_port, keepalive=30)
    tablet.client.loop_start()
    try:
        eventually_sync(tablet.client.is_connected)
        payload = heartbeat(bssid=bssid_of(int(device.removeprefix("tab-"))))
        tablet.client.publish(f"hotels/grand/devices/{device}/heartbeat", payload, qos=1).wait_for_publish(10)
    finally:
        tablet.client.disconnect()
        tablet.client.loop_stop()


def shown(innwatch: Installation) -> Json:
    return json.loads(innwatch.cli("legacy", "show", "grand", "--json"))


def ways(innwatch: Installation) -> dict[str, str | None]:
    return {row["deviceId"]: row["speaks"] for row in shown(innwatch)["items"]}


@pytest.mark.parametrize("shape", [Shape.EMBEDDED, Shape.SERVER])
def test_old_agents_are_watched_beside_tablets_by_mqtt_until_their_token_ends(
    install: Install, shape: Shape, tmp_path: Path
) -> None:
    innwatch = install(shape, env={"API_TOKEN": API_TOKEN, "INNWATCH_LEGACY_HOTEL": "grand"})
    innwatch.start()
    innwatch.cli("hotel", "add", "grand", "--profile", "strict")
    export = tmp_path / "export.jsonl"
    export.write_text("\n".join(map(json.dumps, EXPORT)), encoding="utf-8")
    innwatch.cli("import", str(export), "--hotel", "grand")
    sam = innwatch.person("sam")
    old, halfway, arrived = (OldAgent(innwatch, f"tab-{room}") for room in (101, 102, 103))

    with event_stream(innwatch.url, sam.token) as events:
        assert old.config() == {
            "room": {"bssid": bssid_of(101), "ssid": None, "minRssi": -75.0},
            "pin": None,
            "thresholds": {"batteryLow": 20, "breachGraceSec": 10},
        }
        assert old.beat() == {"ok": True, "status": "ok"}
        old.all_alerts()
        halfway.register()
        halfway.beat()
        renewed = halfway.renew()
        assert renewed["token"] not in (halfway.token, None)
        beat_by_mqtt(innwatch, "tab-103", arrived.register())
        eventually_sync(lambda: {"breach", "battery"} <= {one["data"]["family"] for one in events.of("alert.opened")})
        eventually_sync(lambda: len(heard(events.of("device.status"))) == 3)

    assert old.beat()["status"] == "compromised"
    eventually_sync(
        lambda: ways(innwatch) == {"tab-101": "legacy-token", "tab-102": "http", "tab-103": "mqtt"},
        within=20,
        every=0.5,
    )
    answered = sam.post("/api/alerts/acknowledge", {"alertId": 17, "notes": "long ago"})
    assert (answered.status_code, answered.json()["acknowledged"]["by"]) == (200, "sam")

    assert [row["deviceId"] for row in shown(innwatch)["items"] if row["cut"]] == ["tab-101"]
    innwatch.cli("legacy", "end", "grand", "--all")
    refused = old.post("heartbeat", deviceId="tab-101", roomId="101", rssi=-55)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    assert halfway.beat()["ok"]
    beat_by_mqtt(innwatch, "tab-103", arrived.token)


def heard(statuses: list[Json]) -> set[str]:
    return {one["data"]["deviceId"] for one in statuses if one["data"]["link"] == "online"}
