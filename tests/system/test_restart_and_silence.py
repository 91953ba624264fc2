"""Pulled plugs and our own restarts: the tablet that fell silent is found, those that come back are not accused."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

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
        self.leave()
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
        """Hang up, however it was left."""
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def tablets(innwatch: Installation, *numbers: int, keepalive: int = 10) -> Iterator[list[Tablet]]:
    """Tablets that have not come yet, and leave in the end."""
    made = [Tablet(innwatch, number, keepalive=keepalive) for number in numbers]
    try:
        yield made
    finally:
        for tablet in made:
            tablet.leave()


@every_shape
def test_who_falls_silent_is_missed_within_20_seconds_and_our_own_restart_accuses_only_who_stays_away(
    install: Install, clock: StoppedClock, shape: Shape
) -> None:
    innwatch = install(shape, env=clock.env)
    innwatch.start("--for-tests")
    innwatch.furnish(rooms=4)
    sam = innwatch.person("sam")

    def hear(*tablets: Tablet, times: int = 1) -> None:
        for tablet in tablets:
            tablet.beat(times)
        eventually_sync(lambda: sam.has_heard(*(tablet.name for tablet in tablets), at=clock.now))

    def accused() -> set[str]:
        return {alert["deviceId"] for alert in sam.open_alerts()}

    def find(*missing: str, connections: float | None) -> None:
        """They are missed now; or, if the connection to the broker was lost meanwhile, when that is long enough ago."""

        def are_missed() -> bool:
            if innwatch.connections() != connections:
                clock.pass_by(10)
                hear(faithful)
            return accused() == set(missing)

        eventually_sync(are_missed, within=60)

    with tablets(innwatch, 101, 102, 103, 104) as (pulled, frozen, stolen, faithful):
        for tablet in (pulled, frozen, stolen, faithful):
            tablet.come()
        once = innwatch.connections()
        hear(pulled, frozen, stolen, faithful)
        pulled.drop_the_socket()
        frozen.freeze()
        stolen.leave()
        for _ in range(2):
            clock.pass_by(10)
            hear(faithful)
        find("tab-101", "tab-102", "tab-103", connections=once)
        assert {(alert["family"], alert["severity"]) for alert in sam.open_alerts()} == {("silence", "high")}

        # Who is heard again ends its silence, and a replay says the same.
        clock.pass_by(5)
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
        stolen.freeze()
        clock.pass_by(600)
        innwatch.start("--for-tests")
        once = innwatch.connections()
        faithful.come()
        hear(faithful)
        for _ in range(5):
            clock.pass_by(10)
            hear(faithful)
            assert accused() == {"tab-101", "tab-102"}
        clock.pass_by(20)
        hear(faithful)
        find("tab-101", "tab-102", "tab-103", connections=once)
