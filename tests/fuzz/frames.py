"""Websocket frames: cut anywhere, they carry what the library alone would have read."""

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from broker.frames import Frames
from tests.fuzz.packets import in_pieces

HANDSHAKE = (
    b"GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
)
CONTENT = {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}


def target(data: bytes) -> None:
    """The first byte says in pieces of which size the others come."""
    if not data:
        return
    stream = data[1:]
    alone = _opened()
    alone.receive_data(stream)
    expected = _content(alone)
    beside, got = _opened(), b""
    frames = Frames()
    for piece in in_pieces(stream, data[0] % 16 + 1):
        for found, plain in frames.split(piece):
            if beside.parser_exc is not None:
                break
            if plain:
                got += found
            else:
                beside.receive_data(found)
                got += _content(beside)
    assert got == expected
    if alone.parser_exc is None:
        assert beside.parser_exc is None


def frame(payload: bytes, *, first: int = 0x82) -> bytes:
    """Write a masked frame; the mask is zeros, so that the payload can be read in it."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2)
    return bytes((first,)) + length + bytes(4) + payload


def _opened() -> ServerProtocol:
    protocol = ServerProtocol(max_size=4096)
    protocol.receive_data(HANDSHAKE.replace(b"Sec-WebSocket-Protocol: mqtt\r\n", b""))
    (request,) = protocol.events_received()
    assert isinstance(request, Request)
    protocol.send_response(protocol.accept(request))
    return protocol


def _content(protocol: ServerProtocol) -> bytes:
    events = protocol.events_received()
    return b"".join(event.data for event in events if isinstance(event, Frame) and event.opcode in CONTENT)
