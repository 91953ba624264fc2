"""What came over HTTP, taken to the intake in its order like the messages of any broker (docs/adr/0023).

A row is deleted in the transaction that stores its message, so it is fetched again after any end of ours, and then is a
duplicate at worst. One page is on its way at a time: the rest waits in the database, where its bounds are.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from broker.topics import Kind, Topic
from device_bridge.metrics import BridgeMetrics
from device_bridge.queue import Deed, InputQueue
from rules.response import Resolved
from store import Store, StoreUnavailable
from store.doorbell import Bell
from store.records import InboxKind, InboxRow

_PAGE = 200
_LOOK_EVERY_S = 1.0
_BETWEEN_S = 0.02
"""Between two looks: whatever happens in any hotel rings the bell."""

_KINDS = {InboxKind.HEARTBEAT: Kind.HEARTBEAT, InboxKind.ALERT: Kind.ALERT, InboxKind.PMS: Kind.PMS_IN}


_resolved = msgspec.json.Decoder(Resolved)


class FromInbox:
    """A `broker.delivery.Delivery`."""

    __slots__ = ("_settled", "payload", "qos", "retain", "topic")

    def __init__(self, row: InboxRow, settled: Callable[[], None]) -> None:
        self.topic = Topic(_KINDS[row.kind], row.hotel_id, row.device_id)
        self.payload = row.payload
        self.qos = 1
        self.retain = False
        self._settled = settled

    def settle(self) -> None:
        self._settled()


class Inbox:
    """Takes what the API left in the store to the queue; the intake deletes it."""

    def __init__(self, *, store: Store, queue: InputQueue, now: Callable[[], datetime], metrics: BridgeMetrics) -> None:
        self._store = store
        self._queue = queue
        self._now = now
        self._metrics = metrics
        self._under_way = 0
        self._all_stored = asyncio.Event()

    async def run(self, bell: Bell) -> None:
        """Until cancelled: when the bell rings, and every second without it."""
        while True:
            try:
                while rows := await self._store.left(limit=_PAGE):
                    self._metrics.inbox_wait.set(max((self._now() - rows[0].received_at).total_seconds(), 0))
                    await self._take(rows)
                    self._metrics.inbox.inc(len(rows))
                self._metrics.inbox_wait.set(0)
            except StoreUnavailable:
                pass  # the intake reports it
            await asyncio.sleep(_BETWEEN_S)
            await bell.wait(_LOOK_EVERY_S)

    async def _take(self, rows: Sequence[InboxRow]) -> None:
        """Return when every row's message is stored and the row is gone."""
        self._under_way = len(rows)
        self._all_stored.clear()
        for row in rows:
            if row.kind is InboxKind.DEED and row.device_id is not None:
                deed, at = _resolved.decode(row.payload), self._now()
                self._queue.put(Deed(row.hotel_id, row.device_id, deed, at, row.key, self._settled))
            elif not self._queue.offer(FromInbox(row, self._settled), inbox_key=row.key):
                await self._room()
        await self._all_stored.wait()

    def _settled(self) -> None:
        self._under_way -= 1
        if self._under_way == 0:
            self._all_stored.set()

    async def _room(self) -> None:
        room = asyncio.Event()
        self._queue.on_room(room.set)
        await room.wait()
