"""The tablets in memory: where each belongs, what is known of it, and what its hotel decided.

The bridge alone writes device state, so what stands here is the truth between two commits; the store holds
the same, written through in the transaction that changed it. Rooms and policy come from people: a hotel whose
revision moved is read again.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from device_bridge.queue import Decided
from rules.absence import Sample
from rules.clearance import InRoom
from rules.ids import DeviceId, HotelId, RoomId
from rules.inputs import InventoryRecord, ReviewRecord, RoomRecord
from rules.messages import TokenEnd
from rules.place import assignments
from rules.policy import DEFAULTS, Assignment, Policy
from rules.room_status import NOTHING_SAID, RoomStatus
from rules.snapshot import token_end_of
from rules.state import DeviceState
from store import Store
from store.records import DeviceKey, DeviceRow, HotelFacts

_TAKES_EFFECT = timedelta(seconds=5)
"""What a tablet says so soon after it was shut out, it says by the connection that is about to be closed."""

LATELY = 16
"""Heartbeats of the last minute, at a tablet's own pace: every four seconds at most (`rules.policy`)."""

_NO_TABLETS: dict[DeviceId, "Tablet"] = {}


class Tablet:
    """One device in memory. The only mutable record of the bridge; changed after a commit, never before."""

    __slots__ = (
        "assignment",
        "assignment_revision",
        "deadline",
        "gen",
        "heard_by_mqtt",
        "key",
        "lately",
        "shut_out_at",
        "state",
        "status_told",
    )

    def __init__(self, *, key: DeviceKey, assignment: Assignment, revision: int, state: DeviceState) -> None:
        self.key = key
        self.assignment = assignment
        self.assignment_revision = revision
        self.state = state
        self.gen = 1  # the generation that its tokens must have
        self.deadline: datetime | None = None  # what the watch waits for
        self.status_told: datetime | None = None  # when its status was last published
        self.lately: deque[Sample] = deque(maxlen=LATELY)  # what its last heartbeats said
        self.heard_by_mqtt = False  # since that was last noted (`device_bridge.contacts`)
        self.shut_out_at: datetime | None = None  # when its tokens were last voided, or its hotel suspended

    @property
    def hotel_id(self) -> HotelId:
        return self.assignment.hotel_id

    @property
    def device_id(self) -> DeviceId:
        return self.assignment.device_id

    @property
    def room_id(self) -> RoomId | None:
        return self.assignment.place.room_id

    @property
    def floor(self) -> str | None:
        return self.assignment.place.floor

    @property
    def in_room(self) -> InRoom:
        """As the desk asks for it."""
        return InRoom(self.device_id, self.state, self.assignment.policy)

    @property
    def is_kept_away(self) -> bool:
        """Whether we shut it out, it was not heard since, and that is not what is known of it yet."""
        deed, heard = self.shut_out_at, self.state.last_heard
        if deed is None or heard is None or heard > deed + _TAKES_EFFECT:
            return False
        return token_end_of(self.state) is not TokenEnd.REVOKED


class TokenDates(Struct, frozen=True):
    """When the newest token that was noted of a tablet was minted and ends; no end: all of them were voided."""

    issued_at: datetime | None
    expires_at: datetime | None


class News(Struct, frozen=True):
    """What has been read and not been told yet.

    Tablets that belong elsewhere, hotels whose rooms changed, tablets that we shut out, those that somebody gave
    another token, and those that are no more.
    """

    tablets: tuple[Tablet, ...]
    hotels: tuple[HotelId, ...]
    shut_out: tuple[Tablet, ...] = ()
    tokens: tuple[tuple[Tablet, TokenDates], ...] = ()
    gone: tuple[tuple[HotelId, DeviceId], ...] = ()


class Unsaid(Struct, frozen=True):
    """What verdicts count on already and history does not say yet: rooms, assignments, tablets that were retired."""

    hotels: tuple[tuple[HotelId, InventoryRecord], ...]
    tablets: tuple[tuple[Tablet, Assignment], ...]
    removed: tuple[tuple[HotelId, DeviceKey], ...]

    def __bool__(self) -> bool:
        return bool(self.hotels or self.tablets or self.removed)


