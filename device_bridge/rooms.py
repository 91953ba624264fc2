"""What is told of rooms: their state, retained, whenever it is another one; and the desk's clearances.

A clearance goes out with the event of the check-out that asked for it, so it is told when that is, also after a crash.
What was said of a room may turn out otherwise within the hour: then the desk is told again, as it is now. So it is when
the alert of a check-out opens or ends, however late.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from broker.delivery import Publisher
from broker.topics import Kind, Topic, name_of
from device_bridge.draft import Draft
from device_bridge.fleet import Fleet
from rules.alerts import ChangeKind, Family
from rules.clearance import Clear, Clearance, clearance, is_followed, is_otherwise
from rules.ids import DeviceId, HotelId, RoomId
from rules.room_state import room_state
from rules.state import DeviceState

_AGAIN = frozenset({ChangeKind.OPENED, ChangeKind.REOPENED, ChangeKind.CLEARED})


_Room = tuple[HotelId, RoomId]

_encode = msgspec.json.Encoder().encode


class Rooms:
    """Tells after the commit what is another then; `tell_all` is for an Announcer, which knows when it must."""

    def __init__(self, *, fleet: Fleet, publisher: Publisher, now: Callable[[], datetime]) -> None:
        self._fleet = fleet
        self._publisher = publisher
        self._now = now
        self._told: dict[HotelId, dict[RoomId, bytes]] = {}
        self._touched: dict[_Room, None] = {}
        self._desk: dict[_Room, None] = {}  # who is to be told anew
        self._followed: dict[_Room, None] = {}  # who is to be told anew if it is another word
        self._said: dict[_Room, Clear] = {}  # what the desk heard last; after a start nobody knows
        self._news = asyncio.Event()

    def forget_what_was_told(self) -> None:
        """Whoever begins to hear anew does not know what the broker has."""
        self._told.clear()

    async def tell_all(self, hotel_id: HotelId) -> None:
        """Publish the rooms of a hotel that are not as they were told, and empty those that have no tablet any more."""
        rooms = self._fleet.rooms(hotel_id)
        for room_id in (*rooms, *(self._told.get(hotel_id, {}).keys() - rooms.keys())):
            await self._tell(hotel_id, room_id)
        self._look_at(room for room in self._said if room[0] == hotel_id)  # they may have other tablets

    async def tell_desk(self, hotel_id: HotelId, told: Clearance) -> None:
        """Publish what was said at a check-out, which may be later than that: by now it may be otherwise."""
        await self._publish(hotel_id, told)
        self._look_at([(hotel_id, told.room_id)])

    def follow(self, draft: Draft) -> None:
        """Note whose rooms may be told of otherwise, now that the states of a draft are the tablets' own."""
        for status in draft.batch.statuses:
            tablet = self._fleet.find(status.hotel_id, status.snapshot.device_id)
            if tablet is not None and tablet.room_id is not None:
                self._touched[tablet.hotel_id, tablet.room_id] = None
        for word, rooms in draft.learned:
            self._touched |= {(word.hotel_id, room_id): None for room_id in rooms}
        self._follow_check_outs(draft)
        if self._touched or self._desk or self._followed:
            self._news.set()

    def _follow_check_outs(self, draft: Draft) -> None:
        for one in draft.batch.changes:
            if one.change.alert.family is Family.CHECKOUT and one.change.kind in _AGAIN and one.room_id is not None:
                self._desk[one.hotel_id, one.room_id] = None
        for tablet in draft.states.tablets.values():
            if is_followed(tablet.assignment.room, at=draft.batch.received_at) and tablet.room_id is not None:
                self._followed[tablet.hotel_id, tablet.room_id] = None
        for taken in draft.batch.pms:
            if taken.clearance is not None:  # it goes out with its event
                room = taken.hotel_id, taken.clearance.room_id
                self._said[room] = taken.clearance.verdict
                self._desk.pop(room, None)

    async def run(self) -> None:
        """Publish what `follow` has noted, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            touched, self._touched = self._touched, {}
            desk, self._desk = self._desk, {}
            followed, self._followed = self._followed, {}
            for hotel_id, room_id in touched:
                await self._tell(hotel_id, room_id)
            for hotel_id, room_id in desk:
                await self._publish(hotel_id, self._clearance(hotel_id, room_id))
            for hotel_id, room_id in followed:
                await self._tell_otherwise(hotel_id, room_id)

    def _look_at(self, rooms: Iterable[_Room]) -> None:
        self._followed |= dict.fromkeys(rooms)
        if self._followed:
            self._news.set()

    async def _tell_otherwise(self, hotel_id: HotelId, room_id: RoomId) -> None:
        """Tell the desk of a room that is followed, if it heard another word of it last."""
        now = self._clearance(hotel_id, room_id)
        if not is_followed(self._fleet.status(hotel_id, room_id), at=now.at):
            self._said.pop((hotel_id, room_id), None)
        elif is_otherwise(now, told=self._said.get((hotel_id, room_id))):
            await self._publish(hotel_id, now)

    async def _publish(self, hotel_id: HotelId, told: Clearance) -> None:
        self._said[hotel_id, told.room_id] = told.verdict
        await self._publisher.publish(name_of(Topic(Kind.CLEARANCE, hotel_id, told.room_id)), _encode(told))

    def _clearance(self, hotel_id: HotelId, room_id: RoomId) -> Clearance:
        here = [tablet.in_room for tablet in self._fleet.in_room(hotel_id, room_id)]
        return clearance(room_id, here, at=self._now())

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
