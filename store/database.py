"""The open database: one writer, a few readers, and the doorbell that rings after a commit."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Self, TypeVar

from store.doorbell import Doorbell
from store.gate import Gate
from store.recent import Recent
from store.sqlite import ReadLane, Work, WriteLane
from store.transaction import Transaction

T = TypeVar("T")

READERS = 2
WRITER_CACHE_KIB = 16 * 1024
READER_CACHE_KIB = 4 * 1024


class Database:
    """Hands each verb a transaction: writers one by one through the gate, readers as lanes are free."""

    def __init__(self, writer: WriteLane, readers: list[ReadLane], *, doorbell: Doorbell) -> None:
        self._writer = writer
        self._readers = readers
        self._free: asyncio.LifoQueue[ReadLane] = asyncio.LifoQueue()  # The last used has the warmest cache.
        for lane in readers:
            self._free.put_nowait(lane)
        self._gate = Gate()
        self._doorbell = doorbell
        self.recent = Recent()
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
        """Do `work` on a snapshot. Raises StoreUnavailable and what `work` raises."""
        lane = await self._free.get()
        try:
            return await lane.read(work)
        finally:
            self._free.put_nowait(lane)

    async def write(self, work: Work[T]) -> T:
        """Do `work` before any batch that waits. Raises DataRefused, StoreUnavailable and what `work` raises."""
        await self._gate.enter(self._gate.urgent)
        try:
            return await self._writer.write(work)
        finally:
            self._gate.leave()

    async def write_batch(self, work: Work[T]) -> T:
        """Do `work` when nobody is in a hurry; else as `write`."""
        await self._gate.enter(self._gate.patient)
        try:
            return await self._writer.write(work)
        finally:
            self._gate.leave()

    async def close(self) -> None:
        """Finish what was begun, then close. The last to close folds the log back into the file."""
        for lane in (*self._readers, self._writer):
            await lane.close()

    def _committed(self, transaction: Transaction) -> None:
        if transaction.recorded:
            self.recent.add(transaction.recorded)  # Before the bell: who hears it finds them.
        if transaction.news:
            self._doorbell.ring()
