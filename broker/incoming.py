"""A PUBLISH on its way to the bridge, and what a connection has there: so much at a time, acknowledged in order."""

from collections.abc import Callable

from msgspec import Struct

from broker.codec import puback
from broker.topics import Topic


class Incoming(Struct, gc=False):
    """The broker's `Delivery`. `sender` is None for a will: nobody waits for it.

    Not watched by the garbage collector: there are tens of thousands a second, and the circle through the sender is
    opened when it is settled or the connection ends.
    """

    topic: Topic
    payload: bytes
    retain: bool
    qos: int
    packet_id: int = 0
    sender: "Unsettled | None" = None
    settled: bool = False

    def settle(self) -> None:
        if not self.settled:
            self.settled = True
            if self.sender is not None:
                self.sender.settle(self)


class Unsettled:
    """The messages of one connection that the bridge has not stored yet, or that wait for their PUBACK behind those.

    A message that is settled before an older one waits for it: acknowledgments leave in the order of the PUBLISHes
    (3.1.1 §4.6), those that the bridge settles and those that were only routed alike. At QoS 0 nothing is to be
    acknowledged, but what the bridge has of them is kept in memory just as well, and so is counted.
    """

    __slots__ = ("_freed", "_waiting", "messages", "size")

    def __init__(self, freed: Callable[[bytes, int], None]) -> None:
        self._freed: Callable[[bytes, int], None] | None = freed  # takes the PUBACKs to be sent, and how many they are
        self._waiting: list[Incoming] = []  # at QoS 1, oldest first
        self.messages = 0
        self.size = 0  # bytes of payload

    def add(self, incoming: Incoming) -> None:
        self.messages += 1
        self.size += len(incoming.payload)
        if incoming.qos:
            self._waiting.append(incoming)

    def settle(self, incoming: Incoming) -> None:
        if self._freed is None:
            return
        if not incoming.qos:
            self._free(incoming)
            self._freed(b"", 0)
            return
        waiting = self._waiting
        if waiting[0] is not incoming:
            return
        if len(waiting) == 1:
            waiting.clear()
            self._free(incoming)
            self._freed(puback(incoming.packet_id), 1)
            return
        ready = next((at for at, one in enumerate(waiting) if not one.settled), len(waiting))
        for one in waiting[:ready]:
            self._free(one)
        packets = b"".join([puback(one.packet_id) for one in waiting[:ready]])
        del waiting[:ready]
        self._freed(packets, ready)

    def _free(self, incoming: Incoming) -> None:
        self.messages -= 1
        self.size -= len(incoming.payload)

    def close(self) -> None:
        """End them all: the connection is gone, so settling what waits here does nothing any more."""
        self._freed = None
        self._waiting.clear()
