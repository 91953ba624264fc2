"""MQTT over websockets (3.1.1 §6): subprotocol `mqtt`, binary frames, one path; no compression, which costs memory.

The `websockets` library reads the handshake and the frames and answers pings; only the plain frames that carry MQTT are
read (`frames`) and written here, because each is a few bytes in front of packets.
"""

import asyncio
from typing import TYPE_CHECKING, Any, cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from broker.connection import Connection
from broker.frames import Frames
from broker.line import Phase, without_delay
from broker.packets import Fault

if TYPE_CHECKING:
    from broker.hub import Hub

SUBPROTOCOL = Subprotocol("mqtt")

_END_OF_REQUEST = b"\r\n\r\n"


class WebSocket(asyncio.Protocol):
    """A websocket server on a stream transport, and the stream that its MQTT connection runs on.

    Packets may span frames and a frame may hold several packets: the connection sees a stream of bytes.
    """

    __slots__ = ("_connection", "_frames", "_hub", "_path", "_protocol", "_said", "_transport")

    def __init__(self, hub: "Hub", *, path: str) -> None:
        self._hub = hub
        self._path = path
        self._protocol = ServerProtocol(subprotocols=[SUBPROTOCOL], max_size=2 * hub.settings.largest_connect)
        self._connection = Connection(hub)
        self._frames = Frames()
        self._said = b""  # the last of the handshake, as far as its end may be in it
        self._transport: asyncio.Transport | None = None

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        without_delay(self._transport)
        self._connection.attach(self)  # Its deadline for CONNECT runs from here.

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._connection.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._protocol.state is State.CONNECTING:
            request, data = self._up_to_the_end_of_the_request(data)
            self._leave_to_library(request)
        for piece, plain in self._frames.split(data):
            if self._protocol.state is not State.OPEN:
                return  # What it says after the end is nobody's business.
            if plain:
                self._connection.data_received(piece)
            else:
                self._leave_to_library(piece)

    def _up_to_the_end_of_the_request(self, data: bytes) -> tuple[bytes, bytes]:
        """Return what is the library's to read, and what comes after the empty line that ends the request."""
        known = len(self._said)
        said = self._said + data
        end = said.find(_END_OF_REQUEST)
        if end < 0:
            self._said = said[-(len(_END_OF_REQUEST) - 1) :]
            return data, b""
        end += len(_END_OF_REQUEST) - known
        return data[:end], data[end:]

    def _leave_to_library(self, data: bytes) -> None:
        if self._connection.phase is Phase.OPEN:
            self._protocol.max_size = 2 * self._hub.settings.largest_packet
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._frame(event)
        if self._protocol.parser_exc is not None:
            self._connection.violated(Fault.WEBSOCKET)
        self._answer()

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()

    def _shake_hands(self, request: Request) -> None:
        if request.path.partition("?")[0] == self._path:
            self._protocol.send_response(self._protocol.accept(request))
        else:
            self._protocol.send_response(self._protocol.reject(404, "MQTT is not served here.\n"))
        self._answer()  # At once: frames may have come along with the request, and their answers come after this one.

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT:
            self._protocol.fail(CloseCode.UNSUPPORTED_DATA, "MQTT needs binary frames")  # [MQTT-6.0.0-1]
            self._connection.violated(Fault.WEBSOCKET)
        elif frame.opcode in (Opcode.BINARY, Opcode.CONT):
            self._connection.data_received(bytes(frame.data))

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
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

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
