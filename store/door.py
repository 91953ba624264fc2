"""The one door: opening the database, and all verbs on one object."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final, Self

from store.alerts import Alerts
from store.commands import Commands
from store.database import Database
from store.doorbell import Doorbell
from store.errors import StoreUnavailable
from store.events import Events
from store.fleet import Fleet
from store.gathering import gather
from store.history import History
from store.inbox import Inbox
from store.intake import Intake
from store.lease import Leases
from store.ledger import Ledger
from store.outbox import Outbox
from store.people import People
from store.revocations import Revocations
from store.schema import is_current, move_to
from store.sqlite import LOCK_TIMEOUT, path_of
from store.states import States

GATHER_EVERY: Final = timedelta(minutes=1)
"""What is newer is read message by message: 10 ms for the 30,000 that 2,000 tablets send in a minute."""


class Store(
    Fleet, People, Revocations, Intake, Events, Alerts, Outbox, Ledger, History, States, Inbox, Commands, Leases
):
    """An open database. Used on the event loop that opened it.

    Every verb may raise StoreUnavailable; every writing verb may raise DataRefused. A verb that is cancelled has
    happened whole or not at all.
    """

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        doorbell: Doorbell,
        migrate: bool = True,
        lock_timeout: timedelta = LOCK_TIMEOUT,
    ) -> Self:
        """Open `sqlite+aiosqlite:///path`, making and migrating it where needed.

        `doorbell` is rung after each commit that others may wait for. `lock_timeout` is how long a write waits for
        another process. Raises SchemaTooNew, SchemaTooOld (only with migrate=False), StoreUnavailable.
        """
        path = path_of(url)
        if not await asyncio.to_thread(is_current, path, migrate=migrate):
            await asyncio.to_thread(move_to, path, lock_timeout=lock_timeout)
        return cls(await Database.open(path, doorbell=doorbell, lock_timeout=lock_timeout))

    def __init__(self, database: Database) -> None:
        self._database = database

    async def close(self) -> None:
        """Finish what is under way and close. Verbs called after this raise StoreUnavailable."""
        await self._database.close()

    async def tend(self, *, every: timedelta = GATHER_EVERY) -> None:
        """Run until cancelled, beside the verbs, in the process that writes most: keeps `history` quick.

        Without it everything stays right and a device's history gets slower with each message that is stored.
        """
        while True:
            await asyncio.sleep(every.total_seconds())
            with contextlib.suppress(StoreUnavailable):  # Later, then: it goes on where it was.
                await gather(self._database)
