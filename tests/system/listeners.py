"""Stock clients that listen: paho over TCP and websocket, and a reader of the event stream."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.support import eventually_sync
from tests.support.http import TRUSTS_NOBODY

Json = Any


class Subscriber:
    """A paho client that keeps every message it receives, topic and JSON (None for an emptied topic)."""

    def __init__(self, *, client_id: str, username: str, password: str, websocket: bool = False) -> None:
        transport = "websockets" if websocket else "tcp"
        self.messages: list[tuple[str, Json]] = []
        self.granted: list[int] = []
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, transport=transport)  # type: ignore[arg-type]  # the stub wants a literal
        self.client.ws_set_options(path="/mqtt")
        self.client.username_pw_set(username, password)
        self.client.on_message = self._keep
        self.client.on_subscribe = lambda _c, _u, _m, codes, _p: self.granted.extend(int(code.value) for code in codes)

    def _keep(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        body = json.loads(message.payload) if message.payload else None
        self.messages.append((message.topic, body))

    def of(self, part: str) -> list[Json]:
        return [body for topic, body in tuple(self.messages) if part in topic]


@contextmanager
def subscriber(port: int, *filters: str, client_id: str, token: str, websocket: bool = False) -> Iterator[Subscriber]:
    """A subscriber whose filters are granted when the block begins; its client id is its user name and one level."""
    username = client_id.rpartition("/")[0]
    listening = Subscriber(client_id=client_id, username=username, password=token, websocket=websocket)
    listening.client.connect("127.0.0.1", port, keepalive=30)
    listening.client.loop_start()
    try:
        eventually_sync(listening.client.is_connected)
        listening.client.subscribe([(topic_filter, 1) for topic_filter in filters])
        eventually_sync(lambda: len(listening.granted) == len(filters))
        yield listening
    finally:
        listening.client.disconnect()
        listening.client.loop_stop()


class StreamReader:
    """Every event that an SSE client received, as (id, type, data)."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, Json]] = []
        self.opened = threading.Event()

    def of(self, kind: str) -> list[Json]:
        return [data for _, type_, data in tuple(self.events) if type_ == kind]

    def read(self, lines: Iterator[str]) -> None:
        fields: dict[str, str] = {}
        for line in lines:
            self.opened.set()
            if line == "":
                if "data" in fields:
                    event = (fields.get("id", ""), fields.get("event", "message"), json.loads(fields["data"]))
                    self.events.append(event)
                fields = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")


@contextmanager
def event_stream(url: str, token: str, *, last_event_id: str | None = None) -> Iterator[StreamReader]:
    """A reader of `/api/events` that is connected when the block begins."""
    reader, client = StreamReader(), httpx.Client(verify=TRUSTS_NOBODY, timeout=httpx.Timeout(10, read=30))
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    connected = threading.Event()
    leaving = threading.Event()

    def run() -> None:
        try:
            with client.stream("GET", f"{url}/api/events", headers=headers) as reply:
                assert reply.status_code == 200
                connected.set()
                reader.read(reply.iter_lines())
        except httpx.HTTPError:
            if not leaving.is_set():
                raise

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        eventually_sync(connected.is_set)
        yield reader
    finally:
        leaving.set()
        client.close()
