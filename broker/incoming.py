"""A PUBLISH on its way to the bridge, and the acknowledgments of a connection, which leave in order."""

from collections.abc import Callable

from msgspec import Struct

from broker.codec import puback
from broker.topics import Topic


class Incoming(Struct, gc=False):
    """The broker's `Delivery`. `acknowledgments` is None for QoS 0 and for a will: nobody waits for one.

    Not watched by the garbage collector: there are tens of thousands a second, and the circle through the
    acknowledgments is opened when it is settled or the connection ends.
    """

    topic: Topic
    payload: bytes
    retain: bool
    qos: int
    packet_id: int = 0
    acknowledgments: "Acknowledgments | None" = None
    settled: bool = False

    def settle(self) -> None:
        if not self.settled:
            self.settled = True
            if self.acknowledgments is not None:
                self.acknowledgments.settle(self)


class Acknowledgments:
    """The QoS 1 messages of one connection that have no PUBACK yet, oldest first.

    A message that is settled before an older one waits for it: acknowledgments leave in the order of the PUBLISHes
    (3.1.1 §4.6), those that the bridge settles and those that were only routed alike.
    """

    __slots__ = ("_send", "waiting")

    def __init__(self, send: Callable[[bytes, int], None]) -> None:
        self._send: Callable[[bytes, int], None] | None = send  # takes the packets, and how many they are
        self.waiting: list[Incoming] = []

    def settle(self, incoming: Incoming) -> None:
        waiting = self.waiting
        if self._send is None or not waiting or waiting[0] is not incoming:
            return
        if len(waiting) == 1:
            waiting.clear()
            self._send(puback(incoming.packet_id), 1)
            return
        ready = next((at for at, one in enumerate(waiting) if not one.settled), len(waiting))
        packets = b"".join([puback(one.packet_id) for one in waiting[:ready]])
        del waiting[:ready]
        self._send(packets, ready)

    def close(self) -> None:
        """End them all: the connection is gone, so settling what waits here does nothing any more."""
        self._send = None
        self.waiting.clear()
