"""From the queue into the store: decode, judge on copies, one transaction, then adopt, acknowledge, answer.

Promise 1 lives here: a message is settled (PUBACK) only after the commit that stores it. A batch that the
database refuses because of its data is done again one matter at a time, and the one that fails alone is
quarantined (promise 6). While the database is away nothing is settled and the same batch is tried again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from broker.delivery import Publisher
from broker.topics import BRIDGE_INBOUND, Kind, Topic, device_topic
from device_bridge.decode import Decoded, Refused, Rejected, decode
from device_bridge.draft import (
    Assigned,
    Draft,
    Heard,
    Known,
    Matter,
    Overdue,
    ReceiptLine,
    Turned,
    encode_receipt,
    identity_of,
)
from device_bridge.fleet import Fleet, Tablet
from device_bridge.metrics import BridgeMetrics
from device_bridge.queue import Arrived, DeadlineDue, Expired, Input, InputQueue
from device_bridge.watch import Watch
from rules.ids import MessageId
from rules.messages import TokenExpired
from store import DataRefused, Duplicate, Store, StoreUnavailable

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

_BATCH = 1000
_RECEIPT_LINES = 100
_RETRY_FIRST, _RETRY_LONGEST = 0.05, 2.0
_BLIND_AFTER = timedelta(seconds=10)
_OF_DEVICES = BRIDGE_INBOUND - {Kind.DO, Kind.PMS_IN}
_NOTHING: Known = frozenset()


class Intake:
    """The one writer of device state and of the condition side of alerts."""

    def __init__(
        self,
        *,
        queue: InputQueue,
        store: Store,
        fleet: Fleet,
        watch: Watch,
        publisher: Publisher,
        now: Callable[[], datetime],
        metrics: BridgeMetrics,
    ) -> None:
        self._queue = queue
        self._store = store
        self._fleet = fleet
        self._watch = watch
        self._publisher = publisher
        self._now = now
        self._metrics = metrics
        self._store_away_since: datetime | None = None

    @property
    def store_away_since(self) -> datetime | None:
        """Since when the database has not been answering; None while it does."""
        return self._store_away_since

    async def run(self) -> None:
        """Store what arrives until cancelled. What was not stored by then is not acknowledged and will be resent."""
        while True:
            await self.store_next(await self._queue.take(_BATCH))

    async def store_next(self, inputs: Sequence[Input]) -> None:
        """Judge and store `inputs`, then settle them. Returns when all of them are stored or quarantined."""
        matters = await self._patiently(lambda: self._read(inputs))
        await self._keep_all(matters)
        for item in inputs:
            if isinstance(item, Arrived):
                item.delivery.settle()

    async def assigned(self, tablets: Sequence[Tablet]) -> None:
        """Record that these tablets are new or belong elsewhere, among the inputs of the rules."""
        at = self._now()
        for start in range(0, len(tablets), _BATCH):
            await self._keep_all([Assigned(tablet, at) for tablet in tablets[start : start + _BATCH]])

    async def _read(self, inputs: Sequence[Input]) -> list[Matter]:
        """What the inputs are about; devices that are not known yet are looked up before they are judged."""
        if any(self._is_stranger(item) for item in inputs):
            self._watch.look_at(await self._fleet.refresh())
        return [matter for item in inputs for matter in self._matters(item)]

    def _is_stranger(self, item: Input) -> bool:
        if isinstance(item, Arrived):
            topic = item.delivery.topic
            return topic.kind in _OF_DEVICES and self._fleet.find(topic.hotel_id, topic.subject) is None
        return self._fleet.find(item.hotel_id, item.device_id) is None

    def _matters(self, item: Input) -> list[Matter]:
        if isinstance(item, Arrived):
            return self._arrived(item)
        tablet = self._fleet.find(item.hotel_id, item.device_id)
        if tablet is None:
            return []
        if isinstance(item, DeadlineDue):
            return [Overdue(tablet, item.at)]
        return [Heard(tablet, _expiry(item), item.at)]

    def _arrived(self, item: Arrived) -> list[Matter]:
        delivery = item.delivery
        topic = delivery.topic
        tablet = self._fleet.find(topic.hotel_id, topic.subject) if topic.kind in _OF_DEVICES else None
        matters: list[Matter] = []
        for outcome in decode(topic, delivery.payload, retain=delivery.retain, received_at=item.at):
            if isinstance(outcome, Rejected):
                matters.append(Turned(topic, delivery.payload, outcome, item.at))
            elif tablet is None:
                stranger = Rejected(Refused.UNKNOWN_DEVICE, "no such device in this hotel", outcome.message.id)
                matters.append(Turned(topic, outcome.body, stranger, item.at))
            else:
                matters.append(Heard(tablet, outcome, item.at))
        return matters

    async def _keep_all(self, matters: Sequence[Matter]) -> None:
        try:
            await self._keep(matters)
        except DataRefused as refusal:
            if len(matters) > 1:
                for matter in matters:
                    await self._keep_all([matter])
            else:
                await self._set_aside(matters[0], refusal)

    async def _set_aside(self, matter: Matter, refusal: DataRefused) -> None:
        """Quarantine the one matter that the database will not have; nobody waits for it any longer."""
        _log.warning("the database refuses an input: %s", refusal)
        if isinstance(matter, Heard):
            topic = _topic_of(matter)
            rejected = Rejected(Refused.STORE_REFUSED, "the database refuses this message", matter.decoded.message.id)
            await self._keep([Turned(topic, matter.decoded.body, rejected, matter.at)])

    async def _keep(self, matters: Sequence[Matter]) -> None:
        """One transaction. Raises DataRefused, and then nothing has changed."""
        draft = await self._patiently(lambda: self._commit(matters))
        draft.adopt()
        self._watch.look_at([tablet for tablet, _ in draft.states.values()])
        self._count(draft, len(matters))
        await self._answer(draft)

    async def _commit(self, matters: Sequence[Matter]) -> Draft:
        """Duplicates are rare, so the batch is tried without asking for them; the store asks us to when there are."""
        try:
            return await self._apply(matters, known=_NOTHING)
        except Duplicate:
            identities = [identity for matter in matters if (identity := identity_of(matter)) is not None]
            return await self._apply(matters, known=await self._store.known(identities))

    async def _apply(self, matters: Sequence[Matter], *, known: Known) -> Draft:
        draft = Draft(now=self._now(), watching_since=self._watch.watching_since)
        for matter in matters:
            draft.add(matter, known=known)
        await self._store.apply(draft.batch)
        return draft

    async def _patiently(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Try until the store answers. Our own outage must accuse no tablet, so a long one starts the watch anew."""
        pause = _RETRY_FIRST
        while True:
            try:
                done = await attempt()
            except StoreUnavailable as error:
                self._store_is_away(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _RETRY_LONGEST)
            else:
                self._store_is_back()
                return done

    def _store_is_away(self, error: StoreUnavailable) -> None:
        now = self._now()
        if self._store_away_since is None:
            self._store_away_since = now
            _log.error("the database does not answer, trying again: %s", error)
        elif now - self._store_away_since > _BLIND_AFTER:
            # Before the next attempt, which would otherwise judge deadlines that passed while we heard nobody.
            self._watch.begin_again(now)

    def _store_is_back(self) -> None:
        since, self._store_away_since = self._store_away_since, None
        if since is not None:
            _log.warning("the database answers again after %.1f s", (self._now() - since).total_seconds())

    def _count(self, draft: Draft, matters: int) -> None:
        self._metrics.stored.inc(len(draft.batch.messages))
        self._metrics.duplicates.inc(draft.duplicates)
        self._metrics.batch.observe(matters)
        for reason in draft.rejections:
            self._metrics.rejected.labels(reason).inc()

    async def _answer(self, draft: Draft) -> None:
        for (hotel_id, device_id), lines in draft.receipts.items():
            topic = device_topic(hotel_id, device_id, Kind.RECEIPT)
            for start in range(0, len(lines), _RECEIPT_LINES):
                chunk: list[ReceiptLine] = lines[start : start + _RECEIPT_LINES]
                await self._publisher.publish(topic, encode_receipt(chunk))


def _expiry(item: Expired) -> Decoded:
    name = MessageId(f"expired:{item.at.timestamp() * 1000:.0f}")
    return Decoded(Kind.STATE, TokenExpired(id=name, ts=item.at), b"{}")


def _topic_of(heard: Heard) -> Topic:
    return Topic(heard.decoded.kind, heard.tablet.hotel_id, heard.tablet.device_id)
