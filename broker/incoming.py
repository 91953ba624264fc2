"""PUBLISHes of one connection on their way to the bridge: so much at a time, and acknowledged in order."""

import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from broker.codec import puback, pubrec
from broker.line import Hold, Line, Phase
from broker.session import Session
from broker.topics import Topic

if TYPE_CHECKING:
    from broker.hub import Hub


class Sender(Protocol):
    """Whoever wants to know that a message is stored."""

    def settle(self, incoming: "Incoming") -> None: ...


class Incoming(Struct, gc=False):
    """The broker's `Delivery`. `sender` is None for a will, and when it was settled: nobody waits for it.

    Not watched by the garbage collector: there are tens of thousands a second, and the circle through the sender is
    opened when it is settled or the connection ends.
    """

    topic: Topic
    payload: bytes
    retain: bool
    qos: int
    packet_id: int = 0
    sender: "Sender | None" = None
    at: float = 0.0  # when it arrived, in seconds of the machine's monotonic clock
    answered: bool = False  # or would be, if those before it were

    def settle(self) -> None:
        sender = self.sender
        if sender is not None:
            self.sender = None
            sender.settle(self)


class Inflow(Line):
    """What came over a line and is not stored yet, or waits for its acknowledgment behind what is not.

    A message that is settled before an older one waits for it: acknowledgments leave in the order of the PUBLISHes
    (3.1.1 §4.6), those that the bridge settles and those that were only routed alike. At QoS 0 nothing is to be
    acknowledged, but what the bridge has of them is kept in memory just as well, and so is counted.
    """

    __slots__ = ("_unsettled", "_unsettled_bytes", "_waiting", "session")

    def __init__(self, hub: "Hub") -> None:
        super().__init__(hub)
        self.session: Session | None = None
        self._unsettled = 0
        self._unsettled_bytes = 0  # of payload
        self._waiting: list[Incoming] = []  # above QoS 0, oldest first

    def take(self, incoming: Incoming) -> None:
        self._unsettled += 1
        self._unsettled_bytes += len(incoming.payload)
        if incoming.qos:
            self._waiting.append(incoming)

    def has_too_much(self) -> bool:
        allowed = self._hub.settings
        return self._unsettled >= allowed.unsettled or self._unsettled_bytes >= allowed.unsettled_bytes

    def is_waiting(self, packet_id: int) -> bool:
        """Whether a QoS 2 message with this packet id is to be acknowledged yet."""
        return any(one.packet_id == packet_id and one.qos == 2 for one in self._waiting)

    def settle(self, incoming: Incoming) -> None:
        """Acknowledge it in its turn. Nothing happens when the connection has ended: the sender sends again."""
        session = self.session
        if session is None:
            return
        if incoming.qos == 1 and len(self._waiting) == 1 and not self._corked:
            self._acknowledge_alone(incoming)
            return
        if incoming.qos == 2:
            session.receive(incoming.packet_id)
            if session.shelf is not None:
                session.shelf.when_kept(partial(self._answer, incoming))
                return
        self._answer(incoming)

    def _acknowledge_alone(self, incoming: Incoming) -> None:
        """Do at once what `_answer` does, for a client that had nothing else under way: a tablet nearly always."""
        self._waiting.clear()
        self._unsettled -= 1
        self._unsettled_bytes -= len(incoming.payload)
        counts = self._hub.counts
        counts.acknowledged += 1
        counts.acknowledgments.took(time.monotonic() - incoming.at)
        counts.bytes_out += 4
        if self._transport is not None:
            self._transport.write(b"\x40\x02" + incoming.packet_id.to_bytes(2))
        if self._holds and self._holds & Hold.UNSETTLED and self._is_half_settled():
            self.release(Hold.UNSETTLED)

    def _answer(self, incoming: Incoming) -> None:
        if self.phase is not Phase.OPEN:
            return
        incoming.answered = True
        waiting = self._waiting
        if not incoming.qos:
            self._free(incoming)
        elif len(waiting) == 1:
            waiting.clear()
            self._free(incoming)
            self._acknowledge(incoming, time.monotonic())
        else:
            now = time.monotonic()
            ready = next((at for at, one in enumerate(waiting) if not one.answered), len(waiting))
            for one in waiting[:ready]:
                self._free(one)
                self._acknowledge(one, now)
            del waiting[:ready]
        if self._holds and self._holds & Hold.UNSETTLED and self._is_half_settled():
            self.release(Hold.UNSETTLED)

    def _acknowledge(self, incoming: Incoming, now: float) -> None:
        counts = self._hub.counts
        counts.acknowledged += 1
        counts.acknowledgments.took(now - incoming.at)
        self.send(puback(incoming.packet_id) if incoming.qos == 1 else pubrec(incoming.packet_id))

    def _free(self, incoming: Incoming) -> None:
        self._unsettled -= 1
        self._unsettled_bytes -= len(incoming.payload)

    def _is_half_settled(self) -> bool:
        allowed = self._hub.settings
        return self._unsettled <= allowed.unsettled // 2 and self._unsettled_bytes <= allowed.unsettled_bytes // 2

    def _forget_unsettled(self) -> None:
        """Acknowledge none of them any more: the connection is gone."""
        self._waiting.clear()
