"""A transport in memory, whose other end the fuzzer holds: it reads when it wants to, and may break off at any time."""

import asyncio
from typing import Any


class Pipe(asyncio.Transport):
    """Behaves as asyncio's own do: no calls back from within a call, except for `pause_writing`."""

    def __init__(self, protocol: asyncio.Protocol, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.said = bytearray()  # what the broker wrote and the client has read
        self.reads = True  # the client does
        self._unread = bytearray()
        self._unheard: list[bytes] = []  # what the client sent while the broker read nothing
        self._protocol, self._loop = protocol, loop
        self._high = 64 * 1024
        self._paused = self._full = self._closing = self.is_lost = False
        protocol.connection_made(self)

    # The client's end

    def say(self, data: bytes) -> None:
        if self._paused or self._unheard:
            self._unheard.append(data)
        elif not self._closing and data:
            self._protocol.data_received(data)

    def read(self) -> None:
        """Take what there is, and go on to take it as it comes."""
        self.reads = True
        self.said += self._unread
        self._unread.clear()
        if self._full:
            self._full = False
            self._protocol.resume_writing()
        if self._closing:
            self._lose_soon()

    def cut(self) -> None:
        """Break off."""
        self._closing = True
        self._lose_soon()

    # The broker's end

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not isinstance(data, memoryview)
        if self.is_lost or self._closing:
            return
        if self.reads:
            self.said += data
            return
        self._unread += data
        if len(self._unread) > self._high and not self._full:
            self._full = True
            self._protocol.pause_writing()

    def close(self) -> None:
        self._closing = True
        if not self._unread:
            self._lose_soon()

    def abort(self) -> None:
        self.cut()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._loop.call_soon(self._hear)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high or self._high

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401, asyncio's own signature
        return ("127.0.0.1", 1) if name == "peername" else default

    @property
    def unread(self) -> int:
        return len(self._unread)

    def _hear(self) -> None:
        while self._unheard and not self._paused and not self._closing:
            self._protocol.data_received(self._unheard.pop(0))

    def _lose_soon(self) -> None:
        self._loop.call_soon(self._lose)

    def _lose(self) -> None:
        if not self.is_lost:
            self.is_lost = True
            self._protocol.connection_lost(None)
