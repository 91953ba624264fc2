"""Pulled plugs and our own restarts: the tablet that fell silent is found, those that come back are not accused."""

import json
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support import Processes, eventually_sync
from tests.system.installation import Installation, Shape, bssid_of, heartbeat


class Tablet:
    """A paho client with a birth and a will, whose plug can be pulled in two ways."""

    def __init__(self, innwatch: Installation, number: int, *, keepalive: int = 10) -> None:
        self.name, self.number, self._port, self._keepalive = f"tab-{number}", number, innwatch.mqtt_port, keepalive
        self._token = innwatch.token("device", "grand", self.name)
        self.client = self._new_client()

    def _new_client(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"grand/{self.name}")
        client.username_pw_set(f"grand/{self.name}", self._token)
        client.will_set(self._topic("state"), '{"state":"lost","sid":"s-1"}', qos=1)
        return client

    def _topic(self, kind: str) -> str:
        return f"hotels/grand/devices/{self.name}/{kind}"

    def come(self) -> None:
        self.client = self._new_client()
        self.client.connect("127.0.0.1", self._port, keepalive=self._keepalive)
        self.client.loop_start()
        eventually_sync(self.client.is_connected)

    def beat(self, times: int = 1) -> None:
        for _ in range(times):
            payload = heartbeat(bssid=bssid_of(self.number), sid="s-1")
            self.client.publish(self._topic("heartbeat"), payload, qos=1).wait_for_publish(5)

    def say(self, *, bssid: str, ts: datetime) -> None:
        """A heartbeat from another access point, at a time of its own."""
        payload = heartbeat(bssid=bssid, ts=ts.isoformat(), sid="s-1")
        self.client.publish(self._topic("heartbeat"), payload, qos=1).wait_for_publish(5)

    def drop_the_socket(self) -> None:
        """The battery falls out: the other end sees a reset."""
        self.client.loop_stop()
        sock = self.client.socket()
        assert isinstance(sock, socket.socket)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()

    def freeze(self) -> None:
        """The network swallows everything: the connection stays half open and nothing is heard."""
        self.client.loop_stop()

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(params=Shape)
def innwatch(processes: Processes, tmp_path: Path, request: pytest.FixtureRequest) -> Installation:
    clock = tmp_path / "clock"
    installation = Installation(processes, tmp_path, env={"INNWATCH_CLOCK": str(clock)}, shape=request.param)
    installation.start("--for-tests")
    installation.furnish(rooms=2)
    return installation


@pytest.mark.parametrize("pull", [Tablet.drop_the_socket, Tablet.freeze])
def test_a_tablet_whose_plug_is_pulled_is_missed_within_20_seconds(
    innwatch: Installation, tmp_path: Path, pull: Callable[[Tablet], None]
) -> None:
    sam, tablet = innwatch.person("sam"), Tablet(innwatch, 101)
    tablet.come()
    tablet.beat()
    pull(tablet)
    (tmp_path / "clock").write_text("20")
    (alert,) = eventually_sync(sam.open_alerts)
    assert (alert["family"], alert["severity"], alert["deviceId"]) == ("silence", "high", "tab-101")


def test_a_tablet_that_is_heard_again_ends_its_silence(innwatch: Installation, tmp_path: Path) -> None:
    sam, tablet = innwatch.person("sam"), Tablet(innwatch, 101)
    tablet.come()
    tablet.beat()
    tablet.leave()
    (tmp_path / "clock").write_text("20")
    eventually_sync(sam.open_alerts)
    tablet.come()
    tablet.beat(times=2)
    eventually_sync(lambda: sam.open_alerts() == [])
    (alert,) = sam.all("/api/alerts", status="resolved")
    assert [reason["because"] for reason in sam.get(f"/api/alerts/{alert['id']}")["timeline"][-1]["why"]] == [
        "heard-again"
    ]
    tablet.leave()

    again = json.loads(innwatch.cli("replay", "grand", "--from", "1h", "--json"))
    assert (again["gained"], again["lost"], again["kept"]) == ([], [], len(sam.all("/api/alerts", status="all")))
    assert (again["diverged"], again["unreadable"], again["strange"]) == (0, 0, 0)


def test_our_own_restart_accuses_only_the_tablet_that_does_not_come_back(
    innwatch: Installation, tmp_path: Path
) -> None:
    sam, faithful, stolen = innwatch.person("sam"), Tablet(innwatch, 101), Tablet(innwatch, 102)
    for tablet in (faithful, stolen):
        tablet.come()
        tablet.beat()
    innwatch.kill()
    for tablet in (faithful, stolen):
        tablet.client.loop_stop()
    (tmp_path / "clock").write_text("600")
    innwatch.start("--for-tests")
    faithful.come()
    faithful.beat()
    (tmp_path / "clock").write_text("612")
    faithful.beat()
    assert sam.open_alerts() == []
    for seconds in (622, 632, 642, 652, 662):
        (tmp_path / "clock").write_text(str(seconds))
        faithful.beat()
    (alert,) = eventually_sync(sam.open_alerts)
    assert alert["deviceId"] == "tab-102"
    faithful.leave()
