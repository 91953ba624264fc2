"""Event streams: a hotel's events to one reader, in order, from where it left off, until its token ends.

A stream holds no connection to the database and no events while its reader is slow: it reads the next page when the
last one has left. It wakes by the doorbell and looks by itself every second.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec
from litestar.types import Receive, Scope, Send
from msgspec import Struct

from api.gate import Caller, Gate, hotel_of
from api.metrics import ApiMetrics
from api.problems import Refused, Trouble
from api.settings import ApiSettings
from api.tail import Line, Tail
from rules.ids import HotelId
from store import Bell, Doorbell, Store, StoreUnavailable
from store.records import EventBounds

LOOK = 1.0
"""Seconds after which a stream looks by itself: the doorbell may be lost, the token may have ended."""

PATIENCE = 30.0
"""Seconds that a reader may take to make room for the next page."""

HURRY = 0.5
"""The same when the token has ended, or the process is about to."""


HANG_UP = "innwatch.hang-up"
"""An extension of ASGI that the server may offer: `call(seconds)` closes the connection then, come what may.

Without it a connection waits for its reader to take what was sent, and who has stopped reading keeps it for ever.
"""


class Ended(StrEnum):
    GONE = "gone"  # the reader left
    SLOW = "slow"
    EXPIRED = "token-expired"
    REVOKED = "token-revoked"
    CLOSING = "closing"


class ResetWhy(StrEnum):
    """Why a stream cannot go on after the id that the reader named: it must fetch everything anew."""

    TOO_OLD = "too-old"
    FUTURE = "future"  # another hotel's, or of a database that was restored
    UNREADABLE = "unreadable"


class _Reset(Struct, frozen=True):
    """Shaped like an event, so that readers parse one shape."""

    id: int
    at: datetime
    type: str
    subject: HotelId
    data: dict[str, ResetWhy]


class Streams:
    """Every open stream of this process; `close` ends them, so that the process can stop."""

    def __init__(
        self,
        *,
        store: Store,
        doorbell: Doorbell,
        gate: Gate,
        clock: Callable[[], datetime],
        metrics: ApiMetrics,
        settings: ApiSettings,
    ) -> None:
        self.store = store
        self.doorbell = doorbell
        self.gate = gate
        self.clock = clock
        self.metrics = metrics
        self.settings = settings
        self.closing = False
        self._open: set[EventStream] = set()
        self._open_of: Counter[str] = Counter()
        self._tails: dict[HotelId, Tail] = {}

    async def open(self, caller: Caller, *, last_event_id: str | None) -> "EventStream":
        """Return a stream of the caller's hotel, from after the named event or from now on.

        Raises Refused when there are too many (503), too many of the caller's (429), or the process is about to stop.
        """
        self._make_sure_of_room(caller.claims.sub)
        hotel_id = hotel_of(caller)
        bounds = await self.store.event_bounds(hotel_id)
        tail = self._tails.setdefault(hotel_id, Tail(self.store, hotel_id))
        return EventStream(self, tail, caller=caller, bounds=bounds, asked=last_event_id)

    def close(self) -> None:
        """End every stream at once, take no more. Call it on the loop, before the server is told to stop."""
        self.closing = True
        for stream in self._open:
            stream.hurry()
        self.doorbell.ring()

    def joined(self, stream: "EventStream") -> None:
        """Count a stream from now on. Raises Refused when others have taken the room that `open` saw."""
        self._make_sure_of_room(stream.sub)
        self._open.add(stream)
        self._open_of[stream.sub] += 1
        self.metrics.streams.set(len(self._open))

    def left(self, stream: "EventStream", why: Ended) -> None:
        self._open.discard(stream)
        self._open_of -= Counter((stream.sub,))  # which forgets those that have none left
        self.metrics.streams.set(len(self._open))
        self.metrics.streams_ended.labels(why).inc()

    def _make_sure_of_room(self, sub: str) -> None:
        if self.closing or len(self._open) >= self.settings.streams_at_most:
            raise Refused(Trouble.UNAVAILABLE, "no room for another stream", headers={"Retry-After": "5"})
        if self._open_of[sub] >= self.settings.streams_of_one:
            detail = f"{self.settings.streams_of_one} streams of yours are open: close one"
            raise Refused(Trouble.TOO_MANY, detail, headers={"Retry-After": "5"})


class EventStream:
    """One reader's stream: an ASGI application that answers its request."""

    def __init__(self, streams: Streams, tail: Tail, *, caller: Caller, bounds: EventBounds, asked: str | None) -> None:
        self._streams = streams
        self._tail = tail
        self.sub = caller.claims.sub
        self._claims = caller.claims
        self._hotel_id = hotel_of(caller)
        self._reset = reset_why(asked, bounds)
        self._last = bounds.newest if self._reset or not asked else int(asked)
        self._sending: asyncio.Timeout | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = Ended.GONE
        self._streams.joined(self)  # Nothing has been sent: what this raises becomes the answer.
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(self._run(send))
                watching = group.create_task(_gone(receive))
                await asyncio.wait((running, watching), return_when=asyncio.FIRST_COMPLETED)
                why = running.result() if running.done() else Ended.GONE
                running.cancel()
                watching.cancel()
        finally:
            self._streams.left(self, why)
            _hang_up(scope, why)

    def hurry(self) -> None:
        """Give up on a reader that does not take what is being sent."""
        if self._sending is not None:
            self._sending.reschedule(asyncio.get_running_loop().time())

    async def _run(self, send: Send) -> Ended:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._headers()})
            why = await self._follow(send)
            await self._write(send, b": %s\n\n" % why.encode(), more=False)
        except TimeoutError:
            return Ended.SLOW
        return why

    def _headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"innwatch-event-id", b"%d" % self._last),
            (b"x-accel-buffering", b"no"),  # nginx would keep events back
            (b"connection", b"close"),
        ]

    async def _follow(self, send: Send) -> Ended:
        keep_alive = self._streams.settings.keep_alive.total_seconds()
        with self._streams.doorbell.listen() as bell:
            await self._write(send, self._reset_text(self._reset) if self._reset else b": following\n\n")
            since = wrote_at = time.monotonic()
            while (why := await self._over()) is None:
                lines = await self._more(since)
                if lines:
                    wrote_at = time.monotonic()
                    await self._pass_on(lines, send)
                    continue
                if time.monotonic() - wrote_at >= keep_alive:
                    wrote_at = time.monotonic()
                    await self._write(send, b": still here\n\n")
                since = await _next_look(bell)
        return why

    async def _over(self) -> Ended | None:
        if self._streams.closing:
            return Ended.CLOSING
        try:
            await self._streams.gate.current(self._claims)
        except Refused as refused:
            return Ended.EXPIRED if refused.trouble is Trouble.TOKEN_EXPIRED else Ended.REVOKED
        except StoreUnavailable:
            return None  # It cannot be asked just now, and the token was good a moment ago.
        return None

    async def _more(self, since: float) -> list[Line]:
        try:
            return await self._tail.after(self._last, since=since)
        except StoreUnavailable:
            return []  # The next look asks again.

    async def _pass_on(self, lines: list[Line], send: Send) -> None:
        if lines[0].id != self._last + 1:
            # What the reader needs next was pruned while it took its time.
            self._last = lines[-1].id
            await self._write(send, self._reset_text(ResetWhy.TOO_OLD))
            return
        await self._write(send, b"".join(line.text for line in lines))
        self._last = lines[-1].id
        self._streams.metrics.events_streamed.inc(len(lines))

    async def _write(self, send: Send, text: bytes, *, more: bool = True) -> None:
        """Send, or raise TimeoutError: nobody waits for ever for a reader that has stopped reading."""
        try:
            async with asyncio.timeout(self._patience()) as self._sending:
                await send({"type": "http.response.body", "body": text, "more_body": more})
        finally:
            self._sending = None

    def _patience(self) -> float:
        if self._streams.closing:
            return HURRY
        left = (self._claims.exp - self._streams.clock()).total_seconds()
        return max(HURRY, min(PATIENCE, left))

    def _reset_text(self, why: ResetWhy) -> bytes:
        reset = _Reset(self._last, self._streams.clock(), "reset", self._hotel_id, {"why": why})
        return b"id: %d\nevent: reset\ndata: %s\n\n" % (self._last, msgspec.json.encode(reset))


def _hang_up(scope: Scope, why: Ended) -> None:
    """Close the connection, though its reader may never take what was sent last."""
    call = ((scope.get("extensions") or {}).get(HANG_UP) or {}).get("call")
    if callable(call) and why is not Ended.GONE:
        call(0 if why is Ended.SLOW else HURRY)


async def _next_look(bell: Bell) -> float:
    """Wait, and return how fresh the next look must be: what rang is seen; to look without a ring, others' looks do."""
    slept_at = time.monotonic()
    await bell.wait(LOOK)
    now = time.monotonic()
    return now if now - slept_at < LOOK else now - LOOK / 2


async def _gone(receive: Receive) -> None:
    """Return when the reader has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def reset_why(asked: str | None, bounds: EventBounds) -> ResetWhy | None:
    """Return why a reader cannot go on after the id that it names; None: it can, or named none."""
    if not asked:
        return None
    if _EVENT_ID.fullmatch(asked) is None:
        return ResetWhy.UNREADABLE
    if int(asked) > bounds.newest:
        return ResetWhy.FUTURE
    if int(asked) < bounds.oldest - 1:
        return ResetWhy.TOO_OLD
    return None


_EVENT_ID = re.compile(r"[0-9]{1,18}")
