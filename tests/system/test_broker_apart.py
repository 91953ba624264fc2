"""A broker that is a process of its own, or somebody else's: it comes and goes, and what was acknowledged is stored."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.broker.authority import Authority
from tests.support import Processes, eventually_sync, free_port
from tests.support.http import plain
from tests.support.mosquitto import Mosquitto
from tests.system.conftest import Install
from tests.system.installation import Installation, Shape, StoppedClock, bssid_of, heartbeat, tablets_clock
from tests.system.listeners import Subscriber, event_stream, subscriber


class Tablet:
    """A paho client that comes back by itself, as a tablet does, and publishes at QoS 1."""

    def __init__(self, innwatch: Installation, number: int) -> None:
        self.name, self._number = f"tab-{number}", number
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=f"grand/{self.name}", clean_session=False)
        self.client.username_pw_set(f"grand/{self.name}", innwatch.token("device", "grand", self.name))
        self._acknowledged: set[int] = set()
        self.client.on_publish = lambda _c, _u, packet_id, *_: self._acknowledged.add(packet_id)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", innwatch.mqtt_port, keepalive=10)
        self.client.loop_start()
        eventually_sync(self.client.is_connected)

    def beat(self, times: int = 1, *, within: float = 30) -> None:
        """Returns when all of them are acknowledged."""
        topic = f"hotels/grand/devices/{self.name}/heartbeat"
        self._acknowledged.clear()
        sent = {
            self.client.publish(topic, heartbeat(bssid=bssid_of(self._number), sid="s-1"), qos=1).mid
            for _ in range(times)
        }
        eventually_sync(lambda: sent <= self._acknowledged, within=within)

    def freeze(self) -> None:
        """Nothing is heard of it any more, and it does not come back."""
        self.client.loop_stop()

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def tablets(innwatch: Installation, *numbers: int) -> Iterator[list[Tablet]]:
    with ExitStack() as stack:
        came = []
        for number in numbers:
            came.append(Tablet(innwatch, number))
            stack.callback(came[-1].leave)
        yield came


def said(told: Subscriber) -> list[str]:
    """What the platform's monitor said, in order."""
    return [body["state"] for body in told.of("platform")]


def count(innwatch: Installation) -> int:
    return int(innwatch.cli("messages", "grand", "--count"))


def problems(url: str) -> list[str] | None:
    """What a process says is missing; None when it says nothing at all."""
    try:
        reply = plain.get(f"{url}/health/ready", timeout=5)
    except httpx.TransportError:
        return None
    missing: list[str] = reply.json().get("missing", [])
    return missing


def test_whichever_starts_first_waits_for_the_other(processes: Processes, tmp_path: Path) -> None:
    innwatch = Installation(processes, tmp_path, shape=Shape.SEPARATE)
    innwatch.spawn_broker()
    health = f"http://127.0.0.1:{innwatch.health_port}"
    eventually_sync(lambda: problems(health) == [])  # before there is a database
    innwatch.start()
    innwatch.kill()
    innwatch.spawn()
    innwatch.broker = None
    waiting = "no connection to the broker"
    eventually_sync(lambda: [one for one in problems(innwatch.url) or [] if waiting in one])
    innwatch.start()
    assert problems(health) == []


def test_a_broker_that_is_away_accuses_nobody_and_who_stays_away_is_found(
    install: Install, clock: StoppedClock
) -> None:
    innwatch = install(Shape.SEPARATE, env=clock.env)
    innwatch.start("--for-tests")
    innwatch.furnish(rooms=2)
    sam = innwatch.person("sam")
    with tablets(innwatch, 101, 102) as (faithful, stolen), event_stream(innwatch.url, sam.token) as stream:

        def monitor() -> list[str]:
            return [event["data"]["state"] for event in stream.of("monitor.changed")]

        def hear(*tablets: Tablet) -> None:
            for tablet in tablets:
                tablet.beat()
            eventually_sync(lambda: sam.has_heard(*(tablet.name for tablet in tablets), at=clock.now))

        def is_accused(name: str) -> bool:
            """Now; or, if the connection to the broker was lost once more, when that is long enough ago."""
            if innwatch.connections() != connections:
                clock.pass_by(10)
                hear(faithful)
            return [alert["deviceId"] for alert in sam.open_alerts()] == [name]

        hear(faithful, stolen)
        assert innwatch.broker is not None
        innwatch.broker.kill()
        stolen.freeze()
        eventually_sync(lambda: problems(innwatch.url))
        clock.pass_to(600)
        eventually_sync(lambda: monitor()[-1:] == ["blind"])
        assert sam.open_alerts() == []

        innwatch.start("--for-tests")
        connections = innwatch.connections()
        hear(faithful)
        clock.pass_to(612)
        hear(faithful)
        assert sam.open_alerts() == []
        for seconds in range(622, 690, 10):
            clock.pass_to(seconds)
            hear(faithful)
        eventually_sync(lambda: is_accused("tab-102"), within=60)
        eventually_sync(lambda: monitor()[-2:] == ["blind", "watching"])  # the first word may have been before we read


