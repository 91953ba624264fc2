"""Thrown out: within five seconds, by every door, and nobody else notices; what is our own deed accuses nobody."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support import eventually_sync
from tests.system.conftest import Install
from tests.system.installation import PASSWORD, Installation, Json, Person, Shape, both_shapes, bssid_of, heartbeat

pytestmark = pytest.mark.timeout(180)

SOON = 5.0
"""Seconds within which whoever is thrown out must be out (contract §5)."""

LIFE = "5"
"""Seconds of a token that is to end during a test: enough to come in by it on a busy machine."""

ways_in = pytest.mark.parametrize(
    ("shape", "websocket"),
    [
        (Shape.EMBEDDED, False),
        (Shape.EMBEDDED, True),
        (Shape.SEPARATE, True),
        pytest.param(Shape.SERVER, False, marks=pytest.mark.server),
    ],
    ids=["embedded-tcp", "embedded-websocket", "separate-websocket", "server-tcp"],
)


class Guest:
    """A stock client that is let in, and knows when it was put out again. It does not come back by itself."""

    def __init__(self, innwatch: Installation, client_id: str, token: str, *, websocket: bool) -> None:
        self.out_at: float | None = None
        self.client_id = client_id
        self.refused: list[str] = []
        self._is_in = threading.Event()
        self._port = innwatch.ws_port if websocket else innwatch.mqtt_port
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            transport="websockets" if websocket else "tcp",
            reconnect_on_failure=False,
        )
        self.client.ws_set_options(path="/mqtt")
        username = client_id if client_id.count("/") == 1 else client_id.rpartition("/")[0]
        self.client.username_pw_set(username, token)
        if client_id.count("/") == 1:
            hotel, _, device = client_id.partition("/")
            self.client.will_set(f"hotels/{hotel}/devices/{device}/state", '{"state":"lost","sid":"s-1"}', qos=1)
        self.client.on_connect = lambda _c, _u, _f, code, _p: self._answered(str(code), is_in=not code.is_failure)
        self.client.on_disconnect = lambda *_: self._put_out()

    def _answered(self, code: str, *, is_in: bool) -> None:
        if is_in:
            self._is_in.set()
        else:
            self.refused.append(code)

    def _put_out(self) -> None:
        self.out_at = time.monotonic()

    @property
    def is_in(self) -> bool:
        return self._is_in.is_set() and self.out_at is None

    def come(self) -> None:
        self.client.connect("127.0.0.1", self._port, keepalive=30)
        self.client.loop_start()

    def beat(self) -> None:
        """A heartbeat that is stored: whoever it is of is watched from now on."""
        hotel, _, device = self.client_id.partition("/")
        payload = heartbeat(bssid=bssid_of(int(device[-3:])), sid="s-1")
        self.client.publish(f"hotels/{hotel}/devices/{device}/heartbeat", payload, qos=1).wait_for_publish(5)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Lobby:
    """An installation with the hotels `grand` and `annex`, and everybody who is let in to them."""

    def __init__(self, innwatch: Installation, stack: ExitStack, *, websocket: bool) -> None:
        self.innwatch = innwatch
        self._stack = stack
        self._websocket = websocket

    def enter(self, client_id: str, token: str) -> Guest:
        guest = self.try_to_enter(client_id, token)
        eventually_sync(lambda: guest.is_in)
        return guest

    def try_to_enter(self, client_id: str, token: str) -> Guest:
        guest = Guest(self.innwatch, client_id, token, websocket=self._websocket)
        guest.come()
        self._stack.callback(guest.leave)
        return guest

    def tablet(self, device: str, *, hotel: str = "grand", token: str | None = None) -> Guest:
        guest = self.enter(f"{hotel}/{device}", token or self.innwatch.token("device", hotel, device))
        guest.beat()
        return guest

    def console(self, name: str, token: str, *, hotel: str = "grand") -> Guest:
        return self.enter(f"{hotel}/user/{name}/desk", token)

    def assert_out(self, *guests: Guest, since: float) -> None:
        for guest in guests:
            eventually_sync(lambda guest=guest: guest.out_at is not None, within=SOON + int(LIFE) + 1)  # type: ignore[misc]
            assert guest.out_at is not None
            assert guest.out_at - since < SOON, f"{guest.client_id} was out after {guest.out_at - since:.1f} s"

    def assert_refused(self, client_id: str, token: str) -> None:
        guest = self.try_to_enter(client_id, token)
        eventually_sync(lambda: guest.refused == ["Not authorized"])


@contextmanager
def event_stream(innwatch: Installation, token: str) -> Iterator[threading.Event]:
    """A reader of the event stream that is connected when the block begins; the event is set when the API ends it."""
    begun, ended = threading.Event(), threading.Event()

    def read() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.stream("GET", f"{innwatch.url}/api/events", headers=headers, timeout=30) as reply:
            for _ in reply.iter_lines():
                begun.set()
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    eventually_sync(begun.is_set)
    yield ended


@pytest.fixture
def innwatch(install: Install, tmp_path: Path, shape: Shape) -> Installation:
    installation = install(shape, env={"INNWATCH_CLOCK": str(tmp_path / "clock")})
    installation.start("--for-tests")
    installation.furnish(rooms=3)
    installation.furnish("annex")
    return installation


@contextmanager
def lobby(innwatch: Installation, *, websocket: bool) -> Iterator[Lobby]:
    with ExitStack() as stack:
        yield Lobby(innwatch, stack, websocket=websocket)


@ways_in
def test_whose_token_is_revoked_or_ends_is_out_and_nobody_else(innwatch: Installation, *, websocket: bool) -> None:
    innwatch.cli("integrator", "add", "grand", "opera", "--scope", "alerts")
    opera, sam = innwatch.token("integrator", "grand", "opera"), innwatch.person("sam")
    old = innwatch.token("device", "grand", "tab-101")
    with lobby(innwatch, websocket=websocket) as inside:
        revoked, stays = inside.tablet("tab-101", token=old), inside.tablet("tab-102")
        stranger = inside.tablet("tab-101", hotel="annex")
        integrator, console = inside.enter("grand/integrator/opera/1", opera), inside.console("sam", sam.token)

        innwatch.cli("device", "revoke", "grand", "tab-101")
        since = time.monotonic()
        inside.assert_out(revoked, since=since)
        inside.assert_refused("grand/tab-101", old)

        innwatch.cli("integrator", "revoke", "grand", "opera")
        since = time.monotonic()
        inside.assert_out(integrator, since=since)

        with event_stream(innwatch, sam.token) as ended:
            innwatch.cli("user", "disable", "sam")
            since = time.monotonic()
            assert ended.wait(SOON)
            inside.assert_out(console, since=since)

        expiring = inside.tablet("tab-103", token=innwatch.token("device", "grand", "tab-103", "--ttl", LIFE))
        inside.assert_out(expiring, since=time.monotonic() + int(LIFE))

        assert stays.is_in
        assert stranger.is_in
        stays.beat()
        inside.tablet("tab-101")  # with a new token


@pytest.mark.parametrize(("shape", "websocket"), [(Shape.EMBEDDED, False), (Shape.SEPARATE, True)])
def test_everybody_of_a_suspended_hotel_is_out_until_it_is_resumed(innwatch: Installation, *, websocket: bool) -> None:
    sam, token = innwatch.person("sam"), innwatch.token("device", "grand", "tab-101")
    with lobby(innwatch, websocket=websocket) as inside, event_stream(innwatch, sam.token) as ended:
        tablets = [inside.tablet("tab-101", token=token), inside.tablet("tab-102")]
        console, stranger = inside.console("sam", sam.token), inside.tablet("tab-101", hotel="annex")

        innwatch.cli("hotel", "suspend", "grand")
        since = time.monotonic()
        inside.assert_out(*tablets, console, since=since)
        assert ended.wait(SOON)
        assert time.monotonic() - since < SOON
        inside.assert_refused("grand/tab-101", token)
        reply = httpx.post(f"{innwatch.url}/api/auth/user-token", json={"username": "sam", "password": PASSWORD})
        assert reply.json()["type"] == "urn:innwatch:problem:hotel-suspended"
        assert stranger.is_in

        innwatch.cli("hotel", "resume", "grand")
        eventually_sync(lambda: _came_back(inside, token))
        innwatch.log_in("sam", PASSWORD)


def _came_back(inside: Lobby, token: str) -> bool:
    guest = inside.try_to_enter("grand/tab-101", token)
    eventually_sync(lambda: guest.is_in or guest.refused)
    return guest.is_in


@both_shapes
def test_what_we_did_ourselves_accuses_no_tablet(innwatch: Installation, tmp_path: Path) -> None:
    admin = innwatch.admin("grand")
    with lobby(innwatch, websocket=False) as inside:
        revoked, expired, silent = (inside.tablet(f"tab-{number}") for number in (101, 102, 103))
        expired.leave()
        expired = inside.tablet("tab-102", token=innwatch.token("device", "grand", "tab-102", "--ttl", LIFE))
        innwatch.cli("device", "revoke", "grand", "tab-101")
        inside.assert_out(revoked, expired, since=time.monotonic() + int(LIFE))
        assert silent.is_in
        (tmp_path / "clock").write_text("60")

        # The one that only says nothing is missed, so silence is judged; the others are not.
        (alert,) = eventually_sync(lambda: _accused(admin), within=10)
        assert alert["deviceId"] == "tab-103"
        links = {one["deviceId"]: (one["link"], one["tokenEnded"]) for one in admin.all("/api/devices")}
        assert links["tab-101"] == ("away", "revoked")
        assert links["tab-102"] == ("away", "expired")
        assert not [name for name in innwatch.messages("grand") if name.startswith("lost")]

        innwatch.cli("hotel", "suspend", "grand")
        inside.assert_out(silent, since=time.monotonic())
        (tmp_path / "clock").write_text("600")
        innwatch.cli("hotel", "resume", "grand")
        eventually_sync(lambda: [one["id"] for one in _accused(innwatch.admin("grand"))] == [alert["id"]])


def _accused(admin: Person) -> list[Json]:
    """The alerts that say something of a tablet itself: that a token has expired is told of to the hotel's IT."""
    return [alert for alert in admin.open_alerts() if alert["family"] != "token"]
