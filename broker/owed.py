"""The retained messages that a client asked for and has not been sent yet.

Finding them is a walk over what is retained, which may be long, so it is taken in steps. All filters that were asked
for meanwhile make the next round, which begins when everything of the last one was sent: asking again and again costs
no walk more often than the client takes what was found, and a message that several filters match is sent once.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice

from broker.message import Message
from broker.retained import Retained

_NEWER_WENT = -1


class Owed:
    """What one client is owed, by topic: what is to be sent is the topic's newest message when its turn comes."""

    __slots__ = ("_asked", "_order", "_retained", "_to_walk", "_topics", "_walk")

    def __init__(self, retained: Retained) -> None:
        self._retained = retained
        self._asked: dict[str, int] = {}  # filters of the next round, with the QoS
        self._to_walk: dict[str, int] = {}  # filters of this round; `_walk` is through the first of them
        self._walk: Iterator[Message | None] | None = None
        self._topics: dict[str, int] = {}  # what was found, with the highest QoS
        self._order: deque[str] = deque()  # the same when all is found, and some that are not owed any more

    def __bool__(self) -> bool:
        return bool(self._topics or self._to_walk or self._asked)

    @property
    def searching(self) -> bool:
        """Whether `search` has something to do. Nothing is to be sent before that is done."""
        return bool(self._to_walk) or (bool(self._asked) and not self._topics)

    def ask(self, filters: Mapping[str, int]) -> None:
        """Owe what these filters match, with their QoS; what was sent for them before is owed again."""
        self._asked.update(filters)

    def forget(self, topic_filter: str) -> None:
        """Look for it no further: it is not subscribed to any more."""
        self._asked.pop(topic_filter, None)
        if topic_filter in self._to_walk:
            if topic_filter == next(iter(self._to_walk)):
                self._walk = None
            self._walked(topic_filter)

    def superseded(self, topic: str) -> None:
        """Owe nothing for a topic: the client is getting a message that is newer than what is retained, or the same."""
        if self._to_walk:
            self._topics[topic] = _NEWER_WENT  # The walk may still come by.
        else:
            self._topics.pop(topic, None)

    def search(self, steps: int) -> int:
        """Walk on, at most so many steps, and return how many were taken."""
        if not self._to_walk and not self._topics:
            self._to_walk, self._asked = self._asked, {}
        taken = 0
        while self._to_walk and taken < steps:
            topic_filter, qos = next(iter(self._to_walk.items()))
            if self._walk is None:
                self._walk = self._retained.walk(topic_filter)
            for message in islice(self._walk, steps - taken):
                taken += 1
                if message is not None:
                    self._owe(message.topic, qos)
            if taken < steps:
                self._walk = None
                self._walked(topic_filter)
        return taken

    def _owe(self, topic: str, qos: int) -> None:
        known = self._topics.get(topic)
        if known is None or _NEWER_WENT < known < qos:
            self._topics[topic] = qos

    def _walked(self, topic_filter: str) -> None:
        del self._to_walk[topic_filter]
        if not self._to_walk:
            self._order = deque(self._topics)

    def first(self) -> tuple[str, int] | None:
        """Return the topic whose turn it is, with the QoS; None when there is none, or the search is not done."""
        while self._order and not self._to_walk:
            topic = self._order[0]
            qos = self._topics.get(topic, _NEWER_WENT)
            if qos != _NEWER_WENT:
                return topic, qos
            self.sent(topic)
        return None

    def sent(self, topic: str) -> None:
        """Owe the `first` topic no more."""
        self._order.popleft()
        self._topics.pop(topic, None)
