"""A process's hold on a lease: waited for, renewed, given up at the end.

Two numbers promise that a stand-by has taken over within ten seconds: a lease lasts for TTL, and LOOK later at the
latest somebody tries to take it.
"""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from config.waiting import NotYet, Waiting
from store import Lease, Store, StoreUnavailable

TTL: Final = timedelta(seconds=6)
RENEW: Final = timedelta(seconds=2)
LOOK: Final = timedelta(seconds=1)

_FAREWELL_S = 2.0

_log = logging.getLogger(__name__)


def awake() -> float:
    """Seconds that go on while this process is stopped, and while the whole machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Tenure:
    """One process's hold on the lease called `name`. `take` it, then `keep` it, then `give_up`."""

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        ttl: timedelta = TTL,
        renew: timedelta = RENEW,
        look: timedelta = LOOK,
        clock: Callable[[], float] = awake,
    ) -> None:
        self._store = store
        self._name = name
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._ttl = ttl
        self._renew = renew
        self._look = look
        self._clock = clock
        self._lease: Lease | None = None
        self._was_away = False  # the database
        self._sure_until = 0.0

    def is_sure(self) -> bool:
        """Whether nobody else can have taken it. A process that was frozen meanwhile cannot know, and must ask."""
        return self._lease is not None and self._clock() < self._sure_until

    async def take(self, waiting: Waiting) -> Lease:
        """Take the lease as soon as nobody has it."""
        stands_by = False
        while True:
            lease = await waiting.until(self._try)
            waiting.over()
            if lease is not None:
                self._lease = lease
                _log.warning("the lease is ours", {"lease": lease.name, "generation": lease.generation})
                return lease
            if not stands_by:
                stands_by = True
                _log.info("standing by, another process has the lease", {"lease": self._name})
            await asyncio.sleep(self._look.total_seconds())

    async def keep(self) -> None:
        """Renew it until cancelled. Raises LeaseLost."""
        lease = self._held()
        while True:
            pause = self._renew
            asked = self._clock()
            try:
                await self._store.renew_lease(lease, ttl=self._ttl)
                self._sure_until = asked + self._ttl.total_seconds()
            except StoreUnavailable as error:
                _log.warning("the lease cannot be renewed, trying again", {"lease": self._name, "error": error})
                pause = min(self._look, self._renew)
            await asyncio.sleep(pause.total_seconds())

    async def give_up(self) -> None:
        """Let another take over at once. What fails here is made good by time."""
        lease, self._lease = self._lease, None
        if lease is not None:
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await self._store.give_up_lease(lease)

    async def _try(self) -> Lease | None:
        try:
            if self._was_away:
                await self._let_the_holder_renew()
            asked = self._clock()
            lease = await self._store.take_lease(self._name, holder=self._holder, ttl=self._ttl)
        except StoreUnavailable as error:
            self._was_away = True
            raise NotYet("the database does not answer", detail=str(error)) from error
        self._sure_until = asked + self._ttl.total_seconds()
        return lease

    async def _let_the_holder_renew(self) -> None:
        """Once the database answers again: its lease has run out meanwhile, and it is as well as before."""
        await self._store.newest_events()
        await asyncio.sleep((self._renew + self._look).total_seconds())
        self._was_away = False

    def _held(self) -> Lease:
        if self._lease is None:
            raise RuntimeError("a lease must be taken before it is kept")
        return self._lease
