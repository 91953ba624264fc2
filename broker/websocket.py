"""MQTT over websockets (3.1.1 §6): subprotocol `mqtt`, binary frames, one path; no compression, which costs memory.

The `websockets` library judges the handshake, reads frames and answers pings; only the plain frames that carry MQTT are
read (`frames`) and written here, because each is a few bytes in front of packets. It is shown the request when that is
whole, so that a stranger who sends one slowly, or a long one, takes up no more than the bytes.
"""

import asyncio
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from websockets.exceptions import NegotiationError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from broker.connection import Connection
from broker.frames import Frames
from broker.line import Phase, without_delay
from broker.origins import may_open
from broker.packets import Fault
from broker.turns import LEAST

if TYPE_CHECKING:
    from broker.hub import Hub

SUBPROTOCOL = Subprotocol("mqtt")

OTHER_FRAME = 20
"""What a frame for the library is worth in plain ones, of which there may be 500 in a turn."""

_BEGIN, _END = b"GET ", b"\r\n\r\n"

_ASCII = bytes(range(128)) + b"_" * 128
"""The library ends in errors of its own over other bytes, and a cookie of another program may well have them."""


class WebSocket(asyncio.Protocol):
    """A websocket server on a stream transport, and the stream that its MQTT connection runs on.

    Packets may span frames and a frame may hold several packets: the connection sees a stream of bytes.
    """

    __slots__ = (
        "_connection", "_frames", "_hub", "_path", "_paused", "_pieces", "_protocol", "_request", "_stopped",
        "_transport",
    )  # fmt: skip

    def __init__(self, hub: "Hub", *, path: str) -> None:
        self._hub = hub
        self._path = path
        self._protocol = ServerProtocol(subprotocols=[SUBPROTOCOL], max_size=2 * hub.settings.largest_connect)
        self._connection = Connection(hub)
        self._request: bytearray | None = bytearray()  # what has come of it; None when it was answered
        self._frames = Frames()
        self._pieces: Iterator[tuple[bytes, bool]] | None = None  # of what has come, those that are still to be handled
        self._paused = False
        self._stopped = False  # nothing is read from the transport
        self._transport: asyncio.Transport | None = None

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        without_delay(self._transport)
        self._connection.attach(self)  # Its deadline for CONNECT runs from here.

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = self._pieces = None
        self._connection.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._request is not None:
            data = self._up_to_the_end_of(self._request, data)
        fresh = self._frames.split(data)
        self._pieces = fresh if self._pieces is None else chain(self._pieces, fresh)
        self._go_on()

    # Frames

    def _go_on(self) -> None:
        if not self._paused:
            self._work()
        if self._stopped and not self._paused and self._pieces is None and self._transport is not None:
            self._stopped = False
            self._transport.resume_reading()

    def _work(self) -> None:
        """Handle the frames that are there, until reading is paused or others come first."""
        turns = self._hub.turns
        left = share = turns.share or LEAST
        for piece, plain in self._pieces or ():
            if self._protocol.state is not State.OPEN:
                self._pieces = None  # What it says after the end is nobody's business.
                break
            if plain:
                self._connection.data_received(piece)
            else:
                self._leave_to_library(piece)
            left -= 1 if plain else OTHER_FRAME
            if left <= 0:
                self._connection.wait_for_turn()
            if self._paused:
                break
        else:
            self._pieces = None
        turns.took(share - left)

    def _leave_to_library(self, data: bytes) -> None:
        if self._connection.phase is Phase.OPEN:
            self._protocol.max_size = 2 * self._hub.settings.largest_packet
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frame(event)
        if self._protocol.parser_exc is not None:
            self._connection.violated(Fault.WEBSOCKET)
        self._answer()

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT:
            self._protocol.fail(CloseCode.UNSUPPORTED_DATA, "MQTT needs binary frames")  # [MQTT-6.0.0-1]
            self._connection.violated(Fault.WEBSOCKET)
        elif frame.opcode in (Opcode.BINARY, Opcode.CONT):
            self._connection.data_received(bytes(frame.data))

    # The handshake

    def _up_to_the_end_of(self, request: bytearray, data: bytes) -> bytes:
        """Add to the request, answer it when it is whole, and return what came after it."""
        looked_at = max(0, len(request) - len(_END) + 1)
        request += data
        end = request.find(_END, looked_at)
        if (len(request) if end < 0 else end) > self._hub.settings.largest_connect:
            self._turn_away(431, "ws-too-large")
        elif not request.startswith(_BEGIN[: len(request)]):
            self._turn_away(400, "ws-not-http")
        elif end >= 0:
            self._request = None
            self._protocol.receive_data(bytes(request[: end + len(_END)]).translate(_ASCII))
            self._shake_hands()
            return bytes(request[end + len(_END) :])
        return b""

    def _shake_hands(self) -> None:
        request = next(iter(self._protocol.events_received()), None)
        if not isinstance(request, Request):
            self._turn_away(400, "ws-bad-request")
        elif request.path.partition("?")[0] != self._path:
            self._turn_away(404, "ws-path")
        elif not self._may_open(request):
            self._turn_away(403, "ws-origin")
        else:
            self._protocol.send_response(self._protocol.accept(request))
            self._answer()  # At once: frames may have come along with the request, and are answered after this.
            if self._protocol.state is not State.OPEN:
                refusal = self._protocol.handshake_exc
                self._connection.turned_away(
                    "ws-subprotocol" if isinstance(refusal, NegotiationError) else "ws-bad-request"
                )

    def _may_open(self, request: Request) -> bool:
        origins, hosts = (request.headers.get_all(name) for name in ("Origin", "Host"))
        return may_open(origins, hosts=hosts, allowed=self._hub.settings.origins)

    def _turn_away(self, status: int, reason: str) -> None:
        self._request = None
        if self._transport is not None:
            self._transport.write(self._protocol.reject(status, "MQTT is not served so.\n").serialize())
        self._connection.turned_away(reason)

    def turned_away(self, reason: str) -> None:
        """Close because what should carry the websocket did not come about."""
        self._connection.turned_away(reason)

    def violated(self, fault: Fault) -> None:
        """Close because the peer broke the protocol of what carries the websocket."""
        self._connection.violated(fault)

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()

    def _answer(self) -> None:
        """Write what the library has to say: handshake, pongs, close."""
        for data in self._protocol.data_to_send():
            if self._transport is None:
                return
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    # What the connection calls

    def write(self, data: bytes) -> None:
        if self._protocol.state is State.OPEN and self._transport is not None:
            self._transport.write(_binary_header(len(data)) + data)

    def close(self) -> None:
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
        self._answer()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pause_reading(self) -> None:
        self._paused = True
        if self._transport is not None and not self._stopped:
            self._stopped = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on with what had come. Only when all of it is handled is there more from the socket."""
        self._paused = False
        self._hub.loop.call_soon(self._go_on)  # A transport never calls back from within a call.

    def set_write_buffer_limits(self, high: int | None = None) -> None:
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401, asyncio's own signature
        return default if self._transport is None else self._transport.get_extra_info(name, default)


def _binary_header(length: int) -> bytes:
    """Return the front of an unmasked binary frame that is a whole message (RFC 6455 §5.2)."""
    if length < 126:
        return bytes((0x82, length))
    if length < 65_536:
        return b"\x82\x7e" + length.to_bytes(2)
    return b"\x82\x7f" + length.to_bytes(8)
