"""Who lives where while history is judged again: a hotel's devices, and what each of them is judged by at this row.

Where one lives matters to the others, so all of them are placed anew (`settle`) before anything needs it: rooms and
assignments come in rows of thousands.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from rules.ids import DeviceId, HotelId, RoomId
from rules.inputs import AssignmentRecord, InventoryRecord, StoredInput
from rules.place import assignments
from rules.policy import Assignment, Place, Policy, Profile
from rules.room_status import NOTHING_SAID, RoomStatus
from rules.state import DeviceState

Change = Callable[[Assignment], Assignment]
"""What a proposal makes of an assignment; the same one where it changes nothing."""

_NO_ROOMS: Final = InventoryRecord(0, Profile.NORMAL, ())
_NOWHERE: Final = RoomId("")  # no room has this name


class Watched:
    """One device between two rows. `own` is what it was judged by, `assignment` what the proposal makes of that.

    `reckoned`: its deadlines are (`rules.reckoning`, whose `due` and `besides` are); once they were, those that passed
    live mean nothing to it any more.
    """

    __slots__ = (
        "added_at",
        "assignment",
        "besides",
        "due",
        "id",
        "key",
        "own",
        "policy",
        "reckoned",
        "revision",
        "room_id",
        "state",
    )

    def __init__(self, key: int, device_id: DeviceId, hotel_id: HotelId) -> None:
        self.key = key
        self.id = device_id
        self.revision = 0
        self.room_id: RoomId | None = None
        self.added_at: datetime | None = None
        self.policy = Policy()
        self.own = Assignment(hotel_id=hotel_id, device_id=device_id, place=Place(), policy=self.policy)
        self.assignment = self.own
        self.state = DeviceState()
        self.reckoned = False
        self.due: datetime | None = None
        self.besides: datetime | None = None


class Register:
    """`moved` is told of each device that is judged by something else from now on, or may be."""

    def __init__(self, hotel_id: HotelId, *, moved: Callable[[Watched], None]) -> None:
        self.is_settled = True
        self._hotel_id = hotel_id
        self._moved = moved
        self._devices: dict[int | None, Watched] = {}  # nobody is None
        self._inventory = _NO_ROOMS
        self._statuses: dict[RoomId, RoomStatus] = {}
        self._change: Change | None = None

    def __iter__(self) -> Iterator[Watched]:
        yield from self._devices.values()

    def of(self, one: StoredInput) -> Watched | None:
        """The device of a row; None where it has none, or the rows before are gone in which it came."""
        return self._devices.get(one.device)

    def find(self, device_id: DeviceId) -> Watched | None:
        return next((device for device in self._devices.values() if device.id == device_id), None)

    def add(self, one: StoredInput) -> Watched:
        """The device of a row of a device, known from now on."""
        assert one.device is not None and one.device_id is not None  # noqa: PT018, S101 - a row of a device
        device = self._devices[one.device] = Watched(one.device, one.device_id, self._hotel_id)
        return device

    def remove(self, device: Watched) -> None:
        device.due = None
        del self._devices[device.key]
        self.is_settled = False

    def move(self, device: Watched, record: AssignmentRecord) -> None:
        device.id, device.room_id = record.device_id or device.id, record.room_id
        device.policy, device.added_at, device.revision = record.policy, record.added_at, record.revision
        self.is_settled = False

    def furnish(self, inventory: InventoryRecord) -> None:
        """From now on the hotel has these rooms.

        What it says of rooms is what was known at a beginning: of those of which a word was replayed, more is known.
        """
        self._inventory = inventory
        self._statuses = {**inventory.statuses, **self._statuses}
        self.is_settled = False

    def status(self, room_id: RoomId | None) -> RoomStatus:
        """What the hotel's systems say of a room."""
        return NOTHING_SAID if room_id is None else self._statuses.get(room_id, NOTHING_SAID)

    def learn(self, room_id: RoomId, status: RoomStatus) -> Iterator[Watched]:
        """From now on this is known of a room; each of its devices, in order of id, once it is judged by that."""
        self._statuses[room_id] = status
        here = [device for device in self._devices.values() if device.room_id == room_id]
        for device in sorted(here, key=lambda device: device.id):
            self._assign(device, replace(device.own, room=status))
            yield device

    def propose(self, change: Change) -> None:
        """From now on devices are judged by what `change` makes of what they were judged by."""
        self.settle()
        self._change = change
        for device in self._devices.values():
            self._assign(device, device.own)

    def proposed(self, own: Assignment) -> Assignment:
        """What is made by the proposal of what a device was judged by."""
        return own if self._change is None else self._change(own)

    def settle(self) -> None:
        """Give every device what it is judged by: its place from the rooms, its policy from its row."""
        self.is_settled = True
        devices = tuple(self._devices.values())
        belongs = assignments(
            self._hotel_id,
            profile=self._inventory.profile,
            rooms=self._inventory.rooms,
            devices=[(device.id, device.room_id or _NOWHERE) for device in devices],
            timezone=self._inventory.timezone,
            added={device.id: device.added_at for device in devices if device.added_at is not None},
            windows=self._inventory.windows,
            learned=self._inventory.learned,
            confirmed=self._inventory.confirmed,
        )
        for device in devices:
            own = belongs[device.id]
            self._assign(device, replace(own, policy=device.policy, room=self.status(own.place.room_id)))

    def _assign(self, device: Watched, own: Assignment) -> None:
        device.own = own
        device.assignment = self.proposed(own)
        device.reckoned = device.reckoned or device.assignment != own
        device.due = None
        self._moved(device)