def test_what_is_acknowledged_while_the_rest_is_away_is_stored_when_it_is_back(
    processes: Processes, tmp_path: Path
) -> None:
    innwatch = Installation(processes, tmp_path, shape=Shape.SEPARATE)
    innwatch.start()
    innwatch.furnish()
    console = innwatch.token("user", "grand", "admin")
    assert innwatch.process is not None
    assert innwatch.broker is not None
    with (
        tablets(innwatch, 101) as (tablet,),
        subscriber(innwatch.mqtt_port, "platform/monitor", client_id="grand/user/admin/x", token=console) as told,
    ):
        eventually_sync(lambda: said(told)[-1:] == ["watching"])
        innwatch.process.kill()
        eventually_sync(lambda: said(told)[-1:] == ["blind"])
        tablet.beat(times=200)
        innwatch.broker.kill()
        innwatch.spawn_broker()
        tablet.beat(times=100)
        innwatch.start()
        eventually_sync(lambda: count(innwatch) == 300)
    with subscriber(innwatch.mqtt_port, "platform/monitor", client_id="grand/user/admin/y", token=console) as told:
        eventually_sync(lambda: said(told)[-1:] == ["watching"])


@pytest.mark.server
def test_a_mosquitto_will_do(processes: Processes, tmp_path: Path) -> None:
    mosquitto = Mosquitto(processes, tmp_path)
    mosquitto.start()
    innwatch = Installation(processes, tmp_path, shape=Shape.SEPARATE, broker_port=mosquitto.port)
    innwatch.start()
    innwatch.furnish()
    sam = innwatch.person("sam")
    assert innwatch.process is not None
    with tablets(innwatch, 101) as (tablet,):
        tablet.beat(times=50)
        innwatch.process.kill()
        tablet.beat(times=50)
        innwatch.start()
        eventually_sync(lambda: count(innwatch) == 100)
        report = json.dumps({"id": "r-1", "ts": tablets_clock.now().isoformat(), "kind": "breach", "rssi": -90})
        tablet.client.publish("hotels/grand/devices/tab-101/alert", report, qos=1)
        (alert,) = eventually_sync(sam.open_alerts)
    with subscriber(mosquitto.port, "hotels/grand/alerts/+", client_id="anybody/else/x", token="") as console:
        eventually_sync(lambda: console.of(alert["id"]))


def test_by_tls_both_know_each_other_and_a_stranger_of_either_kind_is_not_taken(
    processes: Processes, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    files = authority.files()
    env = {"INNWATCH_TLS_CERT": str(files.certificate), "INNWATCH_TLS_KEY": str(files.key)}
    innwatch = Installation(processes, tmp_path, env=env, shape=Shape.SEPARATE)
    mqtts = free_port()
    broker = ["--listen", f"mqtts://localhost:{mqtts}", "--listen", f"ws://127.0.0.1:{innwatch.ws_port}"]
    innwatch.broker = innwatch.spawn_as("broker", *broker, "--health-port", str(innwatch.health_port))

    def up(**settings: str) -> None:
        if innwatch.process is not None:
            innwatch.process.kill()
        innwatch.env = settings
        address = ["--broker", f"mqtts://localhost:{mqtts}", "--http-port", str(innwatch.http_port)]
        innwatch.process = innwatch.spawn_as("up", *address)

    def refusal(why: str) -> bool:
        return any(why in problem for problem in problems(innwatch.url) or [])

    up()
    eventually_sync(lambda: refusal("certificate verify failed"))
    up(INNWATCH_BROKER_CA=str(authority.trusted), SECRET_KEY="another key of at least thirty-two bytes")
    eventually_sync(lambda: refusal("it refuses us"))
    up(INNWATCH_BROKER_CA=str(authority.trusted))
    innwatch.wait_until_ready()
