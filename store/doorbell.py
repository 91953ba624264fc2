"""The doorbell: tells readers that there may be something new, and nothing more.

It carries no data and may be lost, so every reader also looks by itself (`Bell.wait` has a timeout). Ringing is
thread-safe and cheap; rings between two looks are one ring.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Bell(Protocol):
    """One listener's end."""

    async def wait(self, timeout: float) -> None:  # noqa: ASYNC109 - the caller's own look-out, not a limit on work
        """Return when it was rung since the last return, else after `timeout` seconds."""


class Doorbell(Protocol):
    def ring(self) -> None:
        """Wake every listener. From any thread; never blocks, never raises."""

    def listen(self) -> AbstractContextManager[Bell]:
        """Hear every ring from now until the context ends. Call it on the event loop that will wait."""


class _LocalBell:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    async def wait(self, timeout: float) -> None:  # noqa: ASYNC109 - see Bell
        try:
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()

    def ring(self) -> None:
        if self._rung.is_set():
            return  # Not heard yet: saves waking the loop once per commit of a storm.
        try:
            self._loop.call_soon_threadsafe(self._rung.set)
        except RuntimeError:
            return  # The listener's loop has ended; its context will too.


class LocalDoorbell:
    """The doorbell within one process, across its threads and loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: tuple[_LocalBell, ...] = ()

    def ring(self) -> None:
        for bell in self._bells:
            bell.ring()

    @contextmanager
    def listen(self) -> Iterator[Bell]:
        bell = _LocalBell()
        with self._lock:
            self._bells = (*self._bells, bell)
        try:
            yield bell
        finally:
            with self._lock:
                self._bells = tuple(other for other in self._bells if other is not bell)
