"""The tablets in memory: where each belongs, what is known of it, and what its hotel decided.

The bridge alone writes device state, so what stands here is the truth between two commits; the store holds
the same, written through in the transaction that changed it. Rooms and policy come from people: a hotel whose
revision moved is read again.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Struct

from rules.ids import DeviceId, HotelId, RoomId
from rules.place import assignments
from rules.policy import Assignment, Policy
from rules.state import DeviceState
from store import Store
from store.records import DeviceKey, HotelFacts

_NO_TABLETS: dict[DeviceId, "Tablet"] = {}


class Tablet:
    """One device in memory. The only mutable record of the bridge; changed after a commit, never before."""

    __slots__ = ("assignment", "assignment_revision", "deadline", "key", "state", "status_told")

    def __init__(self, *, key: DeviceKey, assignment: Assignment, revision: int, state: DeviceState) -> None:
        self.key = key
        self.assignment = assignment
        self.assignment_revision = revision
        self.state = state
        self.deadline: datetime | None = None  # what the watch waits for
        self.status_told: datetime | None = None  # when its status was last published

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


class AssignmentRecord(Struct, frozen=True, rename="camel"):
    """An assignment as it is stored among the inputs of the rules, for replay."""

    revision: int
    room_id: RoomId | None
    floor: str | None
    access_points: tuple[str, ...]
    policy: Policy


class Fleet:
    """All tablets of all hotels, found by hotel and device."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tablets: dict[HotelId, dict[DeviceId, Tablet]] = {}
        self._revisions: dict[HotelId, int] = {}

    def __iter__(self) -> Iterator[Tablet]:
        for tablets in self._tablets.values():
            yield from tablets.values()

    def __len__(self) -> int:
        return sum(len(tablets) for tablets in self._tablets.values())

    @property
    def hotels(self) -> tuple[HotelId, ...]:
        return tuple(self._tablets)

    def of_hotel(self, hotel_id: HotelId) -> tuple[Tablet, ...]:
        return tuple(self._tablets.get(hotel_id, {}).values())

    def find(self, hotel_id: HotelId | None, device_id: str | None) -> Tablet | None:
        if hotel_id is None or device_id is None:
            return None
        return self._tablets.get(hotel_id, _NO_TABLETS).get(DeviceId(device_id))

    async def load(self) -> dict[HotelId, int]:
        """Read every hotel; the newest event id of each. For the start."""
        installation = await self._store.load()
        for facts in installation.hotels:
            self._take(facts)
        return {facts.hotel.id: facts.last_event_id for facts in installation.hotels}

    async def refresh(self) -> list[Tablet]:
        """Read the hotels whose revision moved; the tablets that are new or assigned anew."""
        changed: list[Tablet] = []
        for hotel_id, revision in (await self._store.revisions()).items():
            if self._revisions.get(hotel_id) != revision:
                changed += self._take(await self._store.load_hotel(hotel_id))
        return changed

    def _take(self, facts: HotelFacts) -> list[Tablet]:
        hotel_id, before = facts.hotel.id, self._tablets.get(facts.hotel.id, {})
        after: dict[DeviceId, Tablet] = {}
        changed: list[Tablet] = []
        belongs = assignments(
            hotel_id,
            profile=facts.hotel.profile,
            rooms=facts.rooms,
            devices=[(row.device.id, row.device.room_id) for row in facts.devices],
        )
        for row in facts.devices:
            device, assignment = row.device, belongs[row.device.id]
            tablet = before.get(device.id)
            if tablet is None or tablet.key != device.key:
                tablet = Tablet(key=device.key, assignment=assignment, revision=facts.revision, state=row.state)
                changed.append(tablet)
            elif tablet.assignment != assignment:
                tablet.assignment, tablet.assignment_revision = assignment, facts.revision
                changed.append(tablet)
            after[device.id] = tablet
        self._tablets[hotel_id] = after
        self._revisions[hotel_id] = facts.revision
        return changed


def assignment_record(tablet: Tablet) -> bytes:
    place = tablet.assignment.place
    record = AssignmentRecord(
        tablet.assignment_revision,
        place.room_id,
        place.floor,
        tuple(sorted(place.access_points)),
        tablet.assignment.policy,
    )
    return msgspec.json.encode(record)
