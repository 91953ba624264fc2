"""What is on its way to one client: sent and not acknowledged, waiting behind that, and owed.

Messages leave in order. Those above QoS 0 are kept until the client has acknowledged them, at most a window of them in
flight; the rest waits in a bounded queue. Retained messages that a subscription asked for are sent after what is live,
and each as it is when its turn comes, so a slow client is never handed an outdated one after a newer one.

A message above QoS 0 has its packet identifier from when it is queued: a client that comes back, even to a broker that
was started anew, gets it under the identifier and in the order that it had, and nothing has to be written down when it
is sent. (A queue may be longer than there are identifiers; one that is in flight is never sent a second time.)

For a session that outlives its connection all this stands on the shelf too. At QoS 2 the client remembers identifiers,
so nothing of that leaves before the shelf has it: after a crash it would come again under another identifier, or be
missed because another message came under the same.
"""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from typing import Protocol

from msgspec import Struct

from broker.bounds import Bounds, Stock
from broker.codec import pubrel
from broker.counts import Counts, Drop, End
from broker.message import Message
from broker.owed import Owed
from broker.packets import Fault, Violation
from broker.retained import Retained
from broker.shelf import Shelf, Shelved

IDS = 65_535
"""Packet identifiers that there are; 0 is none."""

SHARE = 500
"""What is done for one client before others get their share, in steps of a search; about a fifth of a millisecond."""

SENDING = 8
"""Steps that sending a message is worth."""


class Wire(Protocol):
    """What a session needs of its connection."""

    writable: bool
    heard: int  # the tick of its last packet

    def send(self, packet: bytes) -> None: ...
    def again(self) -> None: ...  # call the session's `work` soon, when others had their share
    def end(self, cause: End) -> None: ...


class Outgoing(Struct, gc=False):
    """A message to one client. `message` is None when the client has it and we have released it (QoS 2)."""

    message: Message | None
    qos: int
    retain: bool
    packet_id: int = 0  # at QoS 0 there is none
    sent: bool = False
    kept: bool = True  # On disk, or need not be.


