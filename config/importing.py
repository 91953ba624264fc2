"""Bringing an export of the old system into a hotel: read twice, the house first and then its alerts."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from config.old_export import Found, Unusable, Useless, read
from rules.ids import HotelId
from store import Actor
from store.importing import OldAlert, OldDevice
from store.records import Room

if TYPE_CHECKING:
    from store import Store

SLICE: Final = 500
"""Records of one transaction."""

SHOWN: Final = 5
"""Lines that a report names for each reason."""


class NotUsed(Struct):
    """Lines that were of no use for one reason: how many, and the numbers of the first."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        self.count += 1
        if len(self.lines) < SHOWN:
            self.lines.append(number)


class Report(Struct, kw_only=True, rename="camel"):
    """What became of an export. `…_there`: those that the hotel had."""

    hotel_id: HotelId
    rooms: int = 0
    rooms_there: int = 0
    devices: int = 0
    devices_there: int = 0
    alerts: int = 0
    alerts_there: int = 0
    not_used: dict[Useless, NotUsed] = field(default_factory=dict)

    def refuse(self, why: Useless, number: int) -> None:
        self.not_used.setdefault(why, NotUsed()).add(number)


class Import:
    """One run over one file."""

    def __init__(
        self,
        store: "Store",
        hotel_id: HotelId,
        *,
        shared_token: bool,
        by: Actor,
        now: datetime,
        told: Callable[[int], None],
    ) -> None:
        """`told` hears how many bytes have been read, of twice the file."""
        self._store = store
        self._shared_token = shared_token
        self._by = by
        self._now = now
        self._told = told
        self._read = 0
        self.report = Report(hotel_id=hotel_id)

    async def run(self, file: Path) -> Report:
        """Raises OSError, NotFound (hotel), StoreUnavailable: what was taken over until then stays."""
        await self._take_house(file)
        await self._take_alerts(file)
        return self.report

    async def _take_house(self, file: Path) -> None:
        rooms: dict[str, Room] = {}
        devices: dict[str, OldDevice] = {}
        for number, found in self._lines(file):
            match found:
                case Room():
                    rooms[found.id] = found
                case OldDevice():
                    devices[found.id] = found
                case Useless():
                    self.report.refuse(found, number)
        report = self.report
        report.rooms_there, report.devices_there = len(rooms), len(devices)
        made = 0  # rooms that only tablets name
        for part_of_rooms, part_of_devices in _slices(list(rooms.values()), list(devices.values())):
            taken = await self._store.import_fleet(
                report.hotel_id,
                part_of_rooms,
                part_of_devices,
                shared_token=self._shared_token,
                by=self._by,
                now=self._now,
            )
            report.rooms += taken.rooms
            report.devices += taken.devices
            made += taken.rooms if not part_of_rooms else 0
        report.rooms_there -= report.rooms - made
        report.devices_there -= report.devices

    async def _take_alerts(self, file: Path) -> None:
        waiting: list[tuple[int, OldAlert]] = []
        for number, found in self._lines(file):
            if isinstance(found, OldAlert):
                waiting.append((number, found))
            if len(waiting) >= SLICE:
                await self._store_alerts(waiting)
                waiting = []
        await self._store_alerts(waiting)

    async def _store_alerts(self, waiting: Sequence[tuple[int, OldAlert]]) -> None:
        if not waiting:
            return
        report = self.report
        alerts = [alert for _, alert in waiting]
        taken = await self._store.import_alerts(report.hotel_id, alerts, by=self._by, now=self._now)
        for place in taken.strangers:
            report.refuse(Useless.STRANGER, waiting[place][0])
        report.alerts += taken.alerts
        report.alerts_there += len(waiting) - taken.alerts - len(taken.strangers)

    def _lines(self, file: Path) -> Iterator[tuple[int, Found | Useless]]:
        """The lines of a file that are not empty, by number."""
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                self._read += len(line)
                self._told(self._read)
                if line.strip():
                    yield number, self._found(line)

    def _found(self, line: bytes) -> Found | Useless:
        try:
            return read(line, hotel_id=self.report.hotel_id, now=self._now)
        except Unusable as unusable:
            return unusable.why


def _slices(
    rooms: Sequence[Room], devices: Sequence[OldDevice]
) -> Iterator[tuple[Sequence[Room], Sequence[OldDevice]]]:
    """Rooms first: a tablet's room is made bare where it is not there."""
    for start in range(0, len(rooms), SLICE):
        yield rooms[start : start + SLICE], ()
    for start in range(0, len(devices), SLICE):
        yield (), devices[start : start + SLICE]
