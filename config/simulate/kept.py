"""What a tablet has said and nobody has promised to keep: the tablet's side of contract §3."""

from itertools import islice

from msgspec import Struct

from config.simulate.connection import Verdict
from config.simulate.tablet import Outgoing
from rules.ids import MessageId

ENVELOPE = 50
"""Messages of a backlog sent at once; one of ours has some 250 bytes, and the limit is 64 KiB."""

MOST = 2_000
"""Of a backlog: the oldest go first."""


class _Waiting(Struct):
    message: Outgoing
    since: float


class Kept:
    """Messages until their receipt: those that were said live, and the backlog in its order. Times are monotonic.

    What has no receipt within `receipt_within` seconds is due again.
    """

    def __init__(self, *, receipt_within: float) -> None:
        self._receipt_within = receipt_within
        self._live: dict[MessageId, _Waiting] = {}
        self._backlog: dict[MessageId, Outgoing] = {}
        self._envelope: MessageId | None = None
        self._under_way: tuple[MessageId, ...] = ()
        self._sent_at = 0.0

    @property
    def waiting(self) -> int:
        """How many messages the backlog holds."""
        return len(self._backlog)

    @property
    def promised(self) -> bool:
        """Whether somebody answers for everything."""
        return not self._live and not self._backlog

    def hold(self, message: Outgoing, at: float) -> None:
        """Keep what is being said live."""
        self._live[message.id] = _Waiting(message, at)

    def shelve(self, message: Outgoing) -> None:
        """Keep for the backlog what cannot be said now."""
        self._backlog[message.id] = message
        if len(self._backlog) > MOST:
            del self._backlog[next(iter(self._backlog))]

    def judged(self, verdict: Verdict) -> None:
        if verdict.verdict == "retry":
            return
        self._live.pop(verdict.id, None)
        self._backlog.pop(verdict.id, None)
        if verdict.id == self._envelope:  # refused as a whole: it would be refused again
            for message_id in self._under_way:
                self._backlog.pop(message_id, None)

    def overdue(self, at: float) -> list[Outgoing]:
        """Return what was said live and has no receipt in time; it counts as said again now."""
        late = [waiting for waiting in self._live.values() if at - waiting.since >= self._receipt_within]
        for waiting in late:
            waiting.since = at
        return [waiting.message for waiting in late]

    def next_part(self, at: float) -> list[Outgoing]:
        """Return the part of the backlog to send now: one at a time, again when its receipts do not come."""
        if (
            any(message_id in self._backlog for message_id in self._under_way)
            and at - self._sent_at < self._receipt_within
        ):
            return []
        return list(islice(self._backlog.values(), ENVELOPE))

    def sending(self, envelope: Outgoing, part: list[Outgoing], at: float) -> None:
        self._envelope = envelope.id
        self._under_way = tuple(message.id for message in part)
        self._sent_at = at

    def start_over(self) -> None:
        """The connection is another one: whatever was under way is due again."""
        self._under_way = ()
        for waiting in self._live.values():
            waiting.since = float("-inf")
