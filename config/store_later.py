"""The revocations of a database that may not be there yet, for a broker that starts first or stands alone."""

from pathlib import Path

from rules.revoked import Revoked
from store import LocalDoorbell, SchemaTooNew, SchemaTooOld, Store, StoreUnavailable


class StoreLater:
    """Opens the database when it is asked, and again after it was away. Where there is none yet, nobody is shut out."""

    def __init__(self, path: Path, url: str) -> None:
        self._path = path
        self._url = url
        self._store: Store | None = None
        self._was_there = False

    async def revoked(self, after: int) -> tuple[int, tuple[Revoked, ...]]:
        """As the store's own verb. Raises StoreUnavailable."""
        if not self._path.exists():
            await self.close()
            if self._was_there:
                raise StoreUnavailable(f"{self._path} is gone")
            return 0, ()
        try:
            store = self._store or await self._open()
            return await store.revoked(after)
        except SchemaTooOld:
            return 0, ()  # the first `up`, or a newer one, is about to make it
        except StoreUnavailable:
            await self.close()
            raise

    async def _open(self) -> Store:
        """Raises SchemaTooOld and StoreUnavailable."""
        try:
            self._store = await Store.open(self._url, doorbell=LocalDoorbell(), migrate=False)
        except SchemaTooNew as error:
            raise StoreUnavailable(str(error)) from error
        self._was_there = True
        return self._store

    async def close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            await store.close()
