"""The revocations of a database that may not be there yet, for a broker that starts first or stands alone."""

import time
from collections.abc import Callable
from typing import Final

from config.settings_store import DatabaseUrl
from rules.revoked import Revoked
from store import Limits, LocalDoorbell, SchemaTooNew, SchemaTooOld, Store, StoreUnavailable
from store.limits import USUAL

PATIENCE: Final = 30.0
"""Seconds from the start in which whoever makes the database may still be starting."""


class StoreLater:
    """Opens the database when it is asked, and again after it was away.

    Where there is none yet nobody is shut out; where there is none for longer, it is missing.
    """

    def __init__(
        self,
        database: DatabaseUrl,
        *,
        limits: Limits = USUAL,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._limits = limits
        self._store: Store | None = None
        self._monotonic = monotonic
        self._patient_until = monotonic() + PATIENCE

    async def revoked(self, after: int) -> tuple[int, tuple[Revoked, ...]]:
        """As the store's own verb. Raises StoreUnavailable."""
        file = self._database.file
        if file is not None and not file.exists():
            await self.close()
            return self._not_yet(f"there is no {file}: the broker needs the data folder of `innwatch up`")
        try:
            store = self._store or await self._open()
            return await store.revoked(after)
        except SchemaTooOld as error:
            return self._not_yet(str(error))  # the first `up`, or a newer one, is about to make it
        except StoreUnavailable:
            await self.close()
            raise

    async def _open(self) -> Store:
        """Raises SchemaTooOld and StoreUnavailable."""
        try:
            self._store = await Store.open(
                self._database.url, doorbell=LocalDoorbell(), migrate=False, limits=self._limits
            )
        except SchemaTooNew as error:
            raise StoreUnavailable(str(error)) from error
        self._patient_until = self._monotonic()
        return self._store

    def _not_yet(self, why: str) -> tuple[int, tuple[Revoked, ...]]:
        if self._monotonic() < self._patient_until:
            return 0, ()
        raise StoreUnavailable(why)

    async def close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            await store.close()
