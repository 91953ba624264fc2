"""Noting which tablets speak by MQTT: every few minutes for each, and beside the intake, which has no time for it.

`store.contacts` has the rest: what the way over from HTTP is steered by.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from device_bridge.fleet import Fleet
from device_bridge.tablet import Tablet
from store import DataRefused, Store, StoreUnavailable
from store.records import DeviceKey, Way

_log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 10.0
NOTED_EVERY: Final = timedelta(minutes=5)

SLICE: Final = 500
"""Tablets of one transaction."""


class Contacts:
    """Goes round the tablets; a draft marks those that it heard by MQTT."""

    def __init__(self, *, store: Store, fleet: Fleet, now: Callable[[], datetime]) -> None:
        self._store = store
        self._fleet = fleet
        self._now = now
        self._noted: dict[DeviceKey, datetime] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look()
            except StoreUnavailable:
                continue  # the intake reports it; who is marked stays so
            except DataRefused as refusal:
                _log.warning("the database refuses to note who speaks by MQTT", {"error": refusal})

    async def look(self) -> None:
        """Note whoever was heard since and was not noted lately. Raises StoreUnavailable, DataRefused."""
        now = self._now()
        heard = [tablet for tablet in self._fleet if tablet.heard_by_mqtt and self._is_due(tablet, now)]
        for start in range(0, len(heard), SLICE):
            part = heard[start : start + SLICE]
            await self._store.note_contacts([tablet.key for tablet in part], Way.MQTT, now=now)
            for tablet in part:
                tablet.heard_by_mqtt = False
                self._noted[tablet.key] = now

    def _is_due(self, tablet: Tablet, now: datetime) -> bool:
        noted = self._noted.get(tablet.key)
        return noted is None or not noted <= now < noted + NOTED_EVERY  # The clock may be set back.
