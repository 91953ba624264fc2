"""What a store learned of its database, and what stays so: the keys of hotels and tablets, and which days are made.

On PostgreSQL each question is a round trip, and a row's foreign keys cost as much as the row. Hotels and tablets are
never deleted, so one that was seen is there; days are dropped by whoever stores messages and by nobody else.
"""

from collections.abc import Sequence

from rules.ids import HotelId
from store import partitions
from store.batch import StoredMessage
from store.errors import DataRefused
from store.records import DeviceKey
from store.transaction import Transaction


class Known:
    def __init__(self) -> None:
        self.hotels: dict[HotelId, int] = {}
        self.devices: set[DeviceKey | None] = {None}
        self.days: set[int] = set()
        self.last_day = 0  # that has messages; later than today where the clock was set back

    def hotel_key(self, transaction: Transaction, hotel_id: HotelId) -> int:
        """Raises DataRefused."""
        key = self.hotels.get(hotel_id)
        if key is None:
            row = transaction.row("SELECT key FROM hotel WHERE id = :hotel", hotel=hotel_id)
            if row is None:
                raise DataRefused(f"no hotel {hotel_id}")
            key = self.hotels[hotel_id] = int(row[0])
        return key

    def suffices(self, messages: Sequence[StoredMessage]) -> bool:
        """Whether these can be stored without learning anything."""
        return (
            self.devices.issuperset({message.device_key for message in messages})
            and self.hotels.keys() >= {message.hotel_id for message in messages}
            and self.days.issuperset({partitions.day_of(message.received_at) for message in messages})
        )

    def learn(self, transaction: Transaction, messages: Sequence[StoredMessage]) -> None:
        """Find out what these need. Days that nobody made are made, and known the next time that they are needed.

        Raises DataRefused: no such hotel, or no such tablet.
        """
        self.hotels.update(_hotels(transaction, {message.hotel_id for message in messages} - self.hotels.keys()))
        self.devices |= _devices(transaction, {message.device_key for message in messages} - self.devices)
        days = {partitions.day_of(message.received_at) for message in messages}
        if not days <= self.days:
            self.days = partitions.days(transaction)
            self.last_day = max(self.last_day, _last_with_messages(transaction, self.days, after=max(days)))
            if not days <= self.days:
                partitions.make(transaction, days)


def _last_with_messages(transaction: Transaction, days: set[int], *, after: int) -> int:
    """The last day of those `after` a day that has any; 0: none has, as it should be."""
    for day in sorted((day for day in days if day > after), reverse=True):
        first = day * partitions.DAY
        found = transaction.row(
            "SELECT 1 FROM message WHERE received_at >= :first AND received_at < :end LIMIT 1",
            first=first,
            end=first + partitions.DAY,
        )
        if found is not None:
            return day
    return 0


def _hotels(transaction: Transaction, ids: set[HotelId]) -> dict[HotelId, int]:
    rows = transaction.rows("SELECT id, key FROM hotel WHERE id = ANY(:ids)", ids=list(ids)) if ids else []
    found = {HotelId(row[0]): int(row[1]) for row in rows}
    for hotel_id in ids - found.keys():
        raise DataRefused(f"no hotel {hotel_id}")
    return found


def _devices(transaction: Transaction, keys: set[DeviceKey | None]) -> set[DeviceKey | None]:
    rows = transaction.rows("SELECT key FROM device WHERE key = ANY(:keys)", keys=list(keys)) if keys else []
    found: set[DeviceKey | None] = {DeviceKey(row[0]) for row in rows}
    for key in keys - found:
        raise DataRefused(f"no tablet with the key {key}")
    return found
