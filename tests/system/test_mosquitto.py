"""Behind a Mosquitto with the rules that `innwatch access` prints: what a tablet and a person cannot do there."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from broker.delivery import BRIDGE_CLIENT_ID
from tests.support import eventually_sync, requires
from tests.system.several import Several

pytestmark = pytest.mark.server

NOW = "2026-11-23T00:00:00Z"


class Login:
    """Somebody with a stock client."""

    def __init__(self, innwatch: Several, username: str, token: str) -> None:
        self._words = ["-h", "127.0.0.1", "-p", str(innwatch.mqtt_port), "-u", username, "-P", token]
        self._words += ["-V", "mqttv311", "-q", "1"]

    def publish(self, topic: str, **body: str) -> None:
        words = [str(requires("mosquitto_pub")), *self._words, "-t", topic, "-m", json.dumps(body)]
        subprocess.run(words, check=True, capture_output=True, timeout=10)

    @contextmanager
    def following(self, *topics: str, client_id: str | None = None) -> "Iterator[subprocess.Popen[str]]":
        """Subscribe, as far as the broker grants it, until the block ends."""
        words = [str(requires("mosquitto_sub")), *self._words, "-v", "-d", *(["-i", client_id] if client_id else [])]
        words += [word for topic in topics for word in ("-t", topic)]
        with subprocess.Popen(["stdbuf", "-oL", *words], stdout=subprocess.PIPE, text=True) as listening:
            try:
                assert listening.stdout is not None
                while "SUBACK" not in (line := listening.stdout.readline()):
                    assert line, "it ended"
                yield listening
            finally:
                listening.terminate()


def test_a_tablet_excuses_nobody_and_a_viewer_reads_no_secret_of_a_command(several: Callable[..., Several]) -> None:
    innwatch = several(names=("bridge", "api"), behind_mosquitto=True)
    innwatch.start()
    innwatch.furnish()
    manager = innwatch.person("max", role="manager")
    innwatch.cli("user", "add", "grand", "vi", "--role", "viewer")
    viewer = Login(innwatch, "grand/user/vi", innwatch.token("user", "grand", "vi"))
    tablet = Login(innwatch, "grand/tab-101", innwatch.token("device", "grand", "tab-101"))
    devices = "hotels/grand/devices/tab-101"

    with (
        viewer.following("hotels/grand/#", "hotels/grand/devices/+/command") as listening,
        tablet.following(f"{devices}/config", client_id=BRIDGE_CLIENT_ID),
    ):
        tablet.publish(f"{devices}/ended", id="e-1", ts=NOW, cause="revoked")
        tablet.publish(f"{devices}/status", deviceId="tab-101", link="forged")
        answer = manager.post("/api/devices/tab-101/commands", {"name": "unlock", "args": {"pin": "4711"}})
        tablet.publish(f"{devices}/alert", id="r-1", ts=NOW, kind="breach")
        eventually_sync(lambda: innwatch.messages("grand") == ["r-1"] and sent(manager.get, answer.json()["id"]))

        assert manager.get("/api/devices/tab-101")["tokenEnded"] is None
        assert innwatch.missing("bridge") == []
        assert innwatch.connections() == 1
        listening.terminate()
        heard = listening.communicate(timeout=10)[0]
    assert "alert.opened" in heard
    assert "4711" not in heard
    assert "forged" not in heard


def sent(get: Callable[[str], dict[str, str]], command_id: str) -> bool:
    return get(f"/api/commands/{command_id}")["state"] == "sent"
