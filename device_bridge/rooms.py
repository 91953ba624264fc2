"""What is told of rooms: their state, retained, whenever it is another one; and the desk's clearances.

A clearance goes out with the event of the check-out that asked for it, so it is told when that is, also after a crash.
What was said of a room that is guarded may turn out wrong within the hour: then the desk is told again, as it is now.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import msgspec

from broker.delivery import Publisher
from broker.topics import Kind, Topic, name_of
from device_bridge.draft import Draft
from device_bridge.fleet import Fleet
from rules.alerts import ChangeKind, Family
from rules.clearance import Clearance, clearance
from rules.ids import DeviceId, HotelId, RoomId
from rules.room_state import room_state
from rules.state import DeviceState

_AGAIN = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.CLEARED})


_encode = msgspec.json.Encoder().encode


class Rooms:
    """Tells after the commit what is another then; `tell_all` is for an Announcer, which knows when it must."""

    def __init__(self, *, fleet: Fleet, publisher: Publisher, now: Callable[[], datetime]) -> None:
        self._fleet = fleet
        self._publisher = publisher
        self._now = now
        self._told: dict[HotelId, dict[RoomId, bytes]] = {}
        self._touched: dict[tuple[HotelId, RoomId], None] = {}
        self._desk: dict[tuple[HotelId, RoomId], None] = {}  # who is to be told anew
        self._news = asyncio.Event()

    def forget_what_was_told(self) -> None:
        """Whoever begins to hear anew does not know what the broker has."""
        self._told.clear()

    async def tell_all(self, hotel_id: HotelId) -> None:
        """Publish the rooms of a hotel that are not as they were told, and empty those that have no tablet any more."""
        rooms = self._fleet.rooms(hotel_id)
        for room_id in (*rooms, *(self._told.get(hotel_id, {}).keys() - rooms.keys())):
            await self._tell(hotel_id, room_id)

    async def tell_desk(self, hotel_id: HotelId, told: Clearance) -> None:
        await self._publisher.publish(_clearance_topic(hotel_id, told.room_id), _encode(told))

    def follow(self, draft: Draft) -> None:
        """Note whose rooms may be told of otherwise, now that the states of a draft are the tablets' own."""
        for status in draft.batch.statuses:
            tablet = self._fleet.find(status.hotel_id, status.snapshot.device_id)
            if tablet is not None and tablet.room_id is not None:
                self._touched[tablet.hotel_id, tablet.room_id] = None
        answered = set()
        for word, rooms in draft.learned:
            answered.add((word.hotel_id, word.record.room_id))
            self._touched |= {(word.hotel_id, room_id): None for room_id in rooms}
        for one in draft.batch.changes:
            if one.change.alert.family is Family.CHECKOUT and one.change.kind in _AGAIN and one.room_id is not None:
                self._desk[one.hotel_id, one.room_id] = None
        self._desk = {room: None for room in self._desk if room not in answered}
        if self._touched or self._desk:
            self._news.set()

    async def run(self) -> None:
        """Publish what `follow` has noted, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            touched, self._touched = self._touched, {}
            desk, self._desk = self._desk, {}
            for hotel_id, room_id in touched:
                await self._tell(hotel_id, room_id)
            for hotel_id, room_id in desk:
                here = [tablet.in_room for tablet in self._fleet.in_room(hotel_id, room_id)]
                await self.tell_desk(hotel_id, clearance(room_id, here, at=self._now()))

    def _states(self, hotel_id: HotelId, room_id: RoomId) -> list[tuple[DeviceId, DeviceState]]:
        return [(tablet.device_id, tablet.state) for tablet in self._fleet.in_room(hotel_id, room_id)]

    async def _tell(self, hotel_id: HotelId, room_id: RoomId) -> None:
        tablets, told = self._fleet.in_room(hotel_id, room_id), self._told.setdefault(hotel_id, {})
        payload = b""
        if tablets:
            states, status = self._states(hotel_id, room_id), self._fleet.status(hotel_id, room_id)
            payload = _encode(room_state(room_id, tablets[0].floor, states, status=status))
        if told.get(room_id, b"") != payload:
            told[room_id] = payload
            await self._publisher.publish(name_of(Topic(Kind.ROOM_STATE, hotel_id, room_id)), payload, retain=True)


def _clearance_topic(hotel_id: HotelId, room_id: RoomId) -> str:
    return name_of(Topic(Kind.CLEARANCE, hotel_id, room_id))
