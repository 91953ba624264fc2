"""Rubbish of every kind: a clear refusal, nothing lost, and the next good message goes through."""

import re
import signal
import socket
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support import Processes, eventually_sync
from tests.support.http import plain
from tests.system.installation import Installation, bssid_of, heartbeat
from tests.system.listeners import event_stream

WELL_KNOWN = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMNN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
"""The key of RFC 7515, which everybody has read."""

TOPIC = "hotels/grand/devices/tab-101/heartbeat"


@pytest.fixture
def innwatch(processes: Processes, tmp_path: Path) -> Installation:
    installation = Installation(processes, tmp_path)
    installation.start()
    installation.furnish()
    return installation


class Wire:
    """A paho client of tab-101 that remembers how its connection ended."""

    def __init__(self, *, token: str) -> None:
        self.codes: list[int] = []
        self.acknowledged: set[int] = set()
        self.client = Client(CallbackAPIVersion.VERSION2, client_id="grand/tab-101", reconnect_on_failure=False)
        self.client.username_pw_set("grand/tab-101", token)
        self.client.on_connect = lambda _c, _u, _f, code, _p: self.codes.append(int(code.value))
        self.client.on_publish = lambda _c, _u, number, _r, _p: self.acknowledged.add(number)

    def connect(self, port: int) -> None:
        """Returns when there is an answer."""
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        eventually_sync(lambda: self.codes)

    def publish(self, payload: str | bytes, topic: str = TOPIC) -> bool:
        """Whether it was acknowledged.

        Not asked of paho's own receipt, which raises when the connection ended while `publish` was on its way back.
        """
        number = self.client.publish(topic, payload, qos=1).mid
        eventually_sync(lambda: number in self.acknowledged or not self.client.is_connected())
        return number in self.acknowledged

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def wire_of(innwatch: Installation, *, token: str | None = None) -> Iterator[Wire]:
    """With a token of its own, unless it is told another."""
    wire = Wire(token=innwatch.token("device", "grand", "tab-101") if token is None else token)
    try:
        wire.connect(innwatch.mqtt_port)
        yield wire
    finally:
        wire.close()


def test_rubbish_in_payloads_is_quarantined_and_the_same_clients_next_message_is_stored(innwatch: Installation) -> None:
    rubbish = [b"", b"\xff\xfe", b"{", b"[" * 5000, b'{"id":"x"}', b"x" * 9000, heartbeat(bssid="b", rssi=99).encode()]
    with wire_of(innwatch) as wire:
        for payload in rubbish:
            assert wire.publish(payload)
        assert wire.publish(heartbeat(bssid=bssid_of(101), id="m-good"))
    assert innwatch.messages("grand", "tab-101") == ["m-good"]
    assert len(innwatch.cli("quarantine", "list", "grand", "--json").splitlines()) >= len(rubbish)


def test_what_the_database_refuses_is_set_aside_and_its_neighbours_are_stored(innwatch: Installation) -> None:
    with closing(sqlite3.connect(innwatch.data / "innwatch.db", timeout=5)) as database, database:
        database.execute(
            "create trigger poison before insert on message when new.message_id = 'm-poison' "
            "begin select raise(abort, 'poison'); end"
        )
    names = ["m-1", "m-2", "m-poison", "m-3", "m-4"]
    with wire_of(innwatch) as wire:
        handed = [wire.client.publish(TOPIC, heartbeat(bssid=bssid_of(101), id=name), qos=1) for name in names]
        eventually_sync(lambda: all(one.is_published() for one in handed))
    assert innwatch.messages("grand", "tab-101") == ["m-1", "m-2", "m-3", "m-4"]


def test_a_topic_that_is_not_its_own_ends_the_connection_and_the_next_one_is_welcome(innwatch: Installation) -> None:
    token = innwatch.token("device", "grand", "tab-101")
    with wire_of(innwatch, token=token) as wire:
        assert not wire.publish(heartbeat(bssid="x"), topic="hotels/grand/devices/tab-102/heartbeat")
    with wire_of(innwatch, token=token) as again:
        assert again.publish(heartbeat(bssid=bssid_of(101)))


