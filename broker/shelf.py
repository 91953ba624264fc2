"""The broker's own durable memory: what of sessions and retained messages must survive the end of the process.

What is true stands in memory, with the sessions; here its changes are recorded and written behind their back, in one
transaction after another on a thread of their own: whatever was recorded while one was written is the next (or, if it
is a lot, the next ones, so that who came first need not wait for all of it), and a message that is delivered before it
was written never is. `when_kept` tells when everything so far is on disk.

Every verb is for the event loop's thread, never waits and is cheap. An error of the disk loses nothing: the same
transaction is tried until it succeeds, nothing is confirmed meanwhile, and `troubles` says what is wrong.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import msgspec

from broker.claims import Claims
from broker.shelf_changes import Changes, Shelved, ShelvedRetained, ShelvedSession
from broker.shelf_file import Contents, Loaded, ShelfFile, ShelfUnusable

__all__ = ["Contents", "Shelf", "ShelfUnusable", "Shelved", "ShelvedRetained", "ShelvedSession"]

_log = logging.getLogger(__name__)

MIB: Final = 1024 * 1024

FULL: Final = 32 * MIB
"""Bytes that may wait to be written before publishers are held; they are let go when half of it is left."""

AGAIN: Final = 0.5
"""Seconds between two attempts to write what the disk refused."""

PAUSE: Final = 0.003
"""Seconds after a transaction in which what somebody waits for waits for company; what comes later goes at once."""

COMPANY: Final = 50
"""Who wait and need not wait for more."""

LEISURE: Final = 0.05
"""Seconds that what nobody waits for may wait, such as that a client has acknowledged a message."""


class _Kept:
    """What the shelf knows of a session: its key, its row, and the numbers of its messages by packet id."""

    __slots__ = ("claims", "key", "later", "numbers")

    def __init__(self, key: int) -> None:
        self.key = key
        self.claims = b""
        self.numbers: dict[int, int] = {}
        self.later: dict[int, list[int]] = {}  # further messages with a packet id, oldest first

    def add(self, packet_id: int, number: int) -> None:
        if packet_id in self.numbers:
            self.later.setdefault(packet_id, []).append(number)
        else:
            self.numbers[packet_id] = number

    def remove(self, packet_id: int) -> int | None:
        """Forget the oldest message with a packet id, and return its number."""
        number = self.numbers.pop(packet_id, None)
        if self.later and packet_id in self.later:
            waiting = self.later[packet_id]
            self.numbers[packet_id] = waiting.pop(0)
            if not waiting:
                del self.later[packet_id]
        return number

    def all_numbers(self) -> list[int]:
        return [*self.numbers.values(), *(number for numbers in self.later.values() for number in numbers)]


class _Known(msgspec.Struct):
    contents: Contents
    sessions: dict[str, _Kept]  # by client id
    last_key: int
    last_number: int


def _know(loaded: Loaded) -> _Known:
    sessions: dict[str, _Kept] = {}
    for key, numbers, session in zip(loaded.keys, loaded.numbers, loaded.contents.sessions, strict=True):
        kept = sessions[session.client_id] = _Kept(key)
        kept.claims = msgspec.msgpack.encode(session.claims)
        for number, message in zip(numbers, session.messages, strict=True):
            kept.add(message.packet_id, number)
    return _Known(loaded.contents, sessions, loaded.last_key, loaded.last_number)


class Shelf:
    """The durable file of one broker. Made by `Shelf.open`.

    A client id is made known by `keep_session`; verbs for one that is not known raise KeyError, except those that
    remove something: removing what is not there means nothing.
    """

    def __init__(self, file: ShelfFile, thread: ThreadPoolExecutor, known: "_Known", *, most: int) -> None:
        self._file = file
        self._thread = thread
        self._loop = asyncio.get_running_loop()
        self._contents: Contents | None = known.contents
        self._sessions = known.sessions
        self._last_key, self._last_number = known.last_key, known.last_number
        self._most = most  # bytes
        self._changes = Changes()  # recorded, not yet handed to the thread
        self._earlier: deque[Changes] = deque()  # the same, each to be written by itself before that
        self._writing: Changes | None = None
        self._starts: asyncio.Handle | None = None
        self._starts_at = 0.0  # on the loop's clock
        self._rested_at = 0.0  # on the loop's clock: when who waits need not wait for company any more
        self._trouble: str | None = None
        self._resumes: list[Callable[[], None]] = []
        self._closing: asyncio.Future[None] | None = None
        self._closed = False
        self.full = False

    @classmethod
    async def open(cls, path: Path, *, most: int = FULL) -> Self:
        """Open the file, making it where it is missing, and load it. Raises ShelfUnusable.

        With `most` bytes unwritten it is `full`.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shelf")
        file = ShelfFile(path)
        try:
            known = await asyncio.get_running_loop().run_in_executor(thread, lambda: _know(file.open()))
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(file, thread, known, most=most)

    def take_contents(self) -> Contents:
        """Return what was in the file when it was opened, once: after that it is the caller's alone."""
        contents, self._contents = self._contents, None
        return contents if contents is not None else Contents([], [])

    # Sessions

    def keep_session(
        self, client_id: str, claims: Claims, subscriptions: Mapping[str, int], left_at: datetime | None
    ) -> None:
        """Record a session, new or changed, with all of its subscriptions.

        Messages and packet ids that were recorded for it stay.
        """
        kept = self._sessions.get(client_id)
        if kept is None:
            self._last_key += 1
            kept = self._sessions[client_id] = _Kept(self._last_key)
            self._changes.fresh.add(kept.key)
        kept.claims = msgspec.msgpack.encode(claims)
        self._changes.session(kept.key, (client_id, left_at, kept.claims))
        self._changes.all_subscriptions(kept.key, subscriptions)
        self._changed()

    def left(self, client_id: str, at: datetime | None) -> None:
        """Record when a session's connection ended; None: it is connected."""
        kept = self._sessions[client_id]
        self._changes.session(kept.key, (client_id, at, kept.claims))
        self._changed()

    def forget_session(self, client_id: str) -> None:
        """Remove a session and everything that was recorded for it."""
        kept = self._sessions.pop(client_id, None)
        if kept is not None:
            for number in kept.all_numbers():
                self._changes.remove(number)
            self._changes.forget(kept.key)
            self._changed()

    def subscribed(self, client_id: str, topic_filter: str, qos: int) -> None:
        """Record a subscription, in place of the same filter's former one."""
        self._changes.subscription(self._sessions[client_id].key, topic_filter, qos)
        self._changed()

    def unsubscribed(self, client_id: str, topic_filter: str) -> None:
        kept = self._sessions.get(client_id)
        if kept is not None:
            self._changes.subscription(kept.key, topic_filter, None)
            self._changed()

    # Messages to a session, in the order in which they are recorded

    def queued(self, client_id: str, message: Shelved) -> None:
        """Record a message to a session.

        A queue may be longer than there are packet ids: when one comes round again while a message with it still
        waits, the two verbs below mean the oldest.
        """
        kept = self._sessions[client_id]
        self._last_number += 1
        kept.add(message.packet_id, self._last_number)
        self._changes.add(self._last_number, kept.key, message)
        self._changed()

    def released(self, client_id: str, packet_id: int) -> None:
        """Record that a QoS 2 message was received by the client (PUBREC): from now on only PUBREL is sent."""
        kept = self._sessions.get(client_id)
        number = kept.numbers.get(packet_id) if kept is not None else None
        if number is not None:
            self._changes.release(number)
            self._changed()

    def delivered(self, client_id: str, packet_id: int) -> None:
        """Remove a message: the client has acknowledged it (PUBACK, PUBCOMP), or it was dropped."""
        kept = self._sessions.get(client_id)
        number = kept.remove(packet_id) if kept is not None else None
        if number is not None:
            self._changes.remove(number)
            self._changed()

    # QoS 2 messages from a session

    def received(self, client_id: str, packet_id: int) -> None:
        """Record the packet id of a QoS 2 PUBLISH until its PUBREL, so that it is not taken twice."""
        self._changes.receive(self._sessions[client_id].key, packet_id, present=True)
        self._changed()

    def completed(self, client_id: str, packet_id: int) -> None:
        kept = self._sessions.get(client_id)
        if kept is not None:
            self._changes.receive(kept.key, packet_id, present=False)
            self._changed()

    # Retained messages

    def retained(self, message: ShelvedRetained) -> None:
        """Record a topic's retained message in place of the last one."""
        self._changes.retain(message.topic, message)
        self._changed()

    def emptied(self, topic: str) -> None:
        """Remove a topic's retained message."""
        self._changes.retain(topic, None)
        self._changed()

    # What is on disk

    def whole(self) -> None:
        """Say that what was recorded so far belongs to nothing that is still to come: a transaction may end here.

        One may end at each turn of the loop too. What is recorded between two of these stands or falls together.
        """
        if self._changes.is_enough:
            self._earlier.append(self._changes)
            self._changes = Changes()

    def when_kept(self, call: Callable[[], None]) -> None:
        """Call on the loop when all that was recorded so far is on disk: before this returns, if it already is."""
        if self._closed:
            return
        waiting = self._changes or (self._earlier[-1] if self._earlier else self._writing)
        if waiting is None:
            call()
            return
        waiting.kept.append(call)
        self._notice_fullness()
        if waiting is self._changes:
            enough = len(waiting.kept) >= COMPANY
            self._start_within(0 if enough else self._rested_at - self._loop.time())

    @property
    def unwritten(self) -> int:
        """Bytes, about, that are recorded and not yet known to be on disk, with those who wait for it."""
        written = self._writing.weight if self._writing is not None else 0
        return self._changes.weight + sum(one.weight for one in self._earlier) + written

    def on_room(self, resume: Callable[[], None]) -> None:
        """Call `resume` once, when it is not `full` any more: at once if it is not."""
        if self.full:
            self._resumes.append(resume)
        else:
            resume()

    def troubles(self) -> str | None:
        """Return why nothing is kept at present, or None: all is well."""
        return self._trouble

    async def close(self) -> None:
        """Write what is recorded, then close the file.

        While there is trouble with the disk it is tried once more only: what is given up then was never confirmed.
        Whatever is recorded after that is lost, and never confirmed either.
        """
        if self._closing is None:
            self._closing = self._loop.create_future()
            self._next()
        await asyncio.shield(self._closing)
        self._closed = True
        await self._loop.run_in_executor(self._thread, self._file.close)
        self._thread.shutdown(wait=False)

    # Writing

    def _changed(self) -> None:
        self._notice_fullness()
        self._start_within(0 if self._changes.is_enough else LEISURE)

    def _notice_fullness(self) -> None:
        if not self.full and self.unwritten >= self._most:
            self.full = True

    def _start_within(self, seconds: float) -> None:
        """Begin a transaction by then. Never now: what else is recorded in this turn of the loop belongs into it."""
        if self._closed or (self._writing is not None and not self._changes.is_enough):
            return
        at = self._loop.time() + max(0.0, seconds)
        if self._starts is not None:
            if self._starts_at <= at:
                return
            self._starts.cancel()
        self._starts, self._starts_at = self._loop.call_at(at, self._start), at

    def _start(self) -> None:
        self._starts = None
        if not self._closed:
            self.whole()
            self._next()

    def _next(self) -> None:
        """Hand what was recorded to the thread, unless it is busy."""
        if self._writing is not None:
            return
        if self._earlier:
            self._writing = self._earlier.popleft()
        elif self._changes:
            self._writing, self._changes = self._changes, Changes()
        if self._writing is not None:
            self._submit(self._writing)
        elif self._closing is not None and not self._closing.done():
            self._closing.set_result(None)

    def _go_on(self) -> None:
        """Do at the end of a transaction what would have begun the next one while it was written."""
        if self._earlier or self._closing is not None:
            self._next()
        elif self._changes.kept:
            self._start_within(0 if len(self._changes.kept) >= COMPANY else PAUSE)
        elif self._changes:
            self._start_within(LEISURE)

    def _submit(self, changes: Changes) -> None:
        def tell(outcome: Future[str | None]) -> None:
            self._loop.call_soon_threadsafe(self._written, changes, outcome)

        self._thread.submit(self._file.write, changes).add_done_callback(tell)

    def _written(self, written: Changes, outcome: Future[str | None]) -> None:
        # An exception is a fault of ours, and no reason to leave everybody waiting without a word.
        error = outcome.exception()
        trouble = outcome.result() if error is None else f"{type(error).__name__}: {error}"
        if trouble is not None:
            self._failed(trouble, written)
            return
        if self._trouble is not None:
            _log.warning("the broker's file can be written again", {"path": self._file.path})
            self._trouble = None
        self._writing = None
        self._rested_at = self._loop.time() + PAUSE
        self._go_on()
        for call in written.kept:
            self._loop.call_soon(call)  # Each by itself: what one raises is not the others' affair.
        if self.full and self.unwritten < self._most // 2:
            self.full = False
            resumes, self._resumes = self._resumes, []
            for resume in resumes:
                self._loop.call_soon(resume)

    def _failed(self, trouble: str, changes: Changes) -> None:
        if trouble != self._trouble:
            _log.error("the broker's file cannot be written, trying again", {"path": self._file.path, "error": trouble})
            self._trouble = trouble
        if self._closing is None:
            self._loop.call_later(AGAIN, self._submit, changes)
            return
        _log.error("given up unwritten, never acknowledged", {"bytes": self.unwritten})
        self._writing, self._changes = None, Changes()
        self._earlier.clear()
        if not self._closing.done():
            self._closing.set_result(None)
