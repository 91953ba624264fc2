"""Broker, bridge or both dark for ten minutes with 500 tablets: nobody is accused, and who was carried off is found."""

import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.support import eventually_sync
from tests.support.http import plain
from tests.system.conftest import Install
from tests.system.installation import Installation, Shape, StoppedClock, heartbeat
from tests.system.listeners import event_stream

MANY = 500
DARK = (("broker", False), ("bridge", False), ("bridge", True))
"""What is killed first, and whether the broker is as well."""

WHY = {
    "the broker does not answer": "broker",
    "the broker did not answer": "broker",  # where nobody looked before it was over
    "Innwatch was not running": "bridge",
}


def _text(words: str) -> bytes:
    return len(words.encode()).to_bytes(2, "big") + words.encode()


def _packet(kind: int, body: bytes) -> bytes:
    """MQTT 3.1.1, of less than 16 KiB."""
    length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 | 128, len(body) // 128])
    return bytes([kind]) + length + body


class Crowd:
    """Tablets by bare sockets: each connects with its will, and says a heartbeat when told to."""

    def __init__(self, innwatch: Installation, logins: str) -> None:
        self._port = innwatch.mqtt_port
        self._logins = {row.split(",")[4]: row.split(",") for row in logins.splitlines()[-MANY:]}
        self._sockets: dict[str, socket.socket] = {}
        self._sessions = 0

    @property
    def names(self) -> list[str]:
        return list(self._logins)

    def come(self, names: Iterable[str]) -> None:
        self._sessions += 1
        for name in names:
            client_id, username, password, topic, *_ = self._logins[name]
            will = json.dumps({"state": "lost", "sid": f"b-{self._sessions}"})
            topic = f"hotels/grand/devices/{name}/state"
            body = _text("MQTT") + b"\4\xce\0\x1e" + _text(client_id) + _text(topic) + _text(will)
            if name in self._sockets:
                self._sockets[name].close()
            self._sockets[name] = socket.create_connection(("127.0.0.1", self._port), timeout=30)
            self._sockets[name].sendall(_packet(0x10, body + _text(username) + _text(password)))
        self._await(names, 4)

    def beat(self, names: Iterable[str]) -> None:
        """A heartbeat of each; returns when all of them are acknowledged."""
        for name in names:
            said = heartbeat(bssid=self._logins[name][6], sid=f"b-{self._sessions}")
            body = _text(f"hotels/grand/devices/{name}/heartbeat") + b"\0\1" + said.encode()
            self._sockets[name].sendall(_packet(0x32, body))
        self._await(names, 4)

    def leave(self) -> None:
        for one in self._sockets.values():
            one.close()

    def carry_off(self, name: str) -> None:
        with suppress(OSError):
            self._sockets.pop(name).close()

    def _await(self, names: Iterable[str], size: int) -> None:
        for name in names:
            answer = b""
            while len(answer) < size:
                read = self._sockets[name].recv(size - len(answer))
                assert read, f"{name} was put out"
                answer += read


@contextmanager
def crowd_of(innwatch: Installation, logins: str) -> Iterator[Crowd]:
    crowd = Crowd(innwatch, logins)
    try:
        yield crowd
    finally:
        crowd.leave()


def darken(innwatch: Installation, dark: str, *, whole: bool) -> None:
    if dark == "broker" or whole:
        assert innwatch.broker is not None
        innwatch.broker.kill()
    if dark == "bridge":
        assert innwatch.process is not None
        innwatch.process.kill()
    else:
        eventually_sync(lambda: plain.get(f"{innwatch.url}/health/ready", timeout=5).status_code != 200)


@pytest.mark.timeout(240)
def test_ten_minutes_in_the_dark_accuse_nobody_and_hide_nobody(install: Install, clock: StoppedClock) -> None:
    innwatch = install(Shape.SEPARATE, env=clock.env)
    innwatch.start("--for-tests")
    innwatch.cli("hotel", "add", "grand", "--profile", "normal")
    logins = innwatch.cli("device", "add", "grand", "--count", str(MANY), "--tokens", "--csv")
    sam = innwatch.person("sam")

    def beat() -> None:
        crowd.beat(there)
        eventually_sync(lambda: sam.has_heard(*there, at=clock.now), within=40, every=0.2)

    def accused() -> set[str]:
        return {one["deviceId"] for one in sam.open_alerts()}

    def find(names: set[str], *, connections: float | None) -> None:
        """They are missed now; or, if the connection to the broker was lost once more, when that is long enough ago."""

        def are_missed() -> bool:
            if innwatch.connections() != connections:
                clock.pass_by(10)
                beat()
            return accused() == names

        eventually_sync(are_missed, within=60, every=0.2)

    with crowd_of(innwatch, logins) as crowd:
        there, stolen = crowd.names, set[str]()
        crowd.come(there)
        beat()

        for dark, whole in DARK:
            darken(innwatch, dark, whole=whole)
            lost, *there = there
            crowd.carry_off(lost)
            clock.pass_by(600)
            innwatch.start("--for-tests")
            once = innwatch.connections()
            if dark == "broker" or whole:
                crowd.come(there)
            beat()
            clock.pass_by(30)
            beat()
            assert accused() == stolen, dark
            clock.pass_by(35)
            stolen.add(lost)
            find(stolen, connections=once)
            beat()

        assert {(one["deviceId"], one["family"]) for one in sam.open_alerts()} == {(one, "silence") for one in stolen}
        assert sam.all("/api/alerts", status="resolved") == []

    with event_stream(innwatch.url, sam.token, last_event_id="0") as stream:

        def said() -> list[tuple[str, str | None]]:
            return [(one["data"]["state"], one["data"]["why"]) for one in stream.of("monitor.changed")]

        def all_are_told() -> bool:
            """Each in its turn; beside them the start, or a connection that a busy machine lost for a moment."""
            told = iter([WHY[why] for state, why in said() if state == "blind" and why in WHY])
            return all(dark in told for dark, _ in DARK) and said()[-1] == ("watching", None)

        eventually_sync(all_are_told)