@pytest.mark.parametrize("packet", [b"\x00\x00", b"\x10\xff\xff\xff\xff\x7f", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 600])
def test_rubbish_packets_close_their_connection_and_no_other(innwatch: Installation, packet: bytes) -> None:
    with wire_of(innwatch) as wire:
        with socket.create_connection(("127.0.0.1", innwatch.mqtt_port), timeout=20) as stranger:
            stranger.sendall(packet)
            assert stranger.recv(100) == b""
        assert wire.publish(heartbeat(bssid=bssid_of(101)))


@pytest.mark.parametrize("token", ["", "rubbish", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_a_rubbish_token_is_refused(innwatch: Installation, token: str) -> None:
    with wire_of(innwatch, token=token) as wire:
        pass
    assert wire.codes in ([134], [135])
    reply = plain.get(f"{innwatch.url}/api/alerts", headers={"Authorization": f"Bearer {token or 'x'}"})
    assert (reply.status_code, reply.headers["content-type"]) == (401, "application/problem+json")


@pytest.mark.parametrize(
    ("env", "names"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "changeme-changeme-changeme-changeme"}, "SECRET_KEY"),
        ({"SECRET_KEY": WELL_KNOWN}, "SECRET_KEY"),
        ({"INNWATCH_PREVIOUS_SECRET_KEYS": WELL_KNOWN}, "INNWATCH_PREVIOUS_SECRET_KEYS"),
        ({"INNWATCH_KEYS": "no-such-folder/keys.json"}, "INNWATCH_KEYS"),
        ({"SMTP_PORT": "many"}, "SMTP_PORT"),
        ({"SLACK_WEBHOOK_URL": "hooks.slack.example/x"}, "SLACK_WEBHOOK_URL"),
        ({"ALERT_EMAIL_RECIPIENTS": "nobody"}, "ALERT_EMAIL_RECIPIENTS"),
        ({"INNWATCH_CLOCK": "clock"}, "INNWATCH_CLOCK"),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line(
    processes: Processes, tmp_path: Path, env: dict[str, str], names: str
) -> None:
    process = Installation(processes, tmp_path, env=env).spawn()
    assert process.wait(within=30) == 78
    (line,) = process.output().splitlines()
    assert line.startswith(f"innwatch: {names}")
    assert not any(secret in line for secret in ("changeme", WELL_KNOWN, "hooks.slack.example/x"))


def test_a_taken_port_stops_the_start_with_one_line(processes: Processes, tmp_path: Path) -> None:
    installation = Installation(processes, tmp_path)
    for port in (installation.http_port, installation.mqtt_port, installation.ws_port):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            taken.listen()
            process = installation.spawn()
            assert process.wait(within=30) == 1
            assert re.fullmatch(rf"innwatch: .*{port}.*\n", process.output())


def test_a_second_process_on_the_folder_is_refused_and_the_first_goes_on(
    innwatch: Installation, processes: Processes, tmp_path: Path
) -> None:
    second = Installation(processes, tmp_path).spawn()
    assert second.wait(within=30) == 1
    assert "in use" in second.output()
    assert plain.get(f"{innwatch.url}/health/ready").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_with_streams_open(innwatch: Installation, number: signal.Signals) -> None:
    sam = innwatch.person("sam")
    assert innwatch.process is not None
    with wire_of(innwatch), event_stream(innwatch.url, sam.token):
        innwatch.process.signal(number)
        assert innwatch.process.wait(within=20) == 0
    assert "Traceback" not in innwatch.process.output()


def test_the_data_folder_is_for_its_owner_alone(innwatch: Installation) -> None:
    assert stat.S_IMODE(innwatch.data.stat().st_mode) == 0o700
    for name in ("first-login.json", "signing.key", "innwatch.db", "innwatch.db-wal", "innwatch.db-shm"):
        assert stat.S_IMODE((innwatch.data / name).stat().st_mode) == 0o600


def test_what_is_started_without_options_makes_one_hotel(innwatch: Installation) -> None:
    assert innwatch.first_login()["hotelId"] == "hotel-1"
    assert innwatch.admin().get("/api/session")["hotel"]["id"] == "hotel-1"
