"""What the compose file starts gets to work: each command with the file's environment and secrets, on real servers."""

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import httpx
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from redis import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as NotYet

from tests.deploy.compose import HEALTH_PORTS, environment, services
from tests.deploy.figures import documented, expressions, named, plain
from tests.deploy.one_server import DOMAIN, OneServer
from tests.support import PostgreSQL, Processes, eventually_sync
from tests.system.installation import PASSWORD, bssid_of, heartbeat

pytestmark = pytest.mark.server


@pytest.fixture
def server(processes: Processes, tmp_path: Path, own_postgresql: PostgreSQL) -> OneServer:
    """The database and Redis as the file starts them; nothing of ours."""
    made = OneServer(processes, tmp_path, postgresql_port=own_postgresql.port)
    own_postgresql.sql("DROP ROLE innwatch")
    made.fill_database()
    made.start_redis()
    return made


def trusting(server: OneServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.authority)


@contextmanager
def connected(
    server: OneServer, name: str, *words: str, transport: Literal["tcp", "websockets"], port: int
) -> Iterator[Client]:
    """An MQTT client that trusts the proxy's authority, with the token that `innwatch token WORDS` mints."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, transport=transport)
    client.tls_set_context(trusting(server))
    client.username_pw_set(name.removesuffix("/desk"), server.cli("token", *words).strip())
    client.ws_set_options(path="/mqtt")
    client.connect(DOMAIN, port)
    client.loop_start()
    try:
        eventually_sync(client.is_connected, within=20)
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def measured(server: OneServer, replica: str) -> str:
    """What Prometheus would get of a process."""
    port = environment(services()[replica.partition("-")[0]])[HEALTH_PORTS[replica.partition("-")[0]]]
    return httpx.get(f"http://127.0.0.1:{server.port(replica, int(port))}/metrics").text


def is_active(server: OneServer, replica: str) -> bool:
    return "innwatch_bridge_active 1.0" in measured(server, replica)


def lets_in(url: str) -> bool:
    try:
        with Redis.from_url(url) as client:
            return bool(client.ping())
    except AuthenticationError:  # one of those below, to redis-py
        raise
    except NotYet:
        return False


def test_redis_lets_in_whoever_has_the_secret_and_nobody_else(processes: Processes, tmp_path: Path) -> None:
    server = OneServer(processes, tmp_path, postgresql_port=0)
    server.start_redis()
    url = server.secret("redis_url").read_text()
    assert eventually_sync(lambda: lets_in(url))

    with pytest.raises(AuthenticationError):
        lets_in(url.replace("redis://:", "redis://:x"))
    with pytest.raises(AuthenticationError):
        lets_in("redis://" + url.rpartition("@")[2])


def test_everything_that_the_file_starts_gets_to_work_and_stops(server: OneServer, tmp_path: Path) -> None:
    # All at once and nothing migrated, as after a power cut on the first day: they wait for what they need.
    server.start_proxy()
    for replica in server.serving():
        if replica != "broker":
            server.start(replica)
    eventually_sync(server.has_certificate, within=20)
    server.start("broker")
    assert server.start("migrate").wait(within=60) == 0, server.running["migrate"].output()
    server.wait_until_healthy(*server.serving())

    assert sorted(is_active(server, replica) for replica in server.replicas("bridge")) == [False, True]
    for words in (
        ["hotel", "add", "grand"],
        ["room", "add", "grand", "101", "--ap", bssid_of(1)],
        ["device", "add", "grand", "tab-1", "--room", "101"],
    ):
        server.cli(*words)
    server.cli("user", "add", "grand", "sam", "--role", "staff", "--password-stdin", stdin=f"{PASSWORD}\n")
    a_tablet_is_heard_by_tls(server)
    a_person_sees_it_by_https(server)
    a_console_is_told_by_secure_websocket(server)
    all_that_is_asked_is_measured(server)
    a_doctor_finds_nothing_wrong(server)
    backups_are_made_and_the_newest_stay(server, tmp_path / "backups")

    for replica in server.serving():
        server.running[replica].end()
    assert {replica: server.running[replica].exit_code() for replica in server.serving()} == dict.fromkeys(
        server.serving(), 0
    )


def a_tablet_is_heard_by_tls(server: OneServer) -> None:
    port = server.port("broker", 8883)
    with connected(server, "grand/tab-1", "device", "grand", "tab-1", transport="tcp", port=port) as tablet:
        sent = tablet.publish("hotels/grand/devices/tab-1/heartbeat", heartbeat(bssid=bssid_of(1)), qos=1)
        sent.wait_for_publish(20)
    eventually_sync(lambda: server.cli("messages", "grand", "--count").strip() != "0", within=20, every=0.2)


def a_person_sees_it_by_https(server: OneServer) -> None:
    url = f"https://{DOMAIN}:{server.port('proxy', 443)}"
    with httpx.Client(base_url=url, verify=trusting(server)) as browser:
        assert browser.get("/").headers["content-type"].startswith("text/html")
        assert browser.get("/metrics").status_code == 404
        grant = browser.post("/api/auth/user-token", json={"username": "sam", "password": PASSWORD}).json()
        devices = browser.get("/api/devices", headers={"authorization": f"Bearer {grant['token']}"}).json()
    assert "tab-1" in str(devices)


def a_console_is_told_by_secure_websocket(server: OneServer) -> None:
    heard: list[bytes] = []
    port = server.port("proxy", 443)
    with connected(server, "grand/user/sam/desk", "user", "grand", "sam", transport="websockets", port=port) as console:
        console.on_message = lambda _client, _userdata, message: heard.append(bytes(message.payload))
        console.subscribe("hotels/grand/monitor", 1)
        eventually_sync(lambda: any(b"watching" in payload for payload in heard), within=20)


def all_that_is_asked_is_measured(server: OneServer) -> None:
    """Rules and dashboard ask for what some process says, and no process says what is documented nowhere."""
    pages = [measured(server, replica) for replica in server.serving()]
    said = {name for page in pages for name in re.findall(r"^# TYPE (innwatch_\w+)", page, re.MULTILINE)}
    asked = {plain(name) for expression in expressions() for name in named(expression, "innwatch")}
    # Several worker processes together say these only once there was a notice.
    later = {"innwatch_deliveries_total", "innwatch_told_after_seconds"}

    assert {name for name in said if not name.endswith("_created")} <= set(documented())
    assert asked - later <= said
    assert all("innwatch_event_loop_lag_seconds_count" in page for page in pages)


def a_doctor_finds_nothing_wrong(server: OneServer) -> None:
    findings = json.loads(server.cli("doctor", "--json", within="worker", code=1))["findings"]

    assert {one["about"] for one in findings} >= {"database", "Redis", "broker", "worker", "lease"}
    # Only what a test cannot have: an address that people reach, by a certificate that everybody trusts.
    assert [one for one in findings if one["grade"] != "well" and one["about"] != "public address"] == []


def backups_are_made_and_the_newest_stay(server: OneServer, folder: Path) -> None:
    (folder / ".old.backup.interrupted").mkdir(parents=True)
    (folder / "before-0.2.0.backup").touch()
    seen: set[str] = set()

    def only_the_newest() -> bool:
        there = {path.name for path in folder.glob("2*.backup")}
        seen.update(there)
        return len(seen) >= 3 and there == set(sorted(seen)[-2:])

    job = server.start_backups(folder, every="1.1", kept=2)
    eventually_sync(only_the_newest, within=60)
    job.end()

    assert job.exit_code() == 0, job.output()
    assert not (folder / ".old.backup.interrupted").exists()
    assert (folder / "before-0.2.0.backup").exists()
