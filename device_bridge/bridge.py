"""The bridge, put together: how its parts start, run and stop. Follow a heartbeat from `queue` to `intake`."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from device_bridge.commands import Commands
from device_bridge.contacts import Contacts
from device_bridge.doing import Doing
from device_bridge.fleet import Fleet
from device_bridge.inbox import Inbox
from device_bridge.intake import Intake
from device_bridge.journal import Journal
from device_bridge.lapses import Lapses
from device_bridge.learning import Learning
from device_bridge.metrics import BridgeMetrics
from device_bridge.monitor import COMES_AND_GOES, Monitor
from device_bridge.outages import KnownOutages
from device_bridge.publish import Announcer
from device_bridge.queue import InputQueue
from device_bridge.renewal import Renewals
from device_bridge.rooms import Rooms
from device_bridge.swaps import Swaps
from device_bridge.tidings import News
from device_bridge.uplink import Uplink
from device_bridge.watch import Watch
from rules.ids import HotelId
from rules.messages import TokenEnd
from store import Doorbell, Store, StoreUnavailable

PROMISE: Final = timedelta(days=7)
"""How long a tablet may keep what it says for a backlog (contract §3)."""

_REFRESH_EVERY_S = 1.0


class Bridge:
    """Takes inputs from `queue`, publishes through `uplink`. `start` it before a broker of ours listens, then `run`."""

    def __init__(  # noqa: PLR0913, what it is put together from
        self,
        *,
        queue: InputQueue,
        store: Store,
        uplink: Uplink,
        doorbell: Doorbell,
        renewals: Renewals,
        now: Callable[[], datetime],
        clock_steps: Callable[[], int],
        ticks: Callable[[], float],
        registry: CollectorRegistry,
        retention: timedelta = PROMISE,
    ) -> None:
        """`retention`: for how long messages are kept, and so can be known again."""
        self._queue = queue
        self._store = store
        self._uplink = uplink
        self._now = now
        self._doorbell = doorbell
        self._metrics = BridgeMetrics(registry)
        self._fleet = Fleet(store)
        self._journal = Journal(
            store=store,
            hearing=uplink.hearing,
            away_since=lambda: self._intake.store_away_since,
            now=now,
            clock_steps=clock_steps,
            ticks=ticks,
        )
        self._watch = Watch(
            fleet=self._fleet,
            queue=queue,
            journal=self._journal,
            now=now,
            alive_at=uplink.alive_at,
            metrics=self._metrics,
        )
        self._commands = Commands(store=store, uplink=uplink, now=now, metrics=self._metrics)
        self._swaps = Swaps(fleet=self._fleet, queue=queue, now=now)
        self._contacts = Contacts(store=store, fleet=self._fleet, now=now)
        self._inbox = Inbox(store=store, queue=queue, now=now, metrics=self._metrics)
        self._rooms = Rooms(fleet=self._fleet, publisher=uplink.announcements, now=now)
        self._doing = Doing(store=store, publisher=uplink.receipts, metrics=self._metrics)
        self._lapses = Lapses(store=store, now=now)
        self._learning = Learning(store=store, now=now)
        self._outages = KnownOutages(store=store, fleet=self._fleet, queue=queue, watch=self._watch, now=now)
        self._intake = Intake(
            queue=queue,
            store=store,
            fleet=self._fleet,
            watch=self._watch,
            publisher=uplink.receipts,
            born=self._commands.greet,
            adopted=self._rooms.follow,
            doing=self._doing,
            renewals=renewals,
            outages=self._outages,
            learning=self._learning,
            now=now,
            metrics=self._metrics,
            promise=min(retention, PROMISE),
        )
        self._announcer = Announcer(
            store=store, fleet=self._fleet, rooms=self._rooms, uplink=uplink, now=now, metrics=self._metrics
        )
        self._monitor = Monitor(
            store=store,
            fleet=self._fleet,
            publisher=uplink.announcements,
            hearing=uplink.hearing,
            is_told=lambda: self._announcer.has_told_all,
            now=now,
            journal=self._journal,
            unjudged=lambda: self._intake.unjudged,
            is_impatient=lambda: self._watch.is_impatient,
        )

    async def start(self) -> None:
        """Load what is stored and, if the broker can be reached already, publish it. Raises StoreUnavailable."""
        earlier = await self._journal.open()
        newest = await self._fleet.load()
        self._watch.remember(earlier)
        await self._outages.load()
        news = self._fleet.tidings.news
        await self._intake.tell(news)
        await self._announcer.begin(newest)
        if self._uplink.hearing.deaf_since is None:
            await self._announcer.tell_all()
        self._excuse(news)
        self._fleet.tidings.told(news)

    async def run(self) -> None:
        """Watch until cancelled; since hearing began every tablet has the grace of a start before silence is judged."""
        self._watch.is_listening()
        listen = self._doorbell.listen
        with listen() as events, listen() as inbox, listen() as commands:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._intake.run())
                tasks.create_task(self._inbox.run(inbox))
                tasks.create_task(self._doing.run())
                tasks.create_task(self._lapses.run())
                tasks.create_task(self._watch.run())
                tasks.create_task(self._outages.run())
                tasks.create_task(self._learning.run())
                tasks.create_task(self._journal.run())
                tasks.create_task(self._announcer.run(events))
                tasks.create_task(self._commands.run(commands))
                tasks.create_task(self._announcer.keep_place())
                tasks.create_task(self._rooms.run())
                tasks.create_task(self._contacts.run())
                tasks.create_task(self._monitor.run())
                tasks.create_task(self._refresh())

    def problems(self) -> list[str]:
        """What keeps the bridge from watching, in words for the health page; empty when nothing does."""
        found = self._uplink.problems()
        if self._intake.store_away_since is not None:
            found.append("the database does not answer")
        if self._announcer.lacks is not None:
            found.append(self._announcer.lacks)
        if self._watch.is_impatient:
            found.append(COMES_AND_GOES)
        return found if found or self._monitor.is_watching else ["the bridge has not begun to watch"]

    def _excuse(self, news: News) -> None:
        """Those whom we shut out while they had no connection that a broker could have ended: no silence of theirs."""
        for tablet in news.shut_out:
            if tablet.is_kept_away:
                self._queue.ended(tablet.hotel_id, tablet.device_id, TokenEnd.REVOKED)

    async def _refresh(self) -> None:
        """Rooms, devices and policy that people change are taken up within about a second.

        What was being judged of a tablet while somebody retired it is stored by the next time: then its alerts are
        ended, which nobody watches any more.
        """
        bereaved: set[HotelId] = set(self._fleet.hotels)
        while True:
            await asyncio.sleep(_REFRESH_EVERY_S)
            self._swaps.look()
            self._metrics.waiting.set(len(self._queue))
            self._metrics.devices.set(len(self._fleet))
            try:
                for hotel_id in tuple(bereaved):
                    await self._store.end_alerts_of_retired(hotel_id, now=self._now())
                    bereaved.discard(hotel_id)
                await self._fleet.refresh()
                news = self._fleet.tidings.news
                await self._intake.tell(news)
                if self._watch.is_listening():  # a gap of ours is to be known before anything is judged by the hour
                    for decided in self._fleet.tidings.decided(self._now()):
                        self._queue.put(decided)
                await self._announcer.assigned(news.tablets)
                await self._announcer.forgotten(news.gone)
                bereaved |= {hotel_id for hotel_id, _ in news.gone}
                for hotel_id in {hotel_id for hotel_id, _ in news.gone}:
                    self._outages.look_again(hotel_id)
                self._excuse(news)
                self._fleet.tidings.told(news)
            except StoreUnavailable:
                continue  # the intake reports it; the news is still to be told
