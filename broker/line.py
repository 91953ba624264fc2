"""The stream side of a connection: bytes in, packets out of them, bytes out, and every reason to stop reading."""

import asyncio
import socket
from abc import abstractmethod
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, Protocol, cast

from broker.framer import Framer
from broker.packets import Fault, Violation
from broker.turns import FIRST

if TYPE_CHECKING:
    from broker.hub import Hub


class Stream(Protocol):
    """What a line needs of its transport; asyncio's have it, and so does a websocket."""

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def set_write_buffer_limits(self, high: int | None = None) -> None: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any: ...  # noqa: ANN401, asyncio's own signature


class Phase(Enum):
    OPENING = "opening"  # no CONNECT was let in yet
    OPEN = "open"
    CLOSING = "closing"


class Hold(IntEnum):
    """Why reading is paused; several reasons can hold at once, each is a bit. (An IntFlag takes ten times as long.)"""

    INTAKE = 1  # the bridge is full
    UNSETTLED = 2  # too many of its messages, or too large ones, wait for the bridge
    UNREAD = 4  # it does not read what we send, acknowledgments included
    TURN = 8  # others come first now
    SHELF = 16  # more is to be written to disk than may be
    DOOR = 32  # it is not its turn to come in
    RATE = 64  # it sends more than it may
    LATE = 128  # it is refused, and will be told


class Line(asyncio.Protocol):
    """Packets over a stream. While reading is held nothing is handled either, so what is held up stays bounded."""

    __slots__ = (
        "_corked", "_framer", "_holds", "_hub", "_least", "_left", "_out", "_out_bytes", "_transport", "_working",
        "heard", "phase", "writable",
    )  # fmt: skip

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._transport: Stream | None = None
        self._framer = Framer(largest=hub.settings.largest_connect)
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._corked = False  # somebody will flush soon
        self._working = False
        self._holds = 0
        self._left = 0
        self._least = 0  # what is done for it at a time, whoever waits
        self.heard = hub.deadlines.tick  # of the last packet
        self.phase = Phase.OPENING
        self.writable = True

    @abstractmethod
    def entered(self) -> None:
        """The stream is there."""

    @abstractmethod
    def handle(self, first: int, body: bytes) -> None:
        """Handle one packet; may raise Violation."""

    @abstractmethod
    def violated(self, fault: Fault) -> None:
        """Close because the peer broke the protocol, of MQTT or of what carries it."""

    @abstractmethod
    def drained(self) -> None:
        """The peer has read what was written; there may be more for it."""

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)
        without_delay(stream)
        self.attach(stream)

    def attach(self, stream: Stream) -> None:
        """Begin to speak MQTT over a stream."""
        self._transport = stream
        stream.set_write_buffer_limits(high=self._hub.settings.write_buffer)
        self.entered()

    def data_received(self, data: bytes) -> None:
        if self.phase is Phase.CLOSING:
            return
        self._hub.counts.bytes_in += len(data)
        self._framer.feed(data)
        self._work()

    def pause_writing(self) -> None:
        self.writable = False
        self.hold(Hold.UNREAD)

    def resume_writing(self) -> None:
        self.writable = True
        self.drained()
        if self.writable:
            self.release(Hold.UNREAD)

    # Reading

    def _work(self) -> None:
        """Handle the packets that are there, until there are none or reading is held; write all answers at once.

        A packet costs 1, and whatever else its handling `spend`s: 1 for each filter in it, 1 for each receiver.
        """
        if self._working:
            return  # A packet that is being handled made room for the next; the loop below goes on by itself.
        turns = self._hub.turns
        self._left = share = max(turns.share, self._least)
        if not share:
            self.wait_for_turn()
        self._working = self._corked = True
        try:
            while not self._holds and self.phase is not Phase.CLOSING:
                packet = self._framer.take()
                if packet is None:
                    break
                self._left -= 1
                self.handle(packet[0], packet[1])
                if self._left <= 0:
                    self.wait_for_turn()
        except Violation as violation:
            self.violated(violation.fault)
        finally:
            self._working = self._corked = False
            turns.took(share - self._left)
            if self._out:
                self._write()

    def wait_for_turn(self) -> None:
        """Read no more until others have had their turn."""
        self.hold(Hold.TURN)
        self._hub.turns.wait(self, first=self._least > 0)

    def go_first(self) -> None:
        """Serve this line before all others from now on, and more at a time."""
        self._least = FIRST

    def take_turn(self) -> None:
        self.release(Hold.TURN)

    def put_back(self) -> None:
        """Handle the packet that is being handled again, as the next one: it cannot be now. Hold the line then."""
        self._framer.put_back()

    def spend(self, cost: int) -> None:
        """Say that handling a packet took more than a packet usually does."""
        self._left -= cost

    def hold(self, reason: Hold) -> None:
        """Stop reading for a reason, until it is released."""
        if self._holds & reason or self.phase is Phase.CLOSING:
            return
        self._hub.counts.holds[reason.name.lower()] += 1
        if not self._holds and self._transport is not None:
            self._transport.pause_reading()
        self._holds |= reason

    def release(self, reason: Hold) -> None:
        """Take a reason away; with the last one, go on with what had arrived, then read on."""
        if not self._holds & reason:
            return
        self._holds &= ~reason
        if self._holds or self.phase is Phase.CLOSING or self._transport is None:
            return
        if self.phase is Phase.OPEN or reason is Hold.DOOR:
            # It could not be heard while we did not listen. A stranger has no such excuse, but that it stood in line:
            # pings of a websocket hold it too, and would put off its CONNECT for ever.
            self.heard = self._hub.deadlines.tick
        self._transport.resume_reading()
        self._work()

    # Writing

    def send(self, packet: bytes) -> None:
        """Write a packet soon; what is sent until the loop's next turn leaves in one write. Nothing, once closing."""
        if self.phase is Phase.CLOSING:
            return
        self._out.append(packet)
        self._out_bytes += len(packet)
        if self._out_bytes > self._hub.settings.write_buffer:
            self._write()  # Tells us, through pause_writing, whether the peer keeps up.
        elif not self._corked:
            self._corked = True
            self._hub.soon.flush(self)

    def flush(self) -> None:
        """Write what waits to be written."""
        self._corked = False
        if self._out:
            self._write()

    def _write(self) -> None:
        out, self._out = self._out, []
        size, self._out_bytes = self._out_bytes, 0
        if self._transport is not None:
            self._hub.counts.bytes_out += size
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    # Ending

    def close_stream(self) -> None:
        """Close when the last bytes have left."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever was still to be written."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def address(self) -> str | None:
        peer = self.peer
        return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else None

    @property
    def peer(self) -> object:
        """What the socket says of the other side: for TCP, a tuple that begins with address and port."""
        return self._transport.get_extra_info("peername") if self._transport is not None else None


def without_delay(transport: asyncio.Transport) -> None:
    """Have small packets leave at once (TCP_NODELAY)."""
    plug = transport.get_extra_info("socket")
    if plug is not None and plug.family != socket.AF_UNIX:
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
