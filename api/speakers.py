"""For which tablet a caller speaks: for its own, or by the token that old ones share for those that it is allowed for.

By which way a tablet was heard is noted here, every few minutes: `GET /api/migration` shows it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from api.allowances import Allowance, Allowances
from api.gate import Caller, hotel_of
from api.problems import Refused, Trouble
from rules.ids import DeviceId, HotelId, is_id
from store import Store
from store.records import Way

NOTED_EVERY: Final = 300.0
"""Seconds of the machine's own kind."""

REMEMBERED: Final = 20_000

NOTED_STRANGERS: Final = Allowance(100, timedelta(seconds=1))
"""Of one hotel, that are written down: whoever has the shared token may knock as often as he likes."""

NOT_FOR_IT: Final = "the shared token does not speak for this tablet"
"""Whether or not there is one: who has that token learns of no other tablet."""


class Speakers:
    """Knows who may speak for a tablet; `remembered` are the tablets lately noted, in one process."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime], remembered: int = REMEMBERED) -> None:
        self._store = store
        self._clock = clock
        self._strangers = Allowances(NOTED_STRANGERS, remembered=REMEMBERED)
        self._remembered = remembered
        self._noted: OrderedDict[tuple[HotelId, DeviceId, Way], float] = OrderedDict()

    async def device_of(self, caller: Caller, said: str) -> DeviceId:
        """Return the tablet that a caller names, who may speak for it. Raises Refused (403)."""
        if caller.standing.shared:
            if not is_id(said) or not await self._store.is_spoken_for(hotel_of(caller), DeviceId(said)):
                await self._note_stranger(hotel_of(caller), said)
                raise Refused(Trouble.FORBIDDEN, NOT_FOR_IT)
        elif said != caller.name:
            raise Refused(Trouble.FORBIDDEN, "deviceId is not the token's device")
        return DeviceId(said)

    async def _note_stranger(self, hotel_id: HotelId, said: str) -> None:
        """Have it listed, so that whoever leads the way over sees which tablet is missing; not each time."""
        now = self._clock()
        if is_id(said) and self._strangers.wait(hotel_id, now) <= timedelta():
            self._strangers.count(hotel_id, now)
            await self._store.note_stranger(hotel_id, DeviceId(said), now=now)

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