class Fleet:
    """All tablets of all hotels, found by hotel and device."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tablets: dict[HotelId, dict[DeviceId, Tablet]] = {}
        self._inventories: dict[HotelId, InventoryRecord] = {}
        self._reading = asyncio.Lock()
        self._new_tablets: dict[DeviceKey, Tablet] = {}
        self._new_hotels: dict[HotelId, None] = {}
        self._newly_out: dict[DeviceKey, Tablet] = {}
        self._gone: dict[tuple[HotelId, DeviceId], None] = {}
        self._new_tokens: dict[DeviceKey, tuple[Tablet, TokenDates]] = {}
        self._unsaid_hotels: dict[HotelId, InventoryRecord] = {}
        self._unsaid_tablets: dict[DeviceKey, tuple[Tablet, Assignment]] = {}
        self._unsaid_removed: dict[DeviceKey, HotelId] = {}
        self._decided: dict[DeviceKey, tuple[Tablet, ReviewRecord]] = {}
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

    def tablets(self, hotel_id: HotelId) -> Iterator[Tablet]:
        """Those of one hotel."""
        yield from self._tablets.get(hotel_id, _NO_TABLETS).values()

    def inventory(self, hotel_id: HotelId) -> InventoryRecord:
        return self._inventories[hotel_id]

    def find(self, hotel_id: HotelId | None, device_id: str | None) -> Tablet | None:
        if hotel_id is None or device_id is None:
            return None
        return self._tablets.get(hotel_id, _NO_TABLETS).get(DeviceId(device_id))

    def tablets_of(self, hotel_id: HotelId) -> tuple[Tablet, ...]:
        return tuple(self._tablets.get(hotel_id, _NO_TABLETS).values())

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

    @property
    def news(self) -> News:
        return News(
            tuple(self._new_tablets.values()),
            tuple(self._new_hotels),
            tuple(self._newly_out.values()),
            tuple(self._new_tokens.values()),
            tuple(self._gone),
        )

    @property
    def unsaid(self) -> Unsaid:
        return Unsaid(
            tuple(self._unsaid_hotels.items()),
            tuple(self._unsaid_tablets.values()),
            tuple((hotel_id, key) for key, hotel_id in self._unsaid_removed.items()),
        )

    def said(self, unsaid: Unsaid) -> None:
        """Say that history has it now; what changed again meanwhile is still to be said."""
        for hotel_id, inventory in unsaid.hotels:
            if self._unsaid_hotels.get(hotel_id) is inventory:
                del self._unsaid_hotels[hotel_id]
        for tablet, assignment in unsaid.tablets:
            if self._unsaid_tablets.get(tablet.key) == (tablet, assignment):
                del self._unsaid_tablets[tablet.key]
        for _, key in unsaid.removed:
            self._unsaid_removed.pop(key, None)

    def told(self, news: News) -> None:
        """Say that `news` has been stored and published; what came after it is still news."""
        for tablet in news.tablets:
            self._new_tablets.pop(tablet.key, None)
        for hotel_id in news.hotels:
            self._new_hotels.pop(hotel_id, None)
        for tablet in news.shut_out:
            self._newly_out.pop(tablet.key, None)
        for tablet, dates in news.tokens:
            if self._new_tokens.get(tablet.key) == (tablet, dates):
                del self._new_tokens[tablet.key]
        for name in news.gone:
            self._gone.pop(name, None)

    def _take(self, facts: HotelFacts) -> None:
        hotel_id, before = facts.hotel.id, self._tablets.get(facts.hotel.id, _NO_TABLETS)
        held = {tablet.key: tablet.assignment for tablet in before.values() if tablet.state.alerts}
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
        self._gone |= {(hotel_id, device_id): None for device_id in before.keys() - self._tablets[hotel_id].keys()}
        kept = {tablet.key for tablet in self._tablets[hotel_id].values()}  # one that got another id is not gone
        self._unsaid_removed |= {tablet.key: hotel_id for tablet in before.values() if tablet.key not in kept}
        for row in facts.devices:
            self._gone.pop((hotel_id, row.device.id), None)
            tablet = self._tablets[hotel_id][row.device.id]
            self._note_shut_out(tablet, row.device.revoked_at, facts.hotel.suspended_at)
            self._note_token(tablet, TokenDates(row.device.token_issued_at, row.device.token_expires_at))
        inventory = _written_down(facts, statuses)
        known, self._inventories[hotel_id] = self._inventories.get(hotel_id), inventory
        if known is None or replace(known, revision=inventory.revision) != inventory:
            self._new_hotels[hotel_id] = None
            self._unsaid_hotels[hotel_id] = inventory
        self._look_for_decisions(hotel_id, held, before=known)

    def _look_for_decisions(
        self, hotel_id: HotelId, held: Mapping[DeviceKey, Assignment], *, before: InventoryRecord | None
    ) -> None:
        """Which tablets with alerts are `held` against something else by now; at a start nobody knows of any.

        Places are not compared with each other: of thousands each has all of the hotel's access points.
        """
        now = self._inventories[hotel_id]
        rearranged = before is None or _arrangement(before) != _arrangement(now)
        otherwise = rearranged or before is None or before.windows != now.windows
        for tablet in self._tablets[hotel_id].values():
            if not tablet.state.alerts:
                continue
            was, known = held.get(tablet.key), self._decided.get(tablet.key)
            if was is None:
                self._decided[tablet.key] = tablet, ReviewRecord(now.revision, None, moved=False)
            elif otherwise or _own(was) != _own(tablet.assignment):
                earlier = ReviewRecord(now.revision, was.policy, moved=False) if known is None else known[1]
                moved = earlier.moved or rearranged or was.place.room_id != tablet.room_id
                self._decided[tablet.key] = tablet, replace(earlier, revision=now.revision, moved=moved)

    def decided(self, at: datetime) -> list[Decided]:
        """Tablets with alerts of which people have decided something else, each once; history must say so before."""
        decided, self._decided = self._decided, {}
        return [Decided(tablet.hotel_id, tablet.device_id, record, at) for tablet, record in decided.values()]

    def _note_shut_out(self, tablet: Tablet, *deeds: datetime | None) -> None:
        at = max((deed for deed in deeds if deed is not None), default=None)
        if at is not None and at != tablet.shut_out_at:
            self._newly_out[tablet.key] = tablet
        tablet.shut_out_at = at

    def _note_token(self, tablet: Tablet, dates: TokenDates) -> None:
        known = tablet.state.token
        if dates == TokenDates(known.issued_at, known.expires_at):
            self._new_tokens.pop(tablet.key, None)
        else:
            self._new_tokens[tablet.key] = tablet, dates

    def _tablet(self, row: DeviceRow, known: Tablet | None, assignment: Assignment, revision: int) -> Tablet:
        """The tablet of a row; news only if something of its own changed, not its surroundings alone."""
        if known is None or known.key != row.device.key:
            known = Tablet(key=row.device.key, assignment=assignment, revision=revision, state=row.state)
            self._new_tablets[known.key] = known
            self._unsaid_tablets[known.key] = known, assignment
        elif _own(known.assignment) != _own(assignment):
            known.assignment_revision = revision
            self._new_tablets[known.key] = known
            self._unsaid_tablets[known.key] = known, assignment
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
