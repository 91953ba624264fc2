"""Replays that people asked for over HTTP, done one after the other: each in a process of its own, and of low priority.

Judging a million inputs again takes a core for ten seconds; the process that answers tablets or people has none to
spare. What is asked for stands in the database, so it is done whoever was asked, and whichever process is left.
"""

import asyncio
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from config.settings import Settings
from store import DataRefused, Store, StoreUnavailable
from store.replaying import Taken

LOOK_EVERY: Final = 1.0
"""Seconds between two looks for one that waits."""

_FAREWELL: Final = 5.0

_log = logging.getLogger(__name__)


class Replayer:
    """`command` begins a command of ours in another process."""

    def __init__(self, store: Store, *, command: Sequence[str], now: Callable[[], datetime]) -> None:
        self._store = store
        self._command = command
        self._now = now

    @classmethod
    def of(cls, store: Store, settings: Settings, *, now: Callable[[], datetime]) -> "Replayer":
        """One whose processes work on the same installation."""
        command = [sys.executable, "-m", "config.cli", "replay", "--data", str(settings.data)]
        return cls(store, command=command, now=now)

    async def run(self, *, look_every: float = LOOK_EVERY) -> None:
        """Do what waits, until cancelled."""
        while True:
            await asyncio.sleep(look_every)
            with suppress(StoreUnavailable, DataRefused):  # The intake reports it.
                if await self._store.replays_wait():
                    taken = await self._store.take_replay(now=self._now())
                    if taken is not None:
                        await self._do(taken)

    async def _do(self, taken: Taken) -> None:
        words = [taken.hotel_id, "--asked", taken.id]
        process = await asyncio.create_subprocess_exec(
            *self._command, *words, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
        )
        try:
            _, said = await process.communicate()
        finally:
            if process.returncode is None:
                process.terminate()
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), _FAREWELL)
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines()
            error = lines[-1].removeprefix("innwatch: ") if lines else f"it ended with code {process.returncode}"
            _log.error("a replay failed", {"hotel": taken.hotel_id, "replay": taken.id, "error": error})
            await self._store.end_replay(taken.hotel_id, taken.id, error=error, now=self._now())
