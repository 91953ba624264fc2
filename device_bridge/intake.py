"""From the queue into the store: decode, judge on copies, one transaction, then adopt, acknowledge, answer.

Promise 1 lives here: a message is settled (PUBACK) only after the commit that stores it. A batch that the
database refuses because of its data is done again one matter at a time, and the one that fails alone is
quarantined (promise 6). While the database is away nothing is settled and the same batch is tried again.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from broker.delivery import Publisher
from broker.topics import Kind, Topic
from device_bridge.answering import Answers
from device_bridge.catching_up import CatchingUp
from device_bridge.checkpoints import Checkpoints
from device_bridge.commands import held_to_their_own
from device_bridge.decode import Refused, Rejected
from device_bridge.doing import Doing
from device_bridge.draft import Draft
from device_bridge.fleet import Fleet
from device_bridge.learning import Learning
from device_bridge.matters import (
    Done,
    Given,
    Heard,
    Matter,
    Noted,
    Overdue,
    Stored,
    Turned,
    Word,
    assignment,
    identity_of,
    ids_of,
    inventory,
    removal,
    topic_of,
)
from device_bridge.metrics import BridgeMetrics
from device_bridge.outages import KnownOutages
from device_bridge.persistence import Persistence
from device_bridge.pms import HotelSystems, is_word
from device_bridge.queue import Arrived, Deed, Input, InputQueue
from device_bridge.reading import matters_of, of_nobody
from device_bridge.renewal import Renewals
from device_bridge.rows import noted_row
from device_bridge.tablet import Tablet
from device_bridge.tidings import News
from device_bridge.watch import Watch
from store import Batch, DataRefused, Duplicate, OutcomeUnknown, Store
from store.records import DeviceKey

_log = logging.getLogger(__name__)

_BATCH = 1000
_JUDGE_AGAIN = timedelta(seconds=10)


class Intake:
    """The one writer of device state and of the condition side of alerts."""

    def __init__(  # noqa: PLR0913, what it brings together
        self,
        *,
        queue: InputQueue,
        store: Store,
        fleet: Fleet,
        watch: Watch,
        publisher: Publisher,
        born: Callable[[Iterable[Tablet]], None],
        adopted: Callable[[Draft], None],
        doing: Doing,
        renewals: Renewals,
        outages: KnownOutages,
        learning: Learning,
        now: Callable[[], datetime],
        metrics: BridgeMetrics,
        promise: timedelta,
    ) -> None:
        """`born` is told of tablets that said `ready`, once that is stored; `adopted` of all that was."""
        self._queue = queue
        self._store = store
        self._fleet = fleet
        self._watch = watch
        self._born = born
        self._adopted = adopted
        self._doing = doing
        self._renewals = renewals
        self._outages = outages
        self._learning = learning
        self._now = now
        self._metrics = metrics
        self._systems = HotelSystems(store=store, fleet=fleet)
        self._promise = promise
        self._catching_up = CatchingUp(store=store, now=now)
        self._checkpoints = Checkpoints(store=store, fleet=fleet, watch=watch, now=now)
        self._persistence = Persistence(now=now, blind=watch.begin_again)
        self._answers = Answers(publisher=publisher, metrics=metrics)
        self._turn = asyncio.Lock()  # a draft begins with the states that the one before came to
        self._unjudged: set[DeviceKey] = set()

    @property
    def unjudged(self) -> int:
        """How many tablets have a passed deadline that the database refuses to store; each is tried again."""
        return len(self._unjudged)

    @property
    def store_away_since(self) -> datetime | None:
        """Since when the database has not been answering; None while it does."""
        return self._persistence.away_since

    async def run(self) -> None:
        """Store what arrives until cancelled. What was not stored by then is not acknowledged and will be resent."""
        while True:
            inputs = self._doing.take_aside(await self._queue.take(_BATCH))
            if inputs:
                await self.store_next(inputs)
            await self._catching_up.step()
            if self._checkpoints.is_due:
                async with self._turn:
                    await self._checkpoints.step()

    async def store_next(self, inputs: Sequence[Input]) -> None:
        """Judge and store `inputs`, settling each when it is stored or quarantined; returns when all of them are.

        A backlog is many matters, so a batch is cut by those, and the loop gets its turn in between.
        """
        taken: list[Input] = []
        matters: list[Matter] = []
        is_fresh = False  # the fleet, as far as strangers of these inputs go
        for item in inputs:
            if is_word(item):
                await self._keep_taken(taken, matters)
                await self._keep_taken([item], [await self._persistence.ask(partial(self._systems.heard, item))])
                taken, matters = [], []
                continue
            found = matters_of(item, self._fleet)
            if found is None and not is_fresh:
                await self._persistence.ask(self._fleet.refresh)
                is_fresh = True
                found = matters_of(item, self._fleet)
            taken.append(item)
            matters += of_nobody(item) if found is None else found
            if len(matters) >= _BATCH:
                await self._keep_taken(taken, matters)
                taken, matters = [], []
        await self._keep_taken(taken, matters)

    async def _keep_taken(self, taken: Sequence[Input], matters: list[Matter]) -> None:
        if taken:
            await self._keep_all(await self._judgeable(matters))
            _settle(taken)

    async def _judgeable(self, matters: list[Matter]) -> list[Matter]:
        return await self._persistence.ask(lambda: held_to_their_own(matters, store=self._store))

    async def tell(self, news: News) -> None:
        """Store the news as inputs of the rules: rooms that changed, tablets that belong elsewhere or got a token."""
        async with self._turn:
            await self._persistence.ask(self._say_what_is_new)
        at = self._now()
        matters = [Given(tablet, dates.issued_at, dates.expires_at, at) for tablet, dates in news.tokens]
        for start in range(0, len(matters), _BATCH):
            await self._keep_all(matters[start : start + _BATCH])
        self._watch.look_at(news.tablets)
        for hotel_id in news.hotels:  # a window that is new or over moves deadlines of many
            self._watch.look_at(self._fleet.tablets(hotel_id))

    async def _keep_all(self, matters: Sequence[Matter]) -> None:
        """Keep them together, or by halves until the one that the database refuses stands alone."""
        if not matters:
            return
        try:
            await self._keep(matters)
        except DataRefused as refusal:
            if len(matters) > 1:
                half = len(matters) // 2
                await self._keep_all(matters[:half])
                await self._keep_all(matters[half:])
            else:
                await self._set_aside(matters[0], refusal)

    async def _set_aside(self, matter: Matter, refusal: DataRefused) -> None:
        """What to do with the one matter that the database will not have: nobody else waits for it."""
        _log.warning("the database refuses an input", {**ids_of(matter), "error": refusal})
        self._metrics.set_aside.inc()
        if isinstance(matter, Heard):
            rejected = Rejected(Refused.STORE_REFUSED, "the database refuses this message", matter.decoded.message.id)
            turned = Turned(topic_of(matter), matter.decoded.body, rejected, matter.at, matter.inbox_key)
            await self._keep_all([turned])
        elif isinstance(matter, Word):
            rejected = Rejected(Refused.STORE_REFUSED, "the database refuses this message", matter.id)
            topic = Topic(Kind.PMS_IN, matter.hotel_id, matter.record.by, matter.record.kind)
            await self._keep_all([Turned(topic, b"", rejected, matter.at, matter.inbox_key)])
        elif isinstance(matter, Turned | Done) and (key := matter.inbox_key) is not None:
            await self._persistence.ask(lambda: self._store.apply(Batch(received_at=matter.at, drained=[key])))
        elif isinstance(matter, Overdue):
            self._unjudged.add(matter.tablet.key)
            self._watch.look_later(matter.tablet, at=matter.at + _JUDGE_AGAIN)

    async def _keep(self, matters: Sequence[Matter]) -> None:
        """One transaction. Raises DataRefused, and then nothing has changed."""
        async with self._turn:
            draft = await self._persistence.ask(lambda: self._commit(matters))
            draft.adopt()
            self._outages.adopt(draft.outlook)
        self._learning.take(draft.outlook.strange)
        self._catching_up.follow(draft)
        self._unjudged.difference_update(draft.states.tablets)
        self._watch.passed(draft.passed)
        began_again = draft.watching_since != self._watch.watching_since  # meanwhile, by the states before this
        self._watch.look_at(draft.states.tablets.values() if began_again else draft.restless)
        self._born(draft.born)
        self._adopted(draft)
        if draft.batch.changes:
            await asyncio.sleep(0)  # Whoever tells the consoles was woken by the commit, and goes first.
        await self._answers.give(draft, matters)

    async def _commit(self, matters: Sequence[Matter]) -> Draft:
        """Duplicates are rare, so the batch is tried without asking for them; the store asks us to when there are."""
        try:
            return await self._apply(matters, known=None)
        except Duplicate:
            identities = [identity for matter in matters if (identity := identity_of(matter)) is not None]
            return await self._apply(matters, known=await self._store.known(identities))

    async def _apply(self, matters: Sequence[Matter], *, known: Stored | None) -> Draft:
        await self._say_what_is_new()
        draft = Draft(
            now=self._now(),
            watching_since=self._watch.watching_since,
            renewals=self._renewals,
            outages=self._outages,
            promise=self._promise,
        )
        for matter in matters:
            draft.add(matter, known=known)
        try:
            await self._store.apply(draft.batch)
        except OutcomeUnknown as error:
            # To evaluate it anew would find its messages stored already, and our memory would never learn what of.
            self._persistence.is_away(error)
            if not await self._persistence.ask(lambda: self._store.was_applied(draft.batch)):
                raise
        return draft

    async def _say_what_is_new(self) -> None:
        """Rooms and policies that verdicts count on stand in history before the first of those (docs/adr/0039)."""
        while unsaid := self._fleet.tidings.unsaid:
            at = self._now()
            matters = [inventory(hotel_id, rooms, at) for hotel_id, rooms in unsaid.hotels]
            matters += [removal(hotel_id, key, at) for hotel_id, key in unsaid.removed]
            matters += [assignment(tablet, at) for tablet, _ in unsaid.tablets]
            for start in range(0, len(matters), _BATCH):
                await self._write_down(matters[start : start + _BATCH])
            self._fleet.tidings.said(unsaid)

    async def _write_down(self, noted: Sequence[Noted]) -> None:
        """Those that are not stored yet; after a start most of them are."""
        ids = [identity for one in noted if (identity := identity_of(one)) is not None]
        stored = await self._store.known(ids)
        rows = [noted_row(one) for one in noted if identity_of(one) not in stored]
        if not rows:
            return
        try:
            await self._store.apply(Batch(received_at=self._now(), messages=rows))
        except DataRefused as refusal:
            _log.warning("the database refuses an input", {"rows": len(rows), "error": refusal})


def _settle(inputs: Iterable[Input]) -> None:
    for item in inputs:
        if isinstance(item, Arrived):
            item.delivery.settle()
        elif isinstance(item, Deed):
            item.settle()
