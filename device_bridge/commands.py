"""Commands to their tablets: published while they have not expired, again to a tablet that comes back, ended in time.

One that waits is published first and noted as sent afterwards: whatever ends us in between, the tablet gets it twice,
knows it by its id, and never misses it. It gets it twice, and not at each look, while the database cannot write. What
the tablet makes of it comes back on `result`, through the intake.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from broker.topics import Kind, device_topic
from device_bridge.decode import Refused, Rejected
from device_bridge.matters import Heard, Matter, Turned, command_of, topic_of
from device_bridge.metrics import BridgeMetrics
from device_bridge.tablet import Tablet
from device_bridge.uplink import Uplink
from rules.ids import CommandId
from store import Store, StoreUnavailable
from store.batch import Batch, CommandChange
from store.doorbell import Bell
from store.records import Argument, CommandName, CommandState, DeviceKey, OpenCommand

_PAGE = 500
_LOOK_EVERY_S = 1.0
_BETWEEN_S = 0.05
"""Between two looks: whatever happens in any hotel rings the bell."""


class CommandMessage(Struct, frozen=True, rename="camel", kw_only=True):
    """A command as its tablet gets it."""

    id: CommandId
    name: CommandName
    args: dict[str, Argument]
    expires_at: datetime


class Commands:
    """Publishes what people asked tablets to do, and notes how far it has come."""

    def __init__(self, *, store: Store, uplink: Uplink, now: Callable[[], datetime], metrics: BridgeMetrics) -> None:
        self._store = store
        self._uplink = uplink
        self._now = now
        self._metrics = metrics
        self._born: set[DeviceKey] = set()
        self._published: dict[CommandId, DeviceKey] = {}  # what is not noted as sent yet
        self._is_first_look = True  # what a bridge before us noted as sent may have been lost with it
        self._looked_at = -math.inf

    def greet(self, tablets: Iterable[Tablet]) -> None:
        """These tablets said `ready`: they get again what they may have missed."""
        self._born.update(tablet.key for tablet in tablets)

    async def run(self, bell: Bell) -> None:
        """Until cancelled: when the bell rings, and every second without it."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                if self._uplink.hearing.deaf_since is None:
                    await self._repeat()
                    await self._send()
                else:
                    self._published = {}  # it may have been lost with the connection
                if loop.time() - self._looked_at >= _LOOK_EVERY_S:
                    await self._expire()
                    self._looked_at = loop.time()
            except StoreUnavailable:
                pass  # the intake reports it
            await asyncio.sleep(_BETWEEN_S)
            await bell.wait(_LOOK_EVERY_S)

    async def _send(self) -> None:
        while waiting := await self._store.pending_commands(self._now(), limit=_PAGE):
            for one in waiting:
                if one.command.id not in self._published:
                    await self._publish(one)
                    self._published[one.command.id] = one.device_key
            await self._note(waiting, CommandState.SENT)
            self._published = {}

    async def _repeat(self) -> None:
        """Only what nobody has confirmed: a tablet that confirms a reboot before it reboots does so once."""
        if not (self._born or self._is_first_look):
            return
        born, to_all = self._born, self._is_first_look
        self._published = {one: device for one, device in self._published.items() if device not in born}
        sent = await self._store.sent_commands(self._now(), limit=20 * _PAGE)
        self._born, self._is_first_look = self._born - born, False
        for one in sent:
            if to_all or one.device_key in born:
                await self._publish(one)

    async def _expire(self) -> None:
        while overdue := await self._store.overdue_commands(self._now(), limit=_PAGE):
            await self._note(overdue, CommandState.EXPIRED)

    async def _note(self, found: Sequence[OpenCommand], state: CommandState) -> None:
        now = self._now()
        changes = [
            CommandChange(
                hotel_id=one.hotel_id, device_key=one.device_key, command_id=one.command.id, state=state, at=now
            )
            for one in found
        ]
        await self._store.apply(Batch(received_at=now, commands=changes))

    async def _publish(self, one: OpenCommand) -> None:
        command = one.command
        message = CommandMessage(id=command.id, name=command.name, args=command.args, expires_at=command.expires_at)
        topic = device_topic(one.hotel_id, command.device_id, Kind.COMMAND)
        await self._uplink.announcements.publish(topic, msgspec.json.encode(message))
        self._metrics.commands.inc()


async def held_to_their_own(matters: list[Matter], *, store: Store) -> list[Matter]:
    """Turn away the results of commands that their devices were never given. Raises StoreUnavailable."""
    refs = {ref for matter in matters if (ref := command_of(matter)) is not None}
    if not refs:
        return matters
    known = await store.known_commands(refs)
    return [
        _turned(matter) if isinstance(matter, Heard) and (ref := command_of(matter)) and ref not in known else matter
        for matter in matters
    ]


def _turned(heard: Heard) -> Turned:
    why = Rejected(Refused.UNKNOWN_COMMAND, "no such command of this device", heard.decoded.message.id)
    return Turned(topic_of(heard), heard.decoded.body, why, heard.at, heard.inbox_key)
