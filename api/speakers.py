"""For which tablet a caller speaks: for its own, or by the token that old ones share for those that it is allowed for.

By which way a tablet was heard is noted here, every few minutes: `GET /api/migration` shows it.
"""

import time
from collections import OrderedDict
from datetime import datetime
from typing import Final

from api.gate import Caller, hotel_of
from api.problems import Refused, Trouble
from rules.ids import DeviceId, HotelId, is_id
from store import Store
from store.records import Way

NOTED_EVERY: Final = 300.0
"""Seconds of the machine's own kind."""

REMEMBERED: Final = 20_000

NOT_FOR_IT: Final = "the shared token does not speak for this tablet"
"""Whether or not there is one: who has that token learns of no other tablet."""


class Speakers:
    """Knows who may speak for a tablet; `remembered` are the tablets lately noted, in one process."""

    def __init__(self, store: Store, *, remembered: int = REMEMBERED) -> None:
        self._store = store
        self._remembered = remembered
        self._noted: OrderedDict[tuple[HotelId, DeviceId, Way], float] = OrderedDict()

    async def device_of(self, caller: Caller, said: str) -> DeviceId:
        """Return the tablet that a caller names, who may speak for it. Raises Refused (403)."""
        if caller.standing.shared:
            if not is_id(said) or not await self._store.is_spoken_for(hotel_of(caller), DeviceId(said)):
                raise Refused(Trouble.FORBIDDEN, NOT_FOR_IT)
        elif said != caller.name:
            raise Refused(Trouble.FORBIDDEN, "deviceId is not the token's device")
        return DeviceId(said)

    async def heard(self, caller: Caller, device_id: DeviceId, *, now: datetime) -> None:
        """Note by which way a tablet spoke, unless that was noted lately."""
        way = Way.LEGACY_TOKEN if caller.standing.shared else Way.HTTP
        key, at = (hotel_of(caller), device_id, way), time.monotonic()
        if at - self._noted.get(key, -NOTED_EVERY) < NOTED_EVERY:
            return
        await self._store.note_contact(hotel_of(caller), device_id, way, now=now)
        self._noted[key] = at
        self._noted.move_to_end(key)
        if len(self._noted) > self._remembered:
            self._noted.popitem(last=False)
