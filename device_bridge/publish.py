"""What the store says, to MQTT: events in their order, alert snapshots and device status retained.

Only committed rows are published, and every row is published after the ones before it, so a console that
subscribes sees what a reader of the event stream sees. The bridge owns every retained product topic: whenever it
begins to hear, it publishes what the database says and empties what the database does not know.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from broker.topics import Kind, Topic, alert_topic, device_topic, events_topic, parse, status_topic
from device_bridge.fleet import Fleet
from device_bridge.metrics import BridgeMetrics
from device_bridge.monitor import PLATFORM
from device_bridge.rooms import Rooms
from device_bridge.tablet import Tablet
from device_bridge.uplink import CensusFailed, Uplink
from rules.alerts import AlertStatus
from rules.ids import AlertId, DeviceId, HotelId, RoomId
from rules.room_config import room_config
from rules.snapshot import status_of
from store import Store, StoreUnavailable
from store.doorbell import Bell
from store.records import Event, EventType

_log = logging.getLogger(__name__)

_PAGE = 200
_STATUS_EVERY = timedelta(seconds=60)
_LOOK_EVERY_S = 1.0
_FRESHEN_EVERY = timedelta(seconds=5)


class _AlertState(msgspec.Struct):
    """As much of an alert snapshot as decides whether its retained topic is emptied."""

    status: AlertStatus


_alert_state = msgspec.json.Decoder(_AlertState)
_encode = msgspec.json.Encoder().encode


class Announcer:
    """Publishes every committed event, hotel by hotel in order of its id: once, or again after a lost connection and
    after a crash.
    """

    def __init__(
        self,
        *,
        store: Store,
        fleet: Fleet,
        rooms: Rooms,
        uplink: Uplink,
        now: Callable[[], datetime],
        metrics: BridgeMetrics,
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._uplink = uplink
        self._publisher = uplink.announcements
        self._rooms = rooms
        self._now = now
        self._metrics = metrics
        self._freshened: datetime | None = None
        self._told: dict[HotelId, int] = {}  # the newest event that was published, per hotel
        self._told_all_for = 0  # the time of hearing for which everything retained was published
        self.lacks: str | None = None
        """What could not be done for want of the broker's help, in words for the health page."""

    @property
    def has_told_all(self) -> bool:
        """Whether everything that is retained was published since hearing began the last time."""
        return self._told_all_for == self._uplink.hearing.times

    async def begin(self, newest: Mapping[HotelId, int]) -> None:
        """Go on where the last bridge left off, a moment earlier rather than later; with a new hotel, after `newest`.

        Raises StoreUnavailable.
        """
        announced = await self._store.announced()
        self._told = {
            hotel_id: min(announced.get(hotel_id, event_id), event_id) for hotel_id, event_id in newest.items()
        }

    async def tell_all(self) -> None:
        """Publish every retained topic, as the store and the fleet have it now, and empty all others of ours.

        Raises StoreUnavailable.
        """
        times = self._uplink.hearing.times
        open_alerts = [topic for hotel_id in self._fleet.hotels for topic in await self._tell_alerts(hotel_id)]
        for tablet in tuple(self._fleet):
            await self._tell_config(tablet)
            await self._tell_status(tablet)
        self._rooms.forget_what_was_told()
        for hotel_id in self._fleet.hotels:
            await self._rooms.tell_all(hotel_id)
        await self._empty_others(frozenset(open_alerts))
        self._told_all_for = times

    async def _empty_others(self, open_alerts: frozenset[str]) -> None:
        """What stands on a topic of ours and nobody knows any more: an alert that was resolved while we were away."""
        try:
            found = await self._uplink.retained()
        except CensusFailed as failure:
            self.lacks = f"the broker keeps what nobody knows any more: {failure}"
            _log.error("retained topics cannot be put in order", {"error": failure})
            return
        self.lacks = None
        for topic in sorted(found - open_alerts):
            if not self._is_known(topic):
                await self._publisher.publish(topic, b"", retain=True)

    def _is_known(self, name: str) -> bool:
        topic = parse(name)
        match topic:
            case Topic(kind=Kind.CONFIG | Kind.STATUS, hotel_id=hotel_id, subject=device_id):
                return self._fleet.find(hotel_id, device_id) is not None
            case Topic(kind=Kind.ROOM_STATE, hotel_id=hotel_id, subject=room_id):
                return hotel_id is not None and room_id in self._fleet.rooms(hotel_id)
            case Topic(kind=Kind.MONITOR, hotel_id=hotel_id):
                return hotel_id in self._fleet.hotels
            case _:
                return name == PLATFORM

    async def assigned(self, tablets: Iterable[Tablet]) -> None:
        """These tablets are new or belong elsewhere: their config and status say so, and the rooms of their hotel."""
        hotels: dict[HotelId, None] = {}
        for tablet in tablets:
            hotels[tablet.hotel_id] = None
            await self._tell_config(tablet)
            await self._tell_status(tablet)
        for hotel_id in hotels:
            await self._rooms.tell_all(hotel_id)

    async def forgotten(self, names: Iterable[tuple[HotelId, DeviceId]]) -> None:
        """These tablets are no more: what was retained of them is emptied."""
        for hotel_id, device_id in names:
            for topic in (device_topic(hotel_id, device_id, Kind.CONFIG), status_topic(hotel_id, device_id)):
                await self._publisher.publish(topic, b"", retain=True)
            await self._rooms.tell_all(hotel_id)

    async def run(self, bell: Bell) -> None:
        """Publish what is committed, until cancelled: when the bell rings, and every second without it.

        What this process added is known here. The database is asked every second for what others add, and when it rings
        and was none of ours: a person has acknowledged something, at an API that is another process.
        """
        loop = asyncio.get_running_loop()
        asked_at = -math.inf
        while True:
            try:
                if not self.has_told_all and self._uplink.hearing.deaf_since is None:
                    await self.tell_all()
                newest = self._store.newest_events_here()
                if self._has_told(newest) or loop.time() - asked_at >= _LOOK_EVERY_S:
                    newest, asked_at = await self._store.newest_events(), loop.time()
                await self._tell_up_to(newest)
                await self._freshen()
            except StoreUnavailable:
                pass  # the intake reports it; what is committed then is told when the store is back
            await bell.wait(_LOOK_EVERY_S)

    def _has_told(self, newest: Mapping[HotelId, int]) -> bool:
        return all(self._told.get(hotel_id, 0) >= event_id for hotel_id, event_id in newest.items())

    async def keep_place(self) -> None:
        """Note every second how far the broker has what was published, for the next bridge to go on there."""
        noted: dict[HotelId, int] = {}
        while True:
            told = dict(self._told)
            await asyncio.sleep(_LOOK_EVERY_S)
            await self._uplink.settled()
            news = {hotel_id: event_id for hotel_id, event_id in told.items() if noted.get(hotel_id) != event_id}
            if news:
                try:
                    await self._store.note_announced(news)
                except StoreUnavailable:
                    continue  # the intake reports it
                noted |= news

    async def _tell_alerts(self, hotel_id: HotelId) -> list[str]:
        """Publish the open alerts of a hotel; their topics."""
        told: list[str] = []
        cursor: str | None = None
        while True:
            page = await self._store.alerts(hotel_id, status=AlertStatus.OPEN, cursor=cursor, limit=_PAGE)
            for alert in page.items:
                await self._tell_alert(hotel_id, alert.id, _encode(alert), alert.status)
                told.append(alert_topic(hotel_id, alert.id))
            cursor = page.next
            if cursor is None:
                return told

    async def _tell_up_to(self, newest: Mapping[HotelId, int]) -> None:
        for hotel_id, event_id in newest.items():
            while (told := self._told.get(hotel_id, 0)) < event_id:
                events = await self._following(hotel_id, told)
                if not events:
                    break
                for event in events:
                    await self._tell_event(hotel_id, event)
                    self._told[hotel_id] = event.id

    async def _following(self, hotel_id: HotelId, told: int) -> Sequence[Event]:
        here = self._store.events_here_after(hotel_id, told, limit=_PAGE)
        return here or await self._store.events_after(hotel_id, told, limit=_PAGE)

    async def _tell_event(self, hotel_id: HotelId, event: Event) -> None:
        if event.type in _OF_ALERTS:
            status = _alert_state.decode(event.data).status
            await self._tell_alert(hotel_id, AlertId(event.subject), bytes(event.data), status)
        elif event.type is EventType.DEVICE_STATUS:
            tablet = self._fleet.find(hotel_id, event.subject)
            if tablet is not None:  # else it is no more: nothing of it is retained
                await self._publisher.publish(status_topic(hotel_id, tablet.device_id), bytes(event.data), retain=True)
                tablet.status_told = self._now()
        elif event.type is EventType.PMS_RECEIVED:
            told = await self._store.clearance_told(hotel_id, RoomId(event.subject), at=event.at)
            if told is not None:
                await self._rooms.tell_desk(hotel_id, told)
        await self._publisher.publish(events_topic(hotel_id), _encode(event))
        self._metrics.published.inc()

    async def _tell_alert(self, hotel_id: HotelId, alert_id: AlertId, snapshot: bytes, status: AlertStatus) -> None:
        """Retained while it is open. Resolved, the snapshot goes out once more, and then the topic is emptied."""
        topic = alert_topic(hotel_id, alert_id)
        if status is AlertStatus.OPEN:
            await self._publisher.publish(topic, snapshot, retain=True)
        else:
            await self._publisher.publish(topic, snapshot)
            await self._publisher.publish(topic, b"", retain=True)

    async def _freshen(self) -> None:
        """A tablet whose axes stand still shows its last battery and signal, at most once a minute."""
        now = self._now()
        if self._freshened is not None and self._freshened <= now < self._freshened + _FRESHEN_EVERY:
            return
        self._freshened = now
        for tablet in tuple(self._fleet):
            heard, told = tablet.state.last_heard, tablet.status_told
            if heard is None or told is None or told <= now < told + _STATUS_EVERY:
                continue
            if heard > told or told > now:  # the latter: the clock was set back
                await self._tell_status(tablet)

    async def _tell_status(self, tablet: Tablet) -> None:
        tablet.status_told = self._now()
        snapshot = _encode(status_of(tablet.state, tablet.assignment))
        await self._publisher.publish(status_topic(tablet.hotel_id, tablet.device_id), snapshot, retain=True)

    async def _tell_config(self, tablet: Tablet) -> None:
        config = room_config(tablet.assignment, revision=tablet.assignment_revision)
        topic = device_topic(tablet.hotel_id, tablet.device_id, Kind.CONFIG)
        await self._publisher.publish(topic, _encode(config), retain=True)


_OF_ALERTS = frozenset(type_ for type_ in EventType if type_.startswith("alert."))
