"""How much is stored that may be worth gathering into minutes before its time (`store.gathering`)."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

STRIDE: Final = 50_000
"""Messages that are added up at a time: SQLite sorts them in memory, which must not grow with what a minute brings."""


class Ungathered:
    """What this process has stored since somebody last waited for it to be much."""

    def __init__(self) -> None:
        self._messages = 0
        self._is_much = asyncio.Event()

    def add(self, messages: int) -> None:
        self._messages += messages
        if self._messages >= STRIDE:
            self._is_much.set()

    async def grown(self, *, within: timedelta) -> bool:
        """Wait until it is a stride, for so long at the most; whether it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                await self._is_much.wait()
        grown = self._is_much.is_set()
        self._messages = 0
        self._is_much.clear()
        return grown
