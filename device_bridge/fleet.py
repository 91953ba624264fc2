"""The tablets in memory: where each belongs, what is known of it, and what its hotel decided.

The bridge alone writes device state, so what stands here is the truth between two commits; the store holds
the same, written through in the transaction that changed it. Rooms and policy come from people: a hotel whose
revision moved is read again.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from device_bridge.tablet import Tablet, TokenDates
from device_bridge.tidings import Tidings
from rules.ids import DeviceId, HotelId, RoomId
from rules.inputs import InventoryRecord, RoomRecord
from rules.place import assignments
from rules.policy import DEFAULTS, Assignment, Policy
from rules.room_status import NOTHING_SAID, RoomStatus
from store import Store
from store.records import DeviceKey, DeviceRow, HotelFacts

_NO_TABLETS: dict[DeviceId, Tablet] = {}


class Fleet:
    """All tablets of all hotels, found by hotel and device."""

    def __init__(self, store: Store) -> None:
        self.tidings = Tidings()
        self._store = store
        self._tablets: dict[HotelId, dict[DeviceId, Tablet]] = {}
        self._inventories: dict[HotelId, InventoryRecord] = {}
        self._reading = asyncio.Lock()
        self._statuses: dict[HotelId, dict[RoomId, RoomStatus]] = {}
        self._by_room: dict[HotelId, dict[RoomId, list[Tablet]]] = {}

    def __iter__(self) -> Iterator[Tablet]:
        for tablets in self._tablets.values():
            yield from tablets.values()

    def __len__(self) -> int:
        return sum(len(tablets) for tablets in self._tablets.values())

    @property
    def hotels(self) -> tuple[HotelId, ...]:
        return tuple(self._tablets)

    def tablets(self, hotel_id: HotelId) -> tuple[Tablet, ...]:
        """Those of one hotel."""
        return tuple(self._tablets.get(hotel_id, _NO_TABLETS).values())

    def inventory(self, hotel_id: HotelId) -> InventoryRecord:
        return self._inventories[hotel_id]

    def find(self, hotel_id: HotelId | None, device_id: str | None) -> Tablet | None:
        if hotel_id is None or device_id is None:
            return None
        return self._tablets.get(hotel_id, _NO_TABLETS).get(DeviceId(device_id))

    def restart_grace(self, hotel_id: HotelId) -> timedelta:
        """How long after we began to listen everybody of a hotel has had the time to be heard."""
        graces = (tablet.assignment.policy.restart_grace for tablet in self.tablets(hotel_id))
        return max(graces, default=DEFAULTS.restart_grace)

    def has_room(self, hotel_id: HotelId, room_id: RoomId) -> bool:
        inventory = self._inventories.get(hotel_id)
        return inventory is not None and any(room.id == room_id for room in inventory.rooms)

    def rooms(self, hotel_id: HotelId) -> Mapping[RoomId, Sequence[Tablet]]:
        """The rooms that have tablets, with these in order of id."""
        return self._by_room.get(hotel_id, {})

    def in_room(self, hotel_id: HotelId, room_id: RoomId) -> Sequence[Tablet]:
        return self._by_room.get(hotel_id, {}).get(room_id, ())

    def status(self, hotel_id: HotelId, room_id: RoomId) -> RoomStatus:
        """What the hotel's systems say of a room."""
        return self._statuses.get(hotel_id, {}).get(room_id, NOTHING_SAID)

    def learn(self, hotel_id: HotelId, statuses: Mapping[RoomId, RoomStatus]) -> None:
        """Say, after the commit, what is known of rooms now."""
        self._statuses.setdefault(hotel_id, {}).update(statuses)
        for room_id, status in statuses.items():
            for tablet in self.in_room(hotel_id, room_id):
                tablet.assignment = replace(tablet.assignment, room=status)

    async def load(self) -> dict[HotelId, int]:
        """Read every hotel; the newest event id of each. For the start."""
        installation = await self._store.load()
        for facts in installation.hotels:
            self._take(facts)
        return {facts.hotel.id: facts.last_event_id for facts in installation.hotels}

    async def refresh(self) -> None:
        """Read the hotels whose revision moved. What that changed is news until it is told."""
        async with self._reading:  # of two that read at once, the slower would put an older revision back
            for hotel_id, revision in (await self._store.revisions()).items():
                known = self._inventories.get(hotel_id)
                if known is None or known.revision != revision:
                    self._take(await self._store.load_hotel(hotel_id))

    def _take(self, facts: HotelFacts) -> None:
        hotel_id, before = facts.hotel.id, self._tablets.get(facts.hotel.id, _NO_TABLETS)
        held = {tablet.key: tablet.assignment for tablet in before.values()}
        # The bridge alone writes them, so what was read later than the first time can only be older.
        statuses = self._statuses.setdefault(hotel_id, dict(facts.statuses))
        belongs = assignments(
            hotel_id,
            profile=facts.hotel.profile,
            policy=facts.hotel.policy,
            rooms=facts.rooms,
            devices=[(row.device.id, row.device.room_id) for row in facts.devices],
            of_devices={row.device.id: row.device.policy for row in facts.devices},
            timezone=facts.hotel.timezone,
            added={row.device.id: row.device.added_at for row in facts.devices},
            windows=facts.windows,
            learned=facts.learned,
            confirmed=facts.confirmed,
        )
        self._tablets[hotel_id] = {
            row.device.id: self._tablet(row, before.get(row.device.id), belongs[row.device.id], facts.revision)
            for row in facts.devices
        }
        self._by_room[hotel_id] = _by_room(self._tablets[hotel_id].values())
        self.learn(hotel_id, statuses)
        self.tidings.here(hotel_id, before=before, now=self._tablets[hotel_id])
        for row in facts.devices:
            tablet = self._tablets[hotel_id][row.device.id]
            self._shut_out(tablet, row.device.revoked_at, facts.hotel.suspended_at)
            self.tidings.token(tablet, TokenDates(row.device.token_issued_at, row.device.token_expires_at))
        inventory = _written_down(facts, statuses)
        known, self._inventories[hotel_id] = self._inventories.get(hotel_id), inventory
        if known is None or replace(known, revision=inventory.revision) != inventory:
            self.tidings.furnished(hotel_id, inventory)
        self._look_for_decisions(hotel_id, held, before=known)

    def _look_for_decisions(
        self, hotel_id: HotelId, held: Mapping[DeviceKey, Assignment], *, before: InventoryRecord | None
    ) -> None:
        """Which tablets are `held` against something else by now; at a start nobody knows of any.

        Those without an alert too: a batch that is being stored may open one, by what held when it was judged.
        Places are not compared with each other: of thousands each has all of the hotel's access points.
        """
        now = self._inventories[hotel_id]
        rearranged = before is None or _arrangement(before) != _arrangement(now)
        otherwise = rearranged or before is None or before.windows != now.windows
        for tablet in self._tablets[hotel_id].values():
            was = held.get(tablet.key)
            if was is None or otherwise or _own(was) != _own(tablet.assignment):
                self.tidings.decided_of(tablet, was, revision=now.revision, rearranged=rearranged)

    def _shut_out(self, tablet: Tablet, *deeds: datetime | None) -> None:
        at = max((deed for deed in deeds if deed is not None), default=None)
        if at is not None and at != tablet.shut_out_at:
            self.tidings.shut_out(tablet)
        tablet.shut_out_at = at

    def _tablet(self, row: DeviceRow, known: Tablet | None, assignment: Assignment, revision: int) -> Tablet:
        """The tablet of a row; news only if something of its own changed, not its surroundings alone."""
        if known is None or known.key != row.device.key:
            known = Tablet(key=row.device.key, assignment=assignment, revision=revision, state=row.state)
            self.tidings.belongs(known, assignment)
        elif _own(known.assignment) != _own(assignment):
            known.assignment_revision = revision
            self.tidings.belongs(known, assignment)
        known.assignment = assignment
        known.gen = row.device.gen
        return known


