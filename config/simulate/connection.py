"""One MQTT connection of one tablet: paho's client, driven by a selector that many connections share.

A thread for each of two hundred tablets would cost the machine more than what they say. A connection is used once: a
tablet that comes back makes a new one, with a session id of its own in the will.
"""

import selectors
import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from broker.topics import Kind
from config.simulate.errands import Errand
from config.simulate.tablet import Outgoing, Tablet, will
from rules.ids import MessageId
from rules.room_config import RoomConfig

KEEP_ALIVE = 15
"""Seconds; contract §4 wants 10 to 30."""

CONNECT_WITHIN = 3.0

Ready = Callable[[int], None]
"""What a selector's key carries: called with the events that the socket is ready for."""


class Verdict(Struct, frozen=True):
    """What became of one message (contract §2, Receipt)."""

    id: MessageId
    verdict: str
    reason: str | None = None


class _Token(Struct, frozen=True):
    token: str

    def __repr__(self) -> str:
        return "_Token(…)"


class Address(Struct, frozen=True):
    """Where the broker is; `tls` is how to know it."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class _Receipt(Struct, frozen=True):
    verdicts: tuple[Verdict, ...] = msgspec.field(name="for")


class Listener(Protocol):
    """Whoever has the connection. Called from inside `on_ready`, `tend` or `send`."""

    def connected(self, sid: str) -> None: ...

    def acknowledged(self, message: Outgoing) -> None:
        """Its PUBACK came."""

    def judged(self, verdict: Verdict) -> None: ...

    def asked(self, errand: Errand) -> None:
        """A command came, perhaps not for the first time."""

    def configured(self, config: RoomConfig) -> None:
        """Where the tablet belongs, and how often it is to speak."""

    def given(self, token: str) -> None:
        """A new token came, perhaps not for the first time."""

    def disconnected(self, *, refusal: str | None, unacknowledged: list[Outgoing]) -> None:
        """Called once. `refusal` says why the broker would not have us at all."""


class Connection:
    """Raises OSError when nobody answers at that address. Afterwards all news goes to `listener`."""

    def __init__(
        self,
        tablet: Tablet,
        *,
        token: str,
        address: Address,
        selector: selectors.BaseSelector,
        listener: Listener,
    ) -> None:
        self.sid = tablet.next_sid()
        self._listener: Listener | None = listener
        self._selector = selector
        self._topic = tablet.topic
        self._socket: socket.socket | None = None
        self._flying: dict[int, Outgoing] = {}
        self._receipt = msgspec.json.Decoder(_Receipt).decode
        self._errand = msgspec.json.Decoder(Errand).decode
        self._token = msgspec.json.Decoder(_Token).decode
        self._config = msgspec.json.Decoder(RoomConfig).decode
        username = f"{tablet.identity.hotel_id}/{tablet.identity.device_id}"
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=username, protocol=paho.MQTTv311)
        client.username_pw_set(username, token)
        if address.tls is not None:
            client.tls_set_context(address.tls)
        client.will_set(tablet.topic(Kind.STATE), will(self.sid), qos=1)
        client.connect_timeout = CONNECT_WITHIN
        client.on_socket_open = self._opened
        client.on_socket_close = self._closed
        client.on_socket_register_write = self._wants_to_write
        client.on_socket_unregister_write = self._has_written
        client.on_connect = self._answered
        client.on_message = self._heard
        client.on_publish = self._acknowledged
        client.on_disconnect = self._ended
        self._client = client
        client.connect(address.host, address.port, keepalive=KEEP_ALIVE)

    @property
    def is_quiet(self) -> bool:
        """Whether the broker acknowledged everything."""
        return not self._flying

    def send(self, message: Outgoing) -> None:
        """Publish at QoS 1."""
        sent = self._client.publish(self._topic(message.kind), message.body, qos=1)
        self._flying[sent.mid] = message

    def tend(self) -> None:
        """Keep-alive. Call it about once a second."""
        self._client.loop_misc()

    def close(self) -> None:
        """Leave politely: the broker forgets the will."""
        self._listener = None
        self._client.disconnect()
        self._client.loop_write()
        self.drop()

    def freeze(self) -> list[Outgoing]:
        """Leave as a radio does that is switched off: the socket stays open and says nothing more.

        Returns what the broker had not acknowledged. `drop` releases the socket.
        """
        self._listener = None
        self._unwatch()
        return list(self._flying.values())

    def drop(self) -> None:
        """Close the socket without a word, if it still is open."""
        self._listener = None
        self._unwatch()
        left = self._client.socket()
        if isinstance(left, socket.socket):
            left.close()

    def on_ready(self, events: int) -> None:
        if events & selectors.EVENT_READ:
            self._client.loop_read()
            while isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
                self._client.loop_read()  # deciphered already, so the selector knows nothing of it
        if events & selectors.EVENT_WRITE and self._socket is not None:
            self._client.loop_write()

    # -- what paho calls

    def _opened(self, client: paho.Client, _userdata: object, sock: Any) -> None:  # noqa: ANN401, paho's word
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._selector.register(sock, selectors.EVENT_READ, self.on_ready)

    def _closed(self, client: paho.Client, _userdata: object, sock: Any) -> None:  # noqa: ANN401, paho's word
        self._unwatch()

    def _wants_to_write(self, client: paho.Client, _userdata: object, sock: Any) -> None:  # noqa: ANN401, paho's word
        if self._socket is not None:
            self._selector.modify(self._socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self.on_ready)

    def _has_written(self, client: paho.Client, _userdata: object, sock: Any) -> None:  # noqa: ANN401, paho's word
        if self._socket is not None:
            self._selector.modify(self._socket, selectors.EVENT_READ, self.on_ready)

    def _answered(self, client: paho.Client, _userdata: object, flags: object, code: Any, _properties: object) -> None:  # noqa: ANN401, paho's word
        if code.is_failure:
            self._tell_end(refusal=str(code))
            return
        client.subscribe([(self._topic(kind), 1) for kind in (Kind.RECEIPT, Kind.COMMAND, Kind.CONFIG, Kind.TOKEN)])
        if self._listener is not None:
            self._listener.connected(self.sid)

    def _heard(self, client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        listener, said = self._listener, message.payload
        if listener is None:
            return
        if message.topic == self._topic(Kind.COMMAND):
            listener.asked(self._errand(said))
        elif message.topic == self._topic(Kind.TOKEN):
            listener.given(self._token(said).token)
        elif message.topic == self._topic(Kind.CONFIG):
            if said:
                listener.configured(self._config(said))
        else:
            for verdict in self._receipt(said).verdicts:
                listener.judged(verdict)

    def _acknowledged(self, client: paho.Client, _userdata: object, mid: int, code: object, _: object) -> None:
        message = self._flying.pop(mid, None)
        if message is not None and self._listener is not None:
            self._listener.acknowledged(message)

    def _ended(self, client: paho.Client, _userdata: object, flags: object, code: object, _properties: object) -> None:
        self._tell_end(refusal=None)

    def _tell_end(self, *, refusal: str | None) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.disconnected(refusal=refusal, unacknowledged=list(self._flying.values()))

    def _unwatch(self) -> None:
        watched, self._socket = self._socket, None
        if watched is not None:
            self._selector.unregister(watched)
