"""Cutting a websocket's bytes: nothing is lost or turned round, and the library gets all that is not surely plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode
from websockets.server import ServerProtocol

from broker.frames import Frames

MASK = b"\x11\x22\x33\x44"


def frame(payload: bytes, *, first: int = 0x82, masked: bool = True) -> bytes:
    size = len(payload)
    length = (
        bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2) if size < 65_536 else b"\x7f" + size.to_bytes(8)
    )
    head = bytes((first, length[0] | masked << 7)) + length[1:]
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


def cut(pieces: list[bytes]) -> list[tuple[bytes, bool]]:
    frames = Frames()
    return [found for piece in pieces for found in frames.split(piece)]


def in_pieces(stream: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(stream) + 1) for place in places})
    return [stream[begin:end] for begin, end in zip([0, *ends], [*ends, len(stream)], strict=True)]


PLAIN = st.builds(frame, st.binary(max_size=200))
FRAGMENTS = st.lists(st.binary(max_size=20), min_size=1, max_size=3).map(
    lambda parts: b"".join([
        frame(b"", first=0x02), *[frame(part, first=0x00) for part in parts], frame(b"end", first=0x80),
    ])
)  # fmt: skip
PING = st.builds(frame, st.binary(max_size=20), first=st.just(0x89))


@given(said=st.lists(PLAIN | FRAGMENTS | PING, max_size=8), places=st.lists(st.integers(0, 3000), max_size=12))
@pytest.mark.mqtt("6.0.0-2")
def test_however_it_arrives_it_is_what_the_library_alone_would_read(said: list[bytes], places: list[int]) -> None:
    alone, beside = ServerProtocol(), ServerProtocol()
    for protocol in (alone, beside):
        open_at_once(protocol)
    alone.receive_data(b"".join(said))
    got = b""
    for piece, plain in cut(in_pieces(b"".join(said), places)):
        if plain:
            got += piece
        else:
            beside.receive_data(piece)
            got += content(beside)
    assert got == content(alone)
    assert (alone.parser_exc, beside.parser_exc) == (None, None)


def open_at_once(protocol: ServerProtocol) -> None:
    protocol.receive_data(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    (request,) = protocol.events_received()
    protocol.send_response(protocol.accept(request))  # type: ignore[arg-type]


def content(protocol: ServerProtocol) -> bytes:
    events = protocol.events_received()
    return b"".join(event.data for event in events if event.opcode in {Opcode.BINARY, Opcode.CONT})  # type: ignore[union-attr]


@given(st.lists(st.binary(max_size=40)))
def test_no_byte_is_lost_of_what_is_not_plain(pieces: list[bytes]) -> None:
    stream = b"\x01" + b"".join(pieces)  # Text that has more to come: nothing after it is plain.
    frames = Frames()
    raw = [found for piece in [b"\x01", *pieces] for found in frames.split(piece)]
    if any(plain for _, plain in raw):
        return  # The fragments happened to end.
    passed = b"".join(piece for piece, _ in raw)
    assert stream.startswith(passed)
    assert len(stream) - len(passed) < 14


def test_frames_that_came_whole_are_plain_and_others_are_not() -> None:
    ping = frame(b"?", first=0x89)
    assert cut([frame(b"one") + ping + frame(b"")]) == [(b"one", True), (ping, False), (b"", True)]
    late = frame(b"late" * 100)
    assert cut([late[:100], late[100:]]) == [(late[:100], False), (late[100:], False)]


def test_what_looks_plain_between_fragments_is_the_librarys_to_refuse() -> None:
    begun, plain, ended = frame(b"a", first=0x02), frame(b"b"), frame(b"c", first=0x80)
    assert cut([begun + ended + plain]) == [(begun, False), (ended, False), (b"b", True)]
    assert cut([begun + plain]) == [(begun, False), (plain, False)]


def test_unmasked_reserved_and_endless_frames_are_the_librarys_to_refuse() -> None:
    for fault in (frame(b"x", masked=False), frame(b"x", first=0xC2), b"\x82\xff" + b"\xff" * 8 + MASK + b"x"):
        assert [plain for _, plain in cut([fault])] == [False]
