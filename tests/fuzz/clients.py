"""Several clients on one hub: whatever they say, in whatever order, only their own connections end, and nothing stays.

The bytes are a play. The first says in which house: with a bridge in the process, or alone. Then come steps: each
begins with a byte that says who (2 bits) does what (3 bits), and one that says how much, or which sort; what is said
follows.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any

from broker.connection import Connection
from broker.counts import Counts, Levels
from broker.delivery import BRIDGE_CLIENT_ID, Delivery
from broker.hub import Hub
from broker.message import Message
from broker.quiet_log import QuietLog
from broker.session import Session
from broker.settings import BrokerSettings
from broker.shelf import Shelf
from broker.tokens import KeyRing, Role, mint_device, mint_integrator, mint_service, mint_user
from broker.websocket import WebSocket
from rules.ids import DeviceId, HotelId
from rules.messages import TokenEnd
from tests.broker.raw import Ticket, Will, connect_packet
from tests.fuzz.frames import HANDSHAKE, frame
from tests.fuzz.pipe import Pipe
from tests.fuzz.tokens import NOON, SECRET

HOTEL = HotelId("h1")
RING = KeyRing.of(SECRET)
SETTINGS = BrokerSettings(
    sweep=timedelta(seconds=1),
    unsettled=8,
    in_flight=3,
    queue_messages=12,
    queue_bytes=4096,
    write_buffer=512,
    subscriptions=8,
    sessions_per_identity=3,
    message_rate=50,
    retained_messages=5,
    largest_packet=4096,
    bridge_in_flight=3,
    bridge_queue_messages=12,
    bridge_queue_bytes=4096,
)
FROM_BROKER = {0x20, 0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xD0, *range(0x30, 0x3E)}

DEVICE, PERSON, INTEGRATOR, STRANGER = range(4)
_TICKETS = (
    Ticket("h1/d1", "h1/d1", mint_device(RING, hotel_id=HOTEL, device_id=DeviceId("d1"), gen=0, now=NOON)),
    Ticket(
        "h1/user/ann/1", "h1/user/ann", mint_user(RING, hotel_id=HOTEL, name="ann", role=Role.ADMIN, gen=0, now=NOON)
    ),
    Ticket(
        "h1/integrator/opera/1",
        "h1/integrator/opera",
        mint_integrator(RING, hotel_id=HOTEL, name="opera", scope=("pms", "alerts"), gen=0, now=NOON),
    ),
)
_BRIDGE = Ticket(BRIDGE_CLIENT_ID, "_/service/bridge", mint_service(RING, name="bridge", gen=0, now=NOON))
_WILLS = ("hotels/h1/devices/d1/state", "hotels/h1/staff/ann/do", "hotels/h1/ext/opera/will")


class Deed(IntEnum):
    SAY = 0
    SAY_SLOWLY = 1  # byte by byte
    SAY_RAW = 2  # by websocket: without a frame
    CONNECT = 3
    CUT = 4
    STOP_READING = 5
    READ = 6
    WORLD = 7


class How(IntEnum):
    """Bits of the second byte of CONNECT."""

    KEPT = 1
    WEBSOCKET = 2
    WILL = 4
    OTHER = 8  # another client of the same identity; a stranger comes as the bridge


class Event(IntEnum):
    """What the second byte of WORLD says."""

    TICK = 0
    SETTLE = 1
    SETTLE_LATER = 2
    FILL = 3  # the bridge is full
    ROOM = 4
    PUBLISH = 5
    DISK = 6  # wait until what was recorded is written
    LATER = 7  # a week, or a restart of the broker


def step(who: int, deed: Deed, much: int | bytes = 0) -> bytes:
    """Write a step of a play."""
    head = bytes((deed << 2 | who,))
    return head + bytes((much,)) if isinstance(much, int) else head + bytes((len(much),)) + much


class _Bridge:
    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.settles = True
        self.full = False
        self._resumes: list[Callable[[], None]] = []

    def offer(self, delivery: Delivery) -> bool:
        if self.settles:
            delivery.settle()
        else:
            self.waiting.append(delivery)
        return not self.full

    def settle(self) -> None:
        self.settles = True
        waiting, self.waiting = self.waiting, []
        for delivery in waiting:
            delivery.settle()

    def on_room(self, resume: Callable[[], None]) -> None:
        if self.full:
            self._resumes.append(resume)
        else:
            resume()

    def make_room(self) -> None:
        self.full = False
        resumes, self._resumes = self._resumes, []
        for resume in resumes:
            resume()

    def ended(self, hotel_id: HotelId, device_id: DeviceId, cause: TokenEnd) -> None:
        pass


class Play:
    """One hub and whoever comes to it, from the first step to when nothing is left."""

    def __init__(self, loop: asyncio.AbstractEventLoop, shelf: Shelf, path: Path, *, alone: bool) -> None:
        self._loop, self.shelf, self._path, self._alone = loop, shelf, path, alone
        self.now = NOON
        self.bridge = _Bridge()
        self.errors: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: self.errors.append(context))
        self._pipes: dict[int, Pipe] = {}
        self._all: list[tuple[Pipe, bool]] = []  # and whether it is a websocket
        self._open()

    def _open(self) -> None:
        self.hub = Hub(
            settings=SETTINGS,
            keys=RING,
            intake=None if self._alone else self.bridge,
            clock=lambda: self.now,
            counts=Counts(),
            shelf=self.shelf,
            log=QuietLog(logging.getLogger("fuzz")),
            loop=self._loop,
        )

    def _restart(self) -> None:
        """Break off, and go on with what was kept: it must be what there was."""
        for pipe, _ in self._all:
            pipe.cut()
        self.turn()
        self._all.clear()
        self._pipes.clear()
        before = kept(self.hub)
        self._loop.run_until_complete(self.shelf.close())
        self.shelf = self._loop.run_until_complete(Shelf.open(self._path))
        self.bridge = _Bridge()
        self._open()
        assert kept(self.hub) == before

    def perform(self, data: bytes) -> None:
        at = 1
        while at + 1 < len(data):
            who, deed, much = data[at] & 3, Deed(data[at] >> 2 & 7), data[at + 1]
            at += 2
            said = b""
            if deed <= Deed.SAY_RAW:
                said = data[at : at + much]
                at += much
            self._do(who, deed, much, said)
            self.turn()

    def _do(self, who: int, deed: Deed, much: int, said: bytes) -> None:
        if deed is Deed.WORLD:
            self._happen(Event(much & 7), much >> 3)
            return
        if deed is Deed.CONNECT or who not in self._pipes:
            self._connect(who, much if deed is Deed.CONNECT else 0)
            if deed is Deed.CONNECT:
                return
        pipe = self._pipes[who]
        match deed:
            case Deed.SAY | Deed.SAY_RAW:
                pipe.say(self._framed(who, said) if deed is Deed.SAY else said)
            case Deed.SAY_SLOWLY:
                for byte in self._framed(who, said):
                    pipe.say(bytes((byte,)))
            case Deed.CUT:
                pipe.cut()
                del self._pipes[who]
            case Deed.STOP_READING:
                pipe.reads = False
            case Deed.READ:
                pipe.read()

    def _framed(self, who: int, said: bytes) -> bytes:
        is_websocket = next(is_one for pipe, is_one in self._all if pipe is self._pipes[who])
        return frame(said) if is_websocket else said

    def _connect(self, who: int, how: int) -> None:
        is_websocket = bool(how & How.WEBSOCKET)
        protocol = WebSocket(self.hub, path="/mqtt") if is_websocket else Connection(self.hub)
        pipe = self._pipes[who] = Pipe(protocol, self._loop)
        self._all.append((pipe, is_websocket))
        if is_websocket:
            pipe.say(HANDSHAKE)
        if who == STRANGER and not how & How.OTHER:
            return
        ticket = _BRIDGE if who == STRANGER else _TICKETS[who]
        if how & How.OTHER and who not in {DEVICE, STRANGER}:
            ticket = ticket._replace(client_id=f"{ticket.username}/{how >> 4}")
        will = None
        if how & How.WILL and who != STRANGER:
            will = Will(_WILLS[who], b"gone", qos=how >> 4 & 1, retain=bool(how & 0x20))
        pipe.say(self._framed(who, connect_packet(ticket, will=will, clean=not how & How.KEPT, keep_alive=how >> 6)))

    def _happen(self, event: Event, much: int) -> None:
        match event:
            case Event.TICK:
                self.now += timedelta(seconds=1)
                self.hub.sweep()
            case Event.SETTLE:
                self.bridge.settle()
            case Event.SETTLE_LATER:
                self.bridge.settles = False
            case Event.FILL:
                self.bridge.full = True
            case Event.ROOM:
                self.bridge.make_room()
            case Event.PUBLISH:
                topic = ("hotels/h1/events", "hotels/h1/devices/d1/command", "hotels/h1/alerts/a1")[much % 3]
                message = Message(topic, b"x" * (much * 20), much % 3)
                self.hub.route(message, retain=much % 3 == 2, publisher=None)
            case Event.DISK:
                self.write()
            case Event.LATER if much % 2:
                self._restart()
            case Event.LATER:
                self.now += timedelta(days=8)
                self.hub.sweep()

    def turn(self) -> None:
        """Let the loop do what is to be done soon."""
        for _ in range(3):
            self._loop.call_soon(self._loop.stop)
            self._loop.run_forever()
        assert not self.errors, self.errors

    def write(self) -> None:
        async def written() -> None:
            on_disk = asyncio.Event()
            self.shelf.when_kept(on_disk.set)
            async with asyncio.timeout(10):
                await on_disk.wait()

        self._loop.run_until_complete(written())

    def end(self) -> None:
        """Have everybody leave, and make sure that nothing is left of them."""
        self.bridge.settle()
        self.bridge.make_room()
        self.turn()
        self._check_bounds()
        for pipe, is_websocket in self._all:
            pipe.read()
            self.turn()
            check_what_was_said(bytes(pipe.said), is_websocket=is_websocket)
            pipe.cut()
            self.turn()
        for session in list(self.hub.sessions.values()):
            self.hub.sessions.forget(session)
        self.hub.sessions.bridge = None
        for message in list(self.hub.retained):
            self.hub.retained.put(Message(message.topic, b"", 0))
            self.shelf.emptied(message.topic)
        self.write()
        self.turn()
        assert remains(self.hub) == {}

    def _check_bounds(self) -> None:
        for session in self.hub.sessions.values():
            messages, size = session.depth
            if session is self.hub.sessions.bridge:
                continue  # What others have under way is taken, and they are held then.
            assert len(session.in_flight) <= SETTINGS.in_flight
            assert messages <= SETTINGS.queue_messages
            assert size <= SETTINGS.queue_bytes
            assert len(session.subscriptions) <= SETTINGS.subscriptions
        for pipe, _ in self._all:
            assert pipe.unread <= SETTINGS.write_buffer + SETTINGS.largest_packet * 2


def remains(hub: Hub) -> dict[str, object]:
    """What is left in a hub that everybody has left: it should be nothing."""
    counts, deadlines = hub.counts, hub.deadlines
    left: dict[str, object] = {
        "connections": {key: number for key, number in counts.connections.items() if number},
        "subscriptions": counts.subscriptions,
        "of services": hub.sessions.of_services,
        "sockets": len(hub._connections),
        "sessions": len(hub.sessions),
        "identities": len(hub.sessions._identities),
        "exact": hub.router._exact,
        "wild": hub.router._root.children,
        "levels": hub.levels() != Levels(),
        "looked at": [tick for tick, due in deadlines._due.items() if due],
        "expiring": [at for at, standing in deadlines._expiring.items() if standing],
        "at the door": hub.doorman._total,
        "in line": len(hub.doorman._line),
        "kept waiting": hub.doorman._kept_waiting,
        "held": [*hub.brake._held, *hub.brake._going],
        "at the gates": [*hub.intake_gate._waiting, *hub.shelf_gate._waiting],
        "at work": list(hub.soon.sessions),
        "to be flushed": hub.soon.lines,
        "wills": hub._late_wills,
        "owners": hub.retained._owned,
        "topics": hub.retained._root.children,
    }
    return {name: what for name, what in left.items() if what}


def check_what_was_said(said: bytes, *, is_websocket: bool) -> None:
    """Make sure that the broker has written whole packets, and none that a server does not send."""
    if is_websocket:
        answer, _, frames = said.partition(b"\r\n\r\n")
        said = _payloads(frames) if answer.startswith(b"HTTP/1.1 101") else b""
    at, first_of_all = 0, True
    while at < len(said):
        first, at = said[at], at + 1
        assert first in FROM_BROKER, hex(first)
        assert (first == 0x20) == first_of_all
        first_of_all = False
        length = shift = 0
        while True:
            digit, at = said[at], at + 1
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        at += length
    assert at == len(said)


def _payloads(frames: bytes) -> bytes:
    at, found = 0, b""
    while at < len(frames):
        size, begin = frames[at + 1], at + 2
        if size > 125:
            digits = 2 if size == 126 else 8
            size, begin = int.from_bytes(frames[begin : begin + digits]), begin + digits
        assert begin + size <= len(frames)
        if frames[at] == 0x82:
            found += frames[begin : begin + size]
        at = begin + size
    return found


def kept(hub: Hub) -> dict[str, object]:
    """What must be there again after a restart."""
    return {
        **{
            one.client_id: _kept(one)
            for one in hub.sessions.values()
            if one.outlives and (hub.intake is None or one.client_id != BRIDGE_CLIENT_ID)
        },
        "retained": sorted((one.topic, one.payload, one.qos) for one in hub.retained if "/ext/" in one.topic),
    }


def _kept(session: Session) -> object:
    waiting = [*session.in_flight.values(), *(session._queue or ())]
    messages = [(one.packet_id, one.qos, one.message.topic, one.message.payload) for one in waiting if one.message]
    released = {one.packet_id for one in waiting if one.message is None}
    return messages, released, session.subscriptions, session.received or set(), session._bytes


class Stage:
    """A broker's file for one play after another. Use it on a thread that runs no loop."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "broker.sqlite3"
        self._loop = asyncio.new_event_loop()
        self._shelf: Shelf | None = None

    def target(self, data: bytes) -> None:
        if not data:
            return
        if self._shelf is None:
            self._shelf = self._loop.run_until_complete(Shelf.open(self._path))
        play = Play(self._loop, self._shelf, self._path, alone=bool(data[0] % 2))
        try:
            play.perform(data)
            play.end()
            self._shelf = play.shelf
        except BaseException:
            self._anew(play.shelf)
            raise

    def _anew(self, shelf: Shelf) -> None:
        """Let the next play not suffer from what this one left."""
        self._shelf = None
        self._loop.run_until_complete(shelf.close())
        for file in self._path.parent.glob(f"{self._path.name}*"):
            file.unlink()

    def close(self) -> None:
        if self._shelf is not None:
            self._loop.run_until_complete(self._shelf.close())
        self._loop.close()
