"""The bridge's connection to a broker that is another process: ours (`innwatch broker`), or any MQTT 3.1.1 broker.

What the broker has for us comes into the same queue as from a broker in this process, and is acknowledged after the
commit; until then the broker keeps it in our session, which outlives every connection. The queue is bounded by our not
reading on. While there is no connection nothing is heard: `hearing` says so, and nobody is accused of silence.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime

from msgspec import Struct

from broker.delivery import BRIDGE_CLIENT_ID, Intake
from broker.topics import BRIDGE_INBOUND, Kind, everybodys
from device_bridge.arrivals import Arrivals, Topics
from device_bridge.census import LAST, retained_by
from device_bridge.hearing import Hearing
from device_bridge.metrics import UplinkMetrics
from device_bridge.monitor import blind
from device_bridge.mqtt_wire import BrokerAddress, Greeting, LogIn, Wire, WireLost, connected
from device_bridge.outgoing import Announcements, Receipts
from rules.ids import DeviceId, HotelId

_log = logging.getLogger(__name__)

_PAUSE_FIRST_S, _PAUSE_LONGEST_S = 0.1, 5.0
_STEADY_S = 2.0  # a connection that lasted so long was none that was ended at once
_LOOK_EVERY_S = 1.0
_FAREWELL_S = 1.0
_CATCHING_UP = "the bridge has just connected"
_NAME, _, _INTAKE = BRIDGE_CLIENT_ID.rpartition("/")


class Pass(Struct, frozen=True):
    """How to log in, and when to come again with a new one (None: never)."""

    log_in: LogIn
    renew_at: datetime | None = None


class FarBroker:
    """An Uplink. `new_pass` and `may_connect` are asked before each connection.

    `name` begins our client ids. All bridges share one, so whoever connects ends the connection of another: where the
    broker lets anybody connect by any client id, it must not be known. `consumed` are the kinds of topic that we take.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        queue: Intake,
        new_pass: Callable[[], Pass],
        now: Callable[[], datetime],
        metrics: UplinkMetrics,
        may_connect: Callable[[], bool] = lambda: True,
        name: str = _NAME,
        consumed: Collection[Kind] = BRIDGE_INBOUND,
    ) -> None:
        self.announcements = Announcements()
        self.receipts = Receipts(lost=metrics.receipts_lost.inc)
        self.hearing = Hearing(now=now)
        self._address = address
        self._queue = queue
        self._new_pass = new_pass
        self._may_connect = may_connect
        self._now = now
        self._metrics = metrics
        self._name = name
        self._filters = tuple(sorted(everybodys(kind) for kind in consumed))
        self._topics = Topics(consumed)
        self._arrivals: Arrivals | None = None
        self._pause_s = _PAUSE_FIRST_S
        self._last_word: int | None = None  # its packet id
        self._last_word_taken = asyncio.Event()
        metrics.connected.set_function(lambda: self.hearing.deaf_since is None)
        metrics.unacknowledged.set_function(lambda: self.unacknowledged)
        metrics.announcements.set_function(lambda: len(self.announcements))

    @property
    def unacknowledged(self) -> int:
        """How many messages were taken from the broker, which keeps them until they are stored."""
        return 0 if self._arrivals is None else self._arrivals.unacknowledged

    def alive_at(self, hotel_id: HotelId, device_id: DeviceId) -> datetime | None:
        """Nothing: a broker elsewhere tells nobody what it knows of its connections."""
        return None

    def problems(self) -> list[str]:
        deaf = self.hearing.deaf_since is not None
        return [f"no connection to the broker {self._address}: {self.hearing.why}"] if deaf else []

    async def settled(self) -> None:
        await self.announcements.acknowledged()

    async def retained(self) -> frozenset[str]:
        await self.settled()
        greeting = Greeting(client_id=f"{self._name}/census", log_in=self._new_pass().log_in, is_clean=True)
        return await retained_by(self._address, greeting)

    async def run(self) -> None:
        """Be connected until cancelled: again and again, with pauses that grow and are never the same."""
        while True:
            try:
                await self._room()
                if not self._may_connect():
                    raise WireLost("another bridge may have taken over")
                await self._connection()
            except WireLost as error:
                self._deaf(str(error))
                await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311, chance, not secrets
                self._pause_s = min(2 * self._pause_s, _PAUSE_LONGEST_S)

    async def _room(self) -> None:
        """Wait until the queue has room: nothing could be read before that, and the broker would give us up."""
        has_room = asyncio.Event()
        self._queue.on_room(has_room.set)
        await has_room.wait()

    async def _connection(self) -> None:
        """One connection. Returns when its pass is to be renewed; raises WireLost."""
        new, begun = self._new_pass(), asyncio.get_running_loop().time()
        arrivals = Arrivals(self._queue, self._topics, published=self._published, stray=self._metrics.strays.inc)
        self._arrivals = arrivals
        try:
            async with connected(self._address, self._greeting(new), arrivals) as wire:
                arrivals.attach(wire)
                await wire.subscribe(self._filters)
                self._hear(wire)
                try:
                    await self._until_renewal(wire, new)
                except asyncio.CancelledError:
                    if self._may_connect():  # else somebody else speaks for the bridge now
                        await self._say_goodbye(wire)
                    raise
        finally:
            arrivals.end()
            self.announcements.detach()
            self.receipts.detach()
            if asyncio.get_running_loop().time() - begun > _STEADY_S:
                self._pause_s = _PAUSE_FIRST_S

    def _greeting(self, new: Pass) -> Greeting:
        will = (LAST, blind(self._now(), why="the bridge is gone"))
        return Greeting(client_id=f"{self._name}/{_INTAKE}", log_in=new.log_in, is_clean=False, will=will)

    def _hear(self, wire: Wire) -> None:
        """Everything is subscribed to. After a renewal, which nobody noticed, there is nothing to begin again."""
        since = self.hearing.deaf_since
        if since is not None:
            self.announcements.put(LAST, blind(self._now(), why=_CATCHING_UP), retain=True)
            self.hearing.begins()
            self._metrics.connections.inc()
            away_s = (self._now() - since).total_seconds()
            _log.warning("connected to the broker", {"address": self._address, "after_s": round(away_s, 1)})
        self.announcements.attach(wire)
        self.receipts.attach(wire)

    async def _until_renewal(self, wire: Wire, held: Pass) -> None:
        """Return when a new pass is needed; raise WireLost when the connection is lost before that."""
        while held.renew_at is None or self._now() < held.renew_at:
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    raise WireLost(await wire.lost())
            except TimeoutError:
                if not wire.is_open:
                    raise WireLost(wire.end) from None

    async def _say_goodbye(self, wire: Wire) -> None:
        """Say what the will would, since after a DISCONNECT there is none, and wait until the broker has it.

        Else the broker may find nobody to acknowledge it to, and take the connection for lost before it reads the
        DISCONNECT: then the will is published after all.
        """
        with suppress(WireLost, TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                self._last_word = wire.publish(LAST, blind(self._now(), why="the bridge was stopped"), retain=True)
                await self._last_word_taken.wait()

    def _deaf(self, why: str) -> None:
        if self.hearing.deaf_since is None or self.hearing.why != why:
            _log.error("no connection to the broker, trying again", {"address": self._address, "error": why})
        self.hearing.ends(why)

    def _published(self, packet_id: int) -> None:
        if packet_id == self._last_word:
            self._last_word_taken.set()
        elif not self.announcements.published(packet_id):
            self.receipts.published(packet_id)
