"""Writing, many at once, the states that nothing but heartbeats as usual have moved (docs/adr/0017, `store.states`).

Nothing is lost without it: each of those heartbeats is stored. It keeps short what whoever reads a state has to add.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from device_bridge.draft import Draft
from device_bridge.tablet import Tablet
from store import DataRefused, Store, StoreUnavailable
from store.batch import Batch
from store.records import DeviceKey

_log = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=10)
MESSAGES: Final = 20_000
"""Sooner when so many have been stored since: a reader looks at each of them."""

SLICE: Final = 500
"""States of one transaction: about a millisecond."""


class CatchingUp:
    """Goes round the tablets that were heard; the intake calls it between batches, when memory is what is stored."""

    def __init__(self, *, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._behind: dict[DeviceKey, Tablet] = {}
        self._messages = 0
        self._begun_at = now()
        self._round: list[Tablet] = []  # those of this round that are still to be written
        self._upto = 0  # the message that all of them have reached

    def follow(self, draft: Draft) -> None:
        """Take note of what was committed and adopted."""
        self._behind.update(draft.states.tablets)
        self._messages += len(draft.batch.messages)

    async def step(self) -> None:
        """Write the next slice, if it is time; raises nothing, a round that fails is begun anew later."""
        try:
            if not self._round:
                if not self._is_time():
                    return
                await self._begin()
            await self._write_slice()
        except StoreUnavailable:
            self._give_up()  # the intake reports it
        except DataRefused as refusal:
            _log.warning("the database refuses the state of a tablet", {"error": refusal})
            self._give_up()

    def _is_time(self) -> bool:
        since = self._now() - self._begun_at
        # The clock may have been set back.
        return bool(self._behind) and (self._messages >= MESSAGES or not timedelta(0) <= since < EVERY)

    async def _begin(self) -> None:
        self._upto = await self._store.newest_message()
        self._begun_at, self._messages = self._now(), 0
        self._round = [tablet for _, tablet in sorted(self._behind.items(), reverse=True)]
        self._behind = {}

    async def _write_slice(self) -> None:
        """In order of key: neighbours share a page. The last slice says how far all of them have come."""
        part, self._round = self._round[-SLICE:], self._round[:-SLICE]
        states = {tablet.key: tablet.state for tablet in part}
        upto = None if self._round else self._upto
        try:
            await self._store.apply(Batch(received_at=self._now(), states=states, caught_up=upto))
        except BaseException:
            self._round += part
            raise

    def _give_up(self) -> None:
        self._behind = {tablet.key: tablet for tablet in self._round} | self._behind
        self._begun_at, self._round = self._now(), []
