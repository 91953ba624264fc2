"""Learning access points that stand in no room's list: two tablets of different rooms were on it, each in its room.

That a tablet is in its room is known, whatever it is connected to, by what it hears: one of its room's own access
points is among its neighbours. One tablet alone proves nothing, for whoever carries it off may bring a network along.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from device_bridge.tablet import Tablet
from rules.ids import HotelId, RoomId
from rules.messages import Heartbeat
from rules.place import normal_bssid
from store import INNWATCH, DataRefused, NotFound, Store, StoreUnavailable

_log = logging.getLogger(__name__)

ROOMS: Final = 2
_EVERY_S: Final = 2.0
AT_MOST: Final = 500
"""Candidates of one hotel in memory, for a tablet may make up names; of more, the one not heard for longest goes."""


class _Candidate:
    def __init__(self) -> None:
        self.rooms: set[RoomId] = set()
        self.ssid: str | None = None


class Learning:
    """The intake calls `take` after each commit; `run` writes down what was learned."""

    def __init__(self, *, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._heard: dict[HotelId, dict[str, _Candidate]] = {}

    def take(self, strange: Iterable[tuple[Tablet, Heartbeat]]) -> None:
        """Take note of heartbeats on access points that are not known as the hotel's."""
        for tablet, beat in strange:
            bssid, room_id = normal_bssid(beat.wifi_bssid or ""), tablet.room_id
            if bssid is None or room_id is None or not _is_in_its_room(tablet, beat):
                continue
            heard = self._heard.setdefault(tablet.hotel_id, {})
            candidate = heard[bssid] = heard.pop(bssid) if bssid in heard else _Candidate()
            candidate.rooms.add(room_id)
            candidate.ssid = beat.wifi_ssid or candidate.ssid
            if len(heard) > AT_MOST:
                del heard[next(iter(heard))]

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Write what is known well enough; what cannot be written is tried again."""
        known = [
            (hotel_id, bssid, candidate)
            for hotel_id, heard in self._heard.items()
            for bssid, candidate in heard.items()
            if len(candidate.rooms) >= ROOMS
        ]
        for hotel_id, bssid, candidate in known:
            try:
                await self._store.learn_access_point(
                    hotel_id, bssid, ssid=candidate.ssid, rooms=candidate.rooms, by=INNWATCH, now=self._now()
                )
            except StoreUnavailable:
                return  # the intake reports it
            except (DataRefused, NotFound) as refusal:
                _log.warning("the database refuses an access point", {"hotel": hotel_id, "error": refusal})
            self._heard[hotel_id].pop(bssid, None)


def _is_in_its_room(tablet: Tablet, beat: Heartbeat) -> bool:
    own = tablet.assignment.place.access_points
    return any(normal_bssid(neighbour.bssid or "") in own for neighbour in beat.aps or ())
