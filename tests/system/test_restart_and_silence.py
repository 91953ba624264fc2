"""Pulled plugs and our own restarts: the tablet that fell silent is found, those that come back are not accused."""

import json
import socket

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support import eventually_sync
from tests.system.conftest import Install
from tests.system.installation import Installation, Shape, StoppedClock, bssid_of, every_shape, heartbeat


class Tablet:
    """A paho client with a birth and a will, whose plug can be pulled in two ways."""

    def __init__(self, innwatch: Installation, number: int, *, keepalive: int = 10) -> None:
        self.name, self.number, self._port, self._keepalive = f"tab-{number}", number, innwatch.mqtt_port, keepalive
        self._token = innwatch.token("device", "grand", self.name)
        self._sessions = 0
        self.client = self._new_client()

    def _new_client(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"grand/{self.name}")
        client.username_pw_set(f"grand/{self.name}", self._token)
        client.will_set(self._topic("state"), json.dumps({"state": "lost", "sid": self.sid}), qos=1)
        return client

    @property
    def sid(self) -> str:
        return f"s-{self._sessions}"

    def _topic(self, kind: str) -> str:
        return f"hotels/grand/devices/{self.name}/{kind}"

    def come(self) -> None:
        self._sessions += 1
        self.client = self._new_client()
        self.client.connect("127.0.0.1", self._port, keepalive=self._keepalive)
        self.client.loop_start()
        eventually_sync(self.client.is_connected)

    def beat(self, times: int = 1) -> None:
        for _ in range(times):
            payload = heartbeat(bssid=bssid_of(self.number), sid=self.sid)
            self.client.publish(self._topic("heartbeat"), payload, qos=1).wait_for_publish(20)

    def say(self, *, bssid: str) -> None:
        """A heartbeat from another access point."""
        payload = heartbeat(bssid=bssid, sid=self.sid)
        self.client.publish(self._topic("heartbeat"), payload, qos=1).wait_for_publish(20)

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


@every_shape
def test_who_falls_silent_is_missed_within_20_seconds_and_our_own_restart_accuses_only_who_stays_away(
    install: Install, clock: StoppedClock, shape: Shape
) -> None:
    innwatch = install(shape, env=clock.env)
    innwatch.start("--for-tests")
    innwatch.furnish(rooms=4)
    sam = innwatch.person("sam")
    pulled, frozen, stolen, faithful = (Tablet(innwatch, number) for number in range(101, 105))

    def hear(*tablets: Tablet, times: int = 1) -> None:
        for tablet in tablets:
            tablet.beat(times)
        eventually_sync(lambda: sam.has_heard(*(tablet.name for tablet in tablets), at=clock.now))

    def accused() -> set[str]:
        return {alert["deviceId"] for alert in sam.open_alerts()}

    for tablet in (pulled, frozen, stolen, faithful):
        tablet.come()
    hear(pulled, frozen, stolen, faithful)
    pulled.drop_the_socket()
    frozen.freeze()
    stolen.leave()
    for seconds in (10, 20):
        clock.pass_to(seconds)
        hear(faithful)
    eventually_sync(lambda: accused() == {"tab-101", "tab-102", "tab-103"})
    assert {(alert["family"], alert["severity"]) for alert in sam.open_alerts()} == {("silence", "high")}

    # Who is heard again ends its silence, and a replay says the same.
    clock.pass_to(25)
    stolen.come()
    hear(stolen, times=2)
    hear(faithful)
    eventually_sync(lambda: accused() == {"tab-101", "tab-102"})
    (alert,) = sam.all("/api/alerts", status="resolved")
    timeline = sam.get(f"/api/alerts/{alert['id']}")["timeline"]
    assert [reason["because"] for reason in timeline[-1]["why"]] == ["heard-again"]
    again = json.loads(innwatch.cli("replay", "grand", "--from", "1h", "--json"))
    assert (again["gained"], again["lost"], again["kept"]) == ([], [], 3)
    assert (again["diverged"], again["unreadable"], again["strange"]) == (0, 0, 0)

    # Ten minutes in which we are not there.
    innwatch.kill()
    for tablet in (stolen, faithful):
        tablet.client.loop_stop()
    clock.pass_to(620)
    innwatch.start("--for-tests")
    faithful.come()
    hear(faithful)
    for seconds in range(630, 680, 10):
        clock.pass_to(seconds)
        hear(faithful)
        assert accused() == {"tab-101", "tab-102"}
    clock.pass_to(690)
    hear(faithful)
    eventually_sync(lambda: accused() == {"tab-101", "tab-102", "tab-103"})
    faithful.leave()
