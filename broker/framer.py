"""Cuts a stream of bytes into MQTT packets, strictly, without a copy more than needed.

A packet of an impossible kind, with impossible flags or above the allowed size is refused at its first bytes, before
anything of it is kept.
"""

from broker.packets import Fault, PacketType, Violation

_FROM_CLIENTS = {
    PacketType.CONNECT: (0,),
    PacketType.PUBLISH: tuple(flags for flags in range(16) if flags & 0b0110 != 0b0110),
    PacketType.PUBACK: (0,),
    PacketType.PUBREC: (0,),
    PacketType.PUBREL: (2,),
    PacketType.PUBCOMP: (0,),
    PacketType.SUBSCRIBE: (2,),
    PacketType.UNSUBSCRIBE: (2,),
    PacketType.PINGREQ: (0,),
    PacketType.DISCONNECT: (0,),
}
_FIRST_BYTES = frozenset(kind << 4 | flags for kind, allowed in _FROM_CLIENTS.items() for flags in allowed)


class Framer:
    """`feed` it what the socket gave, then `take` packets until there is none.

    `largest` bounds a packet and may be changed at any time; it holds for the next one.
    """

    __slots__ = ("_at", "_buffer", "_needed", "_partial", "_taken", "is_empty", "largest")

    def __init__(self, *, largest: int) -> None:
        self.largest = largest
        self._buffer = b""  # whole packets, and perhaps the start of one, from `_at` on
        self._at = 0
        self._taken = 0  # where the last packet began
        self._partial = bytearray()  # the start of a packet
        self._needed = 0  # bytes until it is worth looking at again
        self.is_empty = True  # All that was fed was taken, and `take` has said so.

    @property
    def waiting(self) -> int:
        """Bytes that are kept for later."""
        return len(self._buffer) - self._at + len(self._partial)

    def feed(self, data: bytes) -> None:
        """Add what arrived. Packets that were not taken yet stay in front of it."""
        self.is_empty = False
        if self._partial:
            self._partial += data
            if len(self._partial) < self._needed:
                return
            data = bytes(self._partial)
            self._partial = bytearray()
        if self._at < len(self._buffer):
            data = self._buffer[self._at :] + data
        self._buffer = data
        self._at = 0

    def take(self) -> tuple[int, bytes] | None:
        """Return the first byte and the body of the next packet, or None; raises Violation, for good."""
        buffer, start = self._buffer, self._at
        available = len(buffer) - start
        if available == 0:
            self.is_empty = not self._partial
            return None
        first = buffer[start]
        if first not in _FIRST_BYTES:
            raise Violation(_why(first))
        if available == 1:
            self._keep(2)
            return None
        length, begin = buffer[start + 1], start + 2
        if length > 127:
            length, begin = _length(buffer, start + 1)
            if begin == 0:
                self._keep(available + 1)
                return None
        if length > self.largest:
            raise Violation(Fault.TOO_LARGE)
        end = begin + length
        if end > len(buffer):
            self._keep(end - start)
            return None
        self._taken, self._at = start, end
        return first, buffer[begin:end]

    def put_back(self) -> None:
        """Have `take` return the packet that it returned last once more."""
        self._at = self._taken

    def _keep(self, needed: int) -> None:
        """Put the start of a packet aside until `needed` bytes of it are there, so that feeding it stays linear."""
        self._partial = bytearray(self._buffer[self._at :])
        self._buffer = b""
        self._at = 0
        self._needed = needed


def _length(buffer: bytes, at: int) -> tuple[int, int]:
    """Return the remaining length at `at` and where the body begins, 0 if more bytes are needed (§2.2.3)."""
    value = 0
    for shift, byte in enumerate(buffer[at : at + 4]):
        value |= (byte & 127) << 7 * shift
        if byte < 128:
            return value, at + shift + 1
    if len(buffer) - at >= 4:
        raise Violation(Fault.LENGTH)
    return 0, 0


def _why(first: int) -> Fault:
    kind = first >> 4
    if kind == PacketType.PUBLISH:
        return Fault.QOS
    return Fault.FLAGS if kind in _FROM_CLIENTS else Fault.PACKET_TYPE