def _by_room(tablets: Iterable[Tablet]) -> dict[RoomId, list[Tablet]]:
    rooms: dict[RoomId, list[Tablet]] = {}
    for tablet in tablets:
        if tablet.room_id is not None:
            rooms.setdefault(tablet.room_id, []).append(tablet)
    return rooms


def _written_down(facts: HotelFacts, statuses: Mapping[RoomId, RoomStatus]) -> InventoryRecord:
    """The hotel as history has it; with the fleet's own `statuses`: whoever writes it says what is known then."""
    rooms = (
        RoomRecord(
            id=room.id,
            floor=room.floor,
            access_points=room.access_points,
            rssi_floor=room.rssi_floor,
            profile=room.profile,
            zone=room.zone,
            policy=room.policy,
        )
        for room in facts.rooms
    )
    return InventoryRecord(
        facts.revision,
        facts.hotel.profile,
        tuple(rooms),
        timezone=facts.hotel.timezone,
        windows=facts.windows,
        statuses=statuses,
        learned=facts.learned,
        confirmed=facts.confirmed,
    )


def _arrangement(inventory: InventoryRecord) -> tuple[object, ...]:
    """What places are made of."""
    return inventory.rooms, inventory.learned, inventory.confirmed


def _own(assignment: Assignment) -> tuple[RoomId | None, str | None, frozenset[str], Policy]:
    place = assignment.place
    return place.room_id, place.floor, place.access_points, assignment.policy
