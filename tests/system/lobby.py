"""Who comes in by which door, and notices being put out: MQTT by TCP and by websocket, and the API's event stream."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support import eventually_sync
from tests.support.http import plain
from tests.system.installation import Installation, bssid_of, heartbeat

SOON = 5.0
"""Seconds within which whoever is thrown out must be out (contract §5)."""

PATIENCE = 10.0
"""Seconds more, for a busy machine, until it is said how late somebody was."""


class Guest:
    """A stock client that is let in, and knows when it was put out again. It does not come back by itself."""

    def __init__(self, innwatch: Installation, client_id: str, token: str, *, websocket: bool) -> None:
        self.out_at: float | None = None
        self.name = f"{client_id} by {'websocket' if websocket else 'TCP'}"
        self.refused: list[str] = []
        self._client_id = client_id
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
        hotel, _, device = self._client_id.partition("/")
        payload = heartbeat(bssid=bssid_of(int(device[-3:])), sid="s-1")
        self.client.publish(f"hotels/{hotel}/devices/{device}/heartbeat", payload, qos=1).wait_for_publish(5)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Stream:
    """A reader of the event stream that has read something, and knows when the API ended it, in whatever way."""

    def __init__(self, innwatch: Installation, name: str, token: str) -> None:
        self.out_at: float | None = None
        self.name = f"{name} by event stream"
        self._has_begun = threading.Event()
        self._url = f"{innwatch.url}/api/events"
        self._token = token
        threading.Thread(target=self._read, daemon=True).start()
        eventually_sync(self._has_begun.is_set)

    def _read(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        with suppress(httpx.HTTPError), plain.stream("GET", self._url, headers=headers, timeout=60) as reply:
            for _ in reply.iter_lines():
                self._has_begun.set()
        self.out_at = time.monotonic()

    @property
    def is_in(self) -> bool:
        return self.out_at is None


class Lobby:
    """An installation with the hotels `grand` and `annex`, and everybody who is let in to them."""

    def __init__(self, innwatch: Installation, stack: ExitStack) -> None:
        self.innwatch = innwatch
        self._stack = stack

    def enter(self, client_id: str, token: str, *, websocket: bool = False) -> Guest:
        guest = self.try_to_enter(client_id, token, websocket=websocket)
        eventually_sync(lambda: guest.is_in)
        return guest

    def try_to_enter(self, client_id: str, token: str, *, websocket: bool = False) -> Guest:
        guest = Guest(self.innwatch, client_id, token, websocket=websocket)
        guest.come()
        self._stack.callback(guest.leave)
        return guest

    def tablet(self, device: str, *, hotel: str = "grand", token: str | None = None, websocket: bool = False) -> Guest:
        token = token or self.innwatch.token("device", hotel, device)
        guest = self.enter(f"{hotel}/{device}", token, websocket=websocket)
        guest.beat()
        return guest

    def by_every_door(self, name: str, token: str) -> list[Guest | Stream]:
        """A person or an integrator: `grand/user/sam`."""
        return [
            self.enter(f"{name}/tcp", token),
            self.enter(f"{name}/websocket", token, websocket=True),
            Stream(self.innwatch, name, token),
        ]

    def assert_out(self, *guests: Guest | Stream, since: float) -> None:
        """Each was put out before SOON had passed since then, which may be a little ahead."""
        for guest in guests:
            eventually_sync(lambda guest=guest: guest.out_at is not None, within=SOON + PATIENCE)  # type: ignore[misc]
            assert guest.out_at is not None
            assert guest.out_at - since < SOON, f"{guest.name} was out after {guest.out_at - since:.1f} s"

    def assert_refused(self, client_id: str, token: str) -> None:
        """It opens nothing any more."""
        guests = [self.try_to_enter(client_id, token, websocket=websocket) for websocket in (False, True)]
        for guest in guests:
            eventually_sync(lambda guest=guest: guest.refused == ["Not authorized"])  # type: ignore[misc]
        eventually_sync(lambda: self._answers(token) == 401, within=SOON)

    def _answers(self, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return plain.get(f"{self.innwatch.url}/api/session", headers=headers, timeout=5).status_code


@contextmanager
def lobby(innwatch: Installation) -> Iterator[Lobby]:
    with ExitStack() as stack:
        yield Lobby(innwatch, stack)