class Outflow:
    """The messages to one client. `wire` is None while it is not connected: then what is above QoS 0 waits for it."""

    __slots__ = (
        "_bytes", "_counts", "_last_id", "_owed", "_queue", "_retained", "_stock", "bounds", "client_id", "in_flight",
        "on_room", "shelf", "wire",
    )  # fmt: skip

    def __init__(
        self,
        *,
        client_id: str,
        bounds: Bounds,
        counts: Counts,
        retained: Retained,
        shelf: Shelf | None,
        stock: Stock,
    ) -> None:
        self.client_id = client_id
        self.wire: Wire | None = None
        self.in_flight: dict[int, Outgoing] = {}  # by packet identifier, in the order in which they were sent
        self.on_room: Callable[[], None] | None = None  # called once, when half of what may wait has gone
        self.shelf = shelf  # None: nothing of it outlives the connection
        self.bounds = bounds
        self._counts = counts
        self._retained = retained
        self._queue: deque[Outgoing] | None = None  # made when first needed: most clients never need one
        self._owed: Owed | None = None  # likewise
        self._bytes = 0  # in flight and queued
        self._stock = stock
        self._last_id = 0

    def deliver(self, message: Message, qos: int) -> None:
        """Send a live message, now or in its turn. A client that is too slow for it loses it, or its connection."""
        wire = self.wire
        if wire is None or self._queue or not wire.writable or (qos and self._flies_enough(message)):
            if not self._wait(message, qos):
                return
        else:
            self._send(wire, message, qos=qos, retain=False)
        if self._owed is not None:
            self._owed.superseded(message.topic)

    def owe(self, granted: Mapping[str, int]) -> None:
        """Send the retained messages that a SUBSCRIBE asks for, each once: a share of them now, the rest later."""
        granted = {one: qos for one, qos in granted.items() if self._retained.may_match(one)}
        if not granted:
            return
        if self._owed is None:
            self._owed = Owed(self._retained)
        self._owed.ask(granted)
        self.work()

    def owe_no_more(self, topic_filter: str) -> None:
        """Look no further for what a filter asked for."""
        if self._owed is not None:
            self._owed.forget(topic_filter)

    # What the client answers. An answer for a packet identifier that is not in flight means nothing, and is False.

    def acknowledged(self, packet_id: int) -> bool:
        """Take a PUBACK."""
        out = self.in_flight.get(packet_id)
        if out is None:
            return False
        if out.qos != 1:
            raise Violation(Fault.PACKET_ID)
        self._done(out)
        return True

    def taken(self, packet_id: int) -> bool:
        """Take a PUBREC: release the message, as soon as it is known for good that it is not to be sent again."""
        out = self.in_flight.get(packet_id)
        if out is None:
            self._release(packet_id)  # Whatever it was, the client shall be rid of it.
            return False
        if out.qos != 2:
            raise Violation(Fault.PACKET_ID)
        is_first = out.message is not None
        if out.message is not None:
            self._let_go(out.message)
            out.message = None
            self.in_flight[packet_id] = self.in_flight.pop(packet_id)  # Releases have an order of their own (§4.6).
            if self.shelf is not None:
                self.shelf.released(self.client_id, out.packet_id)
                self._not_before_it_is_kept(out)
        if out.kept:
            self._release(packet_id)
        return is_first

    def completed(self, packet_id: int) -> bool:
        """Take a PUBCOMP."""
        out = self.in_flight.get(packet_id)
        if out is None:
            return False
        if out.message is not None or out.qos != 2:
            raise Violation(Fault.PACKET_ID)
        self._done(out)
        return True

    def _let_go(self, message: Message) -> None:
        """Take a message above QoS 0 off what is on its way."""
        self._bytes -= message.size
        self._stock.size -= message.size

    def _done(self, out: Outgoing) -> None:
        del self.in_flight[out.packet_id]
        if out.message is not None:
            self._let_go(out.message)
        if self.shelf is not None:
            self.shelf.delivered(self.client_id, out.packet_id)
        if self._queue or self._owed is not None:
            self._pump(SHARE)
        if self.on_room is not None and self._is_half_empty():
            on_room, self.on_room = self.on_room, None
            on_room()

    def _release(self, packet_id: int) -> None:
        if self.wire is not None:
            self.wire.send(pubrel(packet_id))

    def _not_before_it_is_kept(self, out: Outgoing) -> None:
        if self.shelf is not None:
            out.kept = False
            self.shelf.when_kept(partial(self._is_kept, out))

    def _is_kept(self, out: Outgoing) -> None:
        out.kept = True
        if self.in_flight.get(out.packet_id) is out:
            self._release(out.packet_id)
        else:
            self._pump(SHARE)

    # Doing what can be done

    def work(self) -> int:
        """Do a share of what is to be done for the client and return what it cost; asks to be called again for more."""
        cost = 0
        if self._owed is not None and self._owed.searching:
            cost = self._owed.search(SHARE)
        return cost + self._pump(SHARE - cost)

    def _pump(self, share: int) -> int:
        """Send what waits, as far as the window, the socket and the share allow, and return what it cost."""
        cost, wire = 0, self.wire
        if wire is None:
            return 0
        while wire.writable and cost < share and (self._send_queued(wire) or self._send_owed(wire)):
            cost += SENDING
        if self._owed is not None and not self._owed:
            self._owed = None
        if (cost >= share and wire.writable) or (self._owed is not None and self._owed.searching):
            wire.again()
        return cost

    def _send_queued(self, wire: Wire) -> bool:
        if not self._queue:
            return False
        out = self._queue[0]
        if out.qos and (self._window_is_full() or not out.kept or out.packet_id in self.in_flight):
            return False
        self._queue.popleft()
        if out.qos:
            self.in_flight[out.packet_id] = out
        elif out.message is not None:
            self._bytes -= out.message.size
        if out.message is None:
            wire.send(pubrel(out.packet_id))
        else:
            self._counts.messages_out += 1
            flags = out.sent << 3 | out.qos << 1 | out.retain
            out.sent = True
            wire.send(out.message.packet(flags, out.packet_id))
        return True

    def _send_owed(self, wire: Wire) -> bool:
        first = self._owed.first() if self._owed is not None and not self._queue else None
        if self._owed is None or first is None:
            return False
        topic, qos = first
        retained = self._retained.get(topic)
        if qos and (self._window_is_full() if retained is None else self._flies_enough(retained)):
            return False
        self._owed.sent(topic)
        if retained is not None:
            self._send(wire, retained, qos=min(qos, retained.qos), retain=True)
        return True

    def _window_is_full(self) -> bool:
        return len(self.in_flight) >= self.bounds.in_flight

    def _flies_enough(self, message: Message) -> bool:
        """Whether one more above QoS 0 has to wait for those in flight, for their number or their size."""
        flying = len(self.in_flight)
        return flying >= self.bounds.in_flight or (flying > 0 and self._bytes + message.size > self.bounds.size)

    def _send(self, wire: Wire, message: Message, *, qos: int, retain: bool) -> None:
        packet_id = 0
        if qos:
            out = self._identified(message, qos=qos, retain=retain)
            self._bytes += message.size
            if not out.kept:
                self._append(out)
                return
            out.sent = True
            packet_id = out.packet_id
            self.in_flight[packet_id] = out
        self._counts.messages_out += 1
        wire.send(message.packet(qos << 1 | retain, packet_id))

    # What waits

    def _identified(self, message: Message, *, qos: int, retain: bool) -> Outgoing:
        """Return a message with a packet identifier, on the shelf if need be."""
        packet_id = self._last_id % IDS + 1
        while packet_id in self.in_flight:
            packet_id = packet_id % IDS + 1
        self._last_id = packet_id
        out = Outgoing(message, qos, retain, packet_id)
        self._stock.size += message.size
        if self.shelf is not None:
            self._counts.shelved += 1
            self.shelf.queued(self.client_id, Shelved(packet_id, message.topic, message.payload, qos, retain))
            if qos == 2:
                self._not_before_it_is_kept(out)
        return out

    def _append(self, out: Outgoing) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(out)

    def _wait(self, message: Message, qos: int) -> bool:
        """Queue a message; False when it is lost."""
        if qos == 0 and self.wire is None:
            self._counts.drops[Drop.AWAY] += 1
            return False
        if self.wire is None and not self._stock.has_room(message.size):
            self._counts.drops[Drop.KEPT_FULL] += 1
            return False
        if not self._has_room(message) and (qos == 0 or self.bounds.refuse):
            if qos:
                self._drop_unreliable()
            if not self._has_room(message):
                self._counts.drops[Drop.QUEUE_FULL] += 1
                if qos and self.wire is not None:
                    self.wire.end(End.SLOW)
                return False
        self._append(self._identified(message, qos=qos, retain=False) if qos else Outgoing(message, 0, retain=False))
        self._bytes += message.size
        return True

    @property
    def waiting(self) -> int:
        """Messages in flight and queued."""
        return len(self.in_flight) + (len(self._queue) if self._queue else 0)

    @property
    def depth(self) -> tuple[int, int]:
        """The messages on their way to the client, in flight or waiting, and their bytes."""
        return self.waiting, self._bytes

    @property
    def is_full(self) -> bool:
        return self.waiting >= self.bounds.messages or self._bytes >= self.bounds.size

    def _is_half_empty(self) -> bool:
        return self.waiting <= self.bounds.messages // 2 and self._bytes <= self.bounds.size // 2

    def _has_room(self, message: Message) -> bool:
        return self.waiting < self.bounds.messages and self._bytes + message.size <= self.bounds.size

    def _drop_unreliable(self) -> None:
        """Make room for a message above QoS 0 at the cost of the QoS 0 ones before it."""
        if not self._queue:
            return
        kept = deque(out for out in self._queue if out.qos)
        self._counts.drops[Drop.QUEUE_FULL] += len(self._queue) - len(kept)
        self._bytes -= sum(out.message.size for out in self._queue if out.message is not None and not out.qos)
        self._queue = kept

    def discard(self, unwanted: Callable[[str], bool]) -> None:
        """Drop what waits for some topics; the client is not connected. What it may have had already is completed."""
        kept: deque[Outgoing] = deque()
        for out in self._queue or ():
            if out.message is None or out.sent or not unwanted(out.message.topic):
                kept.append(out)
                continue
            self._let_go(out.message)
            if self.shelf is not None:
                self.shelf.delivered(self.client_id, out.packet_id)
        self._queue = kept or None
        self._owed = None

    # Coming and going

    def restore(self, messages: list[Shelved], made: dict[tuple[str, bytes, int], Message]) -> None:
        """Take in what was on its way when the broker stopped, in order. `made` are those of all sessions, shared."""
        self._queue = deque()
        for at, one in enumerate(messages):
            message = None
            if not one.released:
                key = (one.topic, one.payload, one.qos)
                message = made.get(key) or made.setdefault(key, Message(*key))
            # Which of them were sent is not known; the client is told that it may have had them (DUP).
            sent = at < self.bounds.in_flight
            self._queue.append(Outgoing(message, one.qos, one.retain, one.packet_id, sent))
            if message is not None:
                self._bytes += message.size
                self._stock.size += message.size
            self._last_id = one.packet_id

    def pause(self) -> None:
        """Keep what is above QoS 0 until the client comes back: first what it may have had, then what waits."""
        self.wire = None
        kept = deque(self.in_flight.values())
        self.in_flight.clear()
        for out in self._queue or ():
            if out.qos:
                kept.append(out)
            elif out.message is not None:
                self._bytes -= out.message.size
                self._counts.drops[Drop.CLIENT_GONE] += 1
        self._queue = kept or None

    def close(self) -> None:
        """Forget what waits: the client is gone for good."""
        self.wire = None
        every = chain(self.in_flight.values(), self._queue or ())
        self._stock.size -= sum(out.message.size for out in every if out.qos and out.message is not None)
        if self.waiting:
            self._counts.drops[Drop.CLIENT_GONE] += self.waiting
        self.in_flight.clear()
        self._queue = None
        self._owed = None
        self._bytes = 0
