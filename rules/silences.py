"""Tablets that are silent, counted by where they were and by when it began.

A whole hotel may fall silent within a minute, and each silence asks how many others there are: so the answers are kept
up, and none of them looks at each tablet. Like `rules.outages`, and unlike all other records of the rules, it is
changed in place; whoever may have to take that back works on a copy, which shares with its original what neither has
changed since.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from rules.absence import Absent, Spot
from rules.gap import Gap
from rules.ids import DeviceId
from rules.incident import Scope

WITHIN: Final = timedelta(seconds=90)
"""So near to each other silences must begin to have one cause."""

_EVERYWHERE: Final = Spot(Scope.HOTEL)  # where every tablet is


class Silences:
    """Some of a hotel's tablets that are silent, in the order in which they were added."""

    def __init__(self, absent: Mapping[DeviceId, Absent] | None = None) -> None:
        self._absent: dict[DeviceId, Absent] = {}
        self._there: dict[Spot, dict[DeviceId, Absent]] = {}
        self._since: dict[Spot, list[datetime]] = {}  # in order of time
        self._own: set[Spot] = set()  # of which the two above are shared with no copy
        for device_id, one in (absent or {}).items():
            self.add(device_id, one)

    def __contains__(self, device_id: object) -> bool:
        return device_id in self._absent

    def __len__(self) -> int:
        return len(self._absent)

    def __iter__(self) -> Iterator[DeviceId]:
        return iter(self._absent)

    def items(self) -> list[tuple[DeviceId, Absent]]:
        return list(self._absent.items())

    def copy(self) -> "Silences":
        twin = Silences()
        twin._absent = dict(self._absent)
        twin._there, twin._since = dict(self._there), dict(self._since)
        self._own = set()
        return twin

    def shifted(self, gap: Gap) -> "Silences":
        """With every beginning moved by the time in which we heard nobody."""
        moved = {name: replace(one, since=gap.moved(one.since)) for name, one in self._absent.items()}
        return Silences(moved)

    def add(self, device_id: DeviceId, absent: Absent) -> None:
        self.remove(device_id)
        self._absent[device_id] = absent
        for spot in absent.spots:
            self._make_own(spot)
            self._there[spot][device_id] = absent
            insort(self._since[spot], absent.since)

    def remove(self, device_id: DeviceId) -> None:
        """Without it, if it was there."""
        absent = self._absent.pop(device_id, None)
        if absent is None:
            return
        for spot in absent.spots:
            self._make_own(spot)
            since = self._since[spot]
            del self._there[spot][device_id]
            del since[bisect_left(since, absent.since)]
            if not since:  # an outage of ours is a spot of its own, which nobody is at ever again
                del self._there[spot], self._since[spot]
                self._own.discard(spot)

    def there(self, spot: Spot) -> Mapping[DeviceId, Absent]:
        return self._there.get(spot, {})

    def near(self, at: datetime, spot: Spot = _EVERYWHERE) -> int:
        """How many of a spot fell silent near enough to this moment to have the cause of one that did so then."""
        since = self._since.get(spot)
        return 0 if since is None else bisect_left(since, at + WITHIN) - bisect_right(since, at - WITHIN)

    def began(self, at: datetime, spot: Spot) -> datetime | None:
        """When the first of those near to this moment fell silent."""
        since = self._since.get(spot, [])
        first = bisect_right(since, at - WITHIN)
        return since[first] if first < len(since) else None

    def long_before(self, at: datetime) -> list[DeviceId]:
        """Those that fell silent too long before this moment to have the cause of one that did so then."""
        since = self._since.get(_EVERYWHERE)
        if since is None or since[0] > at - WITHIN:
            return []
        return [name for name, one in self._absent.items() if one.since <= at - WITHIN]

    def _make_own(self, spot: Spot) -> None:
        if spot not in self._own:
            self._own.add(spot)
            self._there[spot] = dict(self._there.get(spot, {}))
            self._since[spot] = list(self._since.get(spot, []))
