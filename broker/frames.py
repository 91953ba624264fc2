"""Tells the plain websocket frames of a client, which are nearly all, from those that take a library to understand.

A plain frame is a whole binary message that has arrived in one piece. Unmasking it is one call; the library, which
reads frames of any kind from any pieces, takes as long for it as everything else that an acknowledgment costs.
"""

from collections.abc import Iterator

from websockets.frames import apply_mask  # type: ignore[attr-defined]  # in C where that was built

_BINARY, _FINAL, _MASKED = 0x82, 0x80, 0x80
_LONGEST_HEAD = 14


class Frames:
    """What a client sends after the handshake. Whatever is not plain is passed on as it is, faults included."""

    __slots__ = ("_fragmented", "_head", "_passing")

    def __init__(self) -> None:
        self._head = b""  # the start of a frame, too short to tell how long it is
        self._passing = 0  # bytes of the present frame that are still to be passed on
        self._fragmented = False  # a message has begun, and its next frame is not plain whatever it looks like

    def split(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield, in order, the payloads of plain frames with True, and raw bytes of other ones with False."""
        data, self._head = self._head + data, b""
        at = 0
        while at < len(data):
            if self._passing:
                piece = data[at : at + self._passing]
                self._passing -= len(piece)
                at += len(piece)
                yield piece, False
                continue
            begin, end = _extent(data, at)
            if begin == 0:
                self._head = data[at:]
                return
            if data[at] == _BINARY and data[at + 1] & _MASKED and end <= len(data) and not self._fragmented:
                at = end
                yield apply_mask(data[begin:end], data[begin - 4 : begin]), True
                continue
            if data[at] & 0x0F < 8:  # Not a control frame: those may stand between fragments.
                self._fragmented = not data[at] & _FINAL
            self._passing = end - at


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Return where the payload of the frame at `at` begins and ends (RFC 6455 §5.2); 0 while that cannot be told."""
    head = data[at : at + _LONGEST_HEAD]
    if len(head) < 2:
        return 0, 0
    length, size = head[1] & 0x7F, 2
    if length > 125:
        size = 4 if length == 126 else 10
        length = int.from_bytes(head[2:size])
    if head[1] & _MASKED:
        size += 4
    if len(head) < size:
        return 0, 0
    return at + size, at + size + length
