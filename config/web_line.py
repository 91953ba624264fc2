"""One HTTP connection: uvicorn's, which is quick, held to limits that it does not have.

Whoever connects may be anybody. So what a request is made of besides its body is bounded, as is the time that it may
take to come in and an answer may take to leave; a line in the log is never theirs to write; and when there is no room
for another connection, the one that has waited longest without a complete request gives way. Nothing is pipelined: a
connection with a request behind another that is still being answered is closed after that answer, as RFC 9112 §9.3
allows, and the client asks again.
"""

import asyncio
from typing import Any

import httptools
import msgspec
from msgspec import Struct
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from api.problems import MEDIA_TYPE, Refused, Trouble
from api.streams import HANG_UP

SLICE = 16 * 1024
"""Bytes that the parser gets at once: by so much a limit may be overrun."""


class Limits(Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds.

    `head`: all of a request that is not body: its line, headers, what frames a chunk, trailers. `body`: what is read of
    a body whose answer (413) has long been given. `arrival`: from the first byte, or the connection, to the last byte.
    `patience`: how long a reader may take nothing. `connections`: of all kinds, event streams too.
    """

    head: int = 32 * 1024
    body: int = 1024 * 1024
    arrival: float = 8.0
    patience: float = 40.0
    connections: int = 2048


class Lines(ServerState):
    """What all connections share.

    `waiting` holds those without a complete request, the longest waiting first; `emptied` is set when the last
    connection has gone.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.waiting: dict[Line, None] = {}
        self.emptied = asyncio.Event()


class Line(HttpToolsProtocol):
    """One connection. `look` must be called now and then: it keeps the deadlines."""

    server_state: Lines

    def __init__(
        self,
        config: Config,
        server_state: Lines,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = server_state.limits
        self._answer: RequestResponseCycle | None = None  # The latest one, complete or not.
        self._deaf = False  # What still comes in is dropped.
        self._received = 0  # Bytes of this request, its body not counted.
        self._body = 0
        self._in_head = False
        self._due: float | None = None  # When the request must be complete.
        self._stuck_since: float | None = None  # Since when the reader has taken nothing.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._due = self.loop.time() + self._limits.arrival
        waiting = self.server_state.waiting
        if len(self.connections) > self._limits.connections:
            if not waiting:
                self._refuse(Trouble.UNAVAILABLE)
                return
            next(iter(waiting)).abort()
        waiting[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.waiting.pop(self, None)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        if not self.connections:
            self.server_state.emptied.set()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, as long as there is anything to gain by it."""
        for start in range(0, len(data), SLICE):
            if self.transport.is_closing():
                return
            self._feed(data[start : start + SLICE])

    def _feed(self, part: bytes) -> None:
        self._received += len(part)
        if not self._deaf:
            try:
                self.parser.feed_data(part)
            except httptools.HttpParserUpgrade:
                self._be_deaf()  # To another protocol. The request itself is answered as if it had not asked.
            except httptools.HttpParserError:
                # `on_message_begin` raises to end the parsing; all else is not HTTP.
                if not self._deaf:
                    self._refuse(Trouble.INVALID, "This is not HTTP.")
                    return
        if self._received > self._limits.head:
            self._refuse(Trouble.HEAD_TOO_LARGE)
        elif self._body > self._limits.body:
            self.abort()

    def on_message_begin(self) -> None:
        if self._answering():
            self._be_deaf()
            raise _Pipelined
        self._unset_keepalive_if_required()
        self._due = self.loop.time() + self._limits.arrival
        self._received = min(self._received, SLICE)  # What this slice holds is the new request's, near enough.
        self._body, self._in_head = 0, True
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: {"call": self.hang_up}}

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # A trailer is no header: it may not be what the headers were checked for.
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
        self._answer = self.cycle

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        self._received = max(0, self._received - len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._due = None
        if self._answering():
            self.server_state.waiting.pop(self, None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self.server_state.waiting[self] = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stuck_since = None

    def look(self, now: float) -> None:
        """End what has taken too long by `now`, in the loop's time."""
        if self._due is not None and now >= self._due:
            self._due = None
            self._give_up_on_request()
        if not self._answering() or self.transport.is_closing():
            if self.transport.get_write_buffer_size() == 0:
                self._stuck_since = None
            elif self._stuck_since is None:
                self._stuck_since = now  # An answer that has been given is not taken.
        if self._stuck_since is not None and now - self._stuck_since >= self._limits.patience:
            self.abort()

    def hang_up(self, after: float) -> None:
        """Close at once, or after so many seconds, whether or not the reader has taken what was sent."""
        if after <= 0:
            self.abort()
        else:
            self.loop.call_later(after, self.transport.abort)

    def abort(self) -> None:
        """Close without waiting for the reader; whoever answers is told that it has left."""
        self.server_state.waiting.pop(self, None)
        self._end_answer()
        self.transport.abort()

    def shutdown(self) -> None:
        """Let an answer be finished; what is not a whole request yet gets none."""
        if self._answering() and self._due is not None:
            self.abort()
        else:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        self.server_state.waiting.pop(self, None)
        super().timeout_keep_alive_handler()

    def _answering(self) -> bool:
        return self._answer is not None and not self._answer.response_complete

    def _end_answer(self) -> None:
        """Tell whoever answers that the reader has left."""
        if self._answer is not None and not self._answer.response_complete:
            self._answer.disconnected = True
            self._answer.message_event.set()

    def _be_deaf(self) -> None:
        self._deaf = True
        if self._answer is not None:
            self._answer.keep_alive = False
        self._due = None
        self.server_state.waiting.pop(self, None)

    def _give_up_on_request(self) -> None:
        if self._received:
            self._refuse(Trouble.TOO_SLOW)
        else:
            self.transport.close()  # Browsers open connections ahead, and would take a 408 for their next answer.

    def _refuse(self, trouble: Trouble, detail: str | None = None) -> None:
        """Answer with a problem and close; just close where an answer has begun already."""
        if self._answering() and self.cycle.response_started:
            self.abort()
            return
        self._end_answer()
        self._be_deaf()
        problem = msgspec.json.encode(Refused(trouble, detail).problem)
        head = (
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(problem)}\r\n"
            "cache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[trouble.status] + head.encode() + problem)
        self.transport.close()


class _Pipelined(Exception):
    """A request has come before the answer to the one before has left."""
