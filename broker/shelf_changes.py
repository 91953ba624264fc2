"""What is to change in the broker's file, gathered between two transactions: the last word on each thing counts."""

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct

from broker.claims import Claims


class Shelved(Struct, gc=False):
    """One message to a session, at QoS 1 or 2. `released`: its PUBREC has come, so only PUBREL is still to be sent."""

    packet_id: int
    topic: str
    payload: bytes
    qos: int
    retain: bool
    released: bool = False


class ShelvedSession(Struct):
    """A session as it was recorded last. `left_at`: when its connection ended, None if that never was recorded."""

    client_id: str
    claims: Claims
    subscriptions: dict[str, int]  # the QoS granted to each filter
    messages: list[Shelved]  # in the order in which they were queued
    received: set[int]  # packet ids of QoS 2 messages from the client that wait for their PUBREL
    left_at: datetime | None


class ShelvedRetained(Struct):
    """A topic's retained message. `owner` is whose it is counted as; None: nobody's, as the bridge's are."""

    topic: str
    payload: bytes
    qos: int
    owner: str | None


SessionRow = tuple[str, datetime | None, bytes]  # client id, left at, claims
MessageRow = tuple[int, Shelved]  # session

ENTRY = 200
"""Bytes that an entry costs, about, beside its payload and its names."""

LARGE = 4 * 1024 * 1024
"""Bytes that one transaction takes, about. What comes after them waits for the next; what came before does not."""

MANY = 5_000
"""Rows that one transaction takes, about."""


class Changes:
    """Everything recorded for one transaction. Whoever writes it gets it whole and it is not changed any more.

    Sessions go by their key, messages by their number. `size` is zero when there is nothing to write.
    """

    __slots__ = (
        "forgotten", "fresh", "kept", "messages", "received", "released", "removed", "replaced", "retained", "sessions",
        "size", "subscriptions",
    )  # fmt: skip

    def __init__(self) -> None:
        self.size = 0  # in bytes, about
        self.fresh: set[int] = set()  # sessions that are in no transaction before this one
        self.sessions: dict[int, SessionRow] = {}
        self.forgotten: set[int] = set()  # with all that is theirs, except messages
        self.replaced: set[int] = set()  # sessions whose former subscriptions all go
        self.subscriptions: dict[int, dict[str, int | None]] = {}  # by session and filter; None: removed
        self.messages: dict[int, MessageRow] = {}
        self.released: set[int] = set()
        self.removed: list[int] = []
        self.received: dict[int, dict[int, bool]] = {}  # by session and packet id; False: removed
        self.retained: dict[str, ShelvedRetained | None] = {}
        self.kept: list[Callable[[], None]] = []  # to be called when it is written

    def __bool__(self) -> bool:
        return self.size > 0 or bool(self.kept)

    @property
    def weight(self) -> int:
        """Bytes, about, that it takes in memory: whoever waits to be told takes some too."""
        return self.size + ENTRY * len(self.kept)

    @property
    def is_enough(self) -> bool:
        """Whether it is as much as one transaction shall be."""
        return self.size >= LARGE or len(self.messages) + len(self.removed) + len(self.released) >= MANY

    def session(self, key: int, row: SessionRow) -> None:
        self._forget_row(key)
        self.sessions[key] = row
        self.size += _size_of_row(row)

    def _forget_row(self, key: int) -> None:
        former = self.sessions.pop(key, None)
        if former is not None:
            self.size -= _size_of_row(former)

    def forget(self, key: int) -> None:
        """Forget a session whose messages were all removed."""
        self._forget_row(key)
        self._forget_subscriptions(key)
        self.size -= ENTRY * len(self.received.pop(key, ()))
        if key in self.fresh:
            self.fresh.discard(key)
        else:
            self.size += ENTRY
            self.forgotten.add(key)

    def all_subscriptions(self, key: int, subscriptions: Mapping[str, int]) -> None:
        if key not in self.fresh:
            self.replaced.add(key)
        self._forget_subscriptions(key)
        self.subscriptions[key] = dict(subscriptions)
        self.size += sum(ENTRY + len(topic_filter) for topic_filter in subscriptions)

    def _forget_subscriptions(self, key: int) -> None:
        self.size -= sum(ENTRY + len(topic_filter) for topic_filter in self.subscriptions.pop(key, ()))

    def subscription(self, key: int, topic_filter: str, qos: int | None) -> None:
        filters = self.subscriptions.setdefault(key, {})
        if topic_filter not in filters:
            self.size += ENTRY + len(topic_filter)
        filters[topic_filter] = qos

    def add(self, number: int, key: int, message: Shelved) -> None:
        self.messages[number] = (key, message)
        self.size += ENTRY + len(message.topic) + len(message.payload)

    def release(self, number: int) -> None:
        if number not in self.released:
            self.released.add(number)  # After the messages, so one that is in this transaction too needs no more.
            self.size += ENTRY

    def remove(self, number: int) -> None:
        added = self.messages.pop(number, None)
        if number in self.released:
            self.released.discard(number)
            self.size -= ENTRY
        if added is None:
            self.removed.append(number)
            self.size += ENTRY
        else:
            self.size -= ENTRY + len(added[1].topic) + len(added[1].payload)

    def receive(self, key: int, packet_id: int, *, present: bool) -> None:
        ids = self.received.setdefault(key, {})
        if packet_id not in ids:
            self.size += ENTRY
        ids[packet_id] = present

    def retain(self, topic: str, message: ShelvedRetained | None) -> None:
        if topic in self.retained:
            self.size -= _size(topic, self.retained[topic])
        self.retained[topic] = message
        self.size += _size(topic, message)


def _size(topic: str, message: ShelvedRetained | None) -> int:
    return ENTRY + len(topic) + (len(message.payload) if message is not None else 0)


def _size_of_row(row: SessionRow) -> int:
    return ENTRY + len(row[0]) + len(row[2])
