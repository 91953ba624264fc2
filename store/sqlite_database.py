"""SQLite as the open database: one writer, and a few readers that it does not disturb."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Self

from store.database import Database, T, Work
from store.doorbell import Doorbell
from store.gate import Gate
from store.sqlite import ReadLane, WriteLane
from store.transaction import Dialect, Row, Value

READERS = 2
WRITER_CACHE_KIB = 16 * 1024
READER_CACHE_KIB = 4 * 1024


class SqliteDatabase(Database):
    """Writers go one by one through the gate, readers as lanes are free."""

    dialect = Dialect.SQLITE

    def __init__(self, writer: WriteLane, readers: list[ReadLane], *, doorbell: Doorbell) -> None:
        super().__init__(doorbell)
        self._writer = writer
        self._readers = readers
        self._free: asyncio.LifoQueue[ReadLane] = asyncio.LifoQueue()  # The last used has the warmest cache.
        for lane in readers:
            self._free.put_nowait(lane)
        self._gate = Gate()
        writer.committed = self._committed

    @classmethod
    async def open(cls, path: Path, *, doorbell: Doorbell, lock_timeout: timedelta) -> Self:
        """Open a file whose schema is current. Raises StoreUnavailable."""
        writer = await WriteLane.open(path, cache_kib=WRITER_CACHE_KIB)
        writer.lock_timeout = lock_timeout
        readers: list[ReadLane] = []
        try:
            for _ in range(READERS):
                readers.append(await ReadLane.open(path, cache_kib=READER_CACHE_KIB))  # noqa: PERF401 - closed below
        except BaseException:
            for lane in (*readers, writer):
                await lane.close()
            raise
        return cls(writer, readers, doorbell=doorbell)

    async def read(self, work: Work[T]) -> T:
        lane = await self._free.get()
        try:
            return await lane.read(work)
        finally:
            self._free.put_nowait(lane)

    async def ask(self, sql: str, **values: Value) -> list[Row]:
        return await self.read(lambda transaction: transaction.rows(sql, **values))

    async def write(self, work: Work[T]) -> T:
        await self._gate.enter(self._gate.urgent)
        try:
            return await self._writer.write(self._guarded(work))
        finally:
            self._gate.leave()

    async def write_batch(self, work: Work[T]) -> T:
        await self._gate.enter(self._gate.patient)
        try:
            return await self._writer.write(self._guarded(work))
        finally:
            self._gate.leave()

    write_alone = write_batch

    async def close(self) -> None:
        """As always; and the last to close folds the log back into the file."""
        for lane in (*self._readers, self._writer):
            await lane.close()
