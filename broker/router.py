"""Who gets a message: subscriptions by filter, found by topic.

Filters without a wildcard, which are nearly all that tablets have, lie in a plain dictionary. The others form a tree by
level. What a topic matches in the tree is remembered as the tree's own nodes, so only a filter that nobody had before,
or that nobody has any more, makes the memory useless; subscribers come and go without that.
"""

from collections.abc import Mapping
from typing import Generic, TypeVar

S = TypeVar("S")

REMEMBERED = 8192
"""Topics whose matches are kept. Beyond that all are forgotten: cheaper than keeping their order."""

VISITED, MERGED = 4, 32
"""Nodes of the tree, and subscriptions put together, that take as long as one receiver of a message."""


class _Node(Generic[S]):
    __slots__ = ("children", "subscribers")

    def __init__(self) -> None:
        self.children: dict[str, _Node[S]] = {}
        self.subscribers: dict[S, int] = {}


class Router(Generic[S]):
    """Subscribers with the QoS that they were granted. Filters must be well-formed."""

    def __init__(self) -> None:
        self._exact: dict[str, dict[S, int]] = {}
        self._root: _Node[S] = _Node()
        self._remembered: dict[str, tuple[dict[S, int], ...]] = {}
        self.cost = 0  # of all that was matched so far, beside the receivers, in what one of those costs

    def add(self, topic_filter: str, subscriber: S, qos: int) -> None:
        """Subscribe, or change the QoS of a subscription."""
        if not _has_wildcard(topic_filter):
            self._exact.setdefault(topic_filter, {})[subscriber] = qos
            return
        node = self._root
        for level in topic_filter.split("/"):
            node = node.children.setdefault(level, _Node())
        if not node.subscribers:
            self._remembered.clear()
        node.subscribers[subscriber] = qos

    def remove(self, topic_filter: str, subscriber: S) -> None:
        """End a subscription; one that does not exist is nothing to worry about."""
        if not _has_wildcard(topic_filter):
            subscribers = self._exact.get(topic_filter, {})
            subscribers.pop(subscriber, None)
            if not subscribers:
                self._exact.pop(topic_filter, None)
            return
        self._prune(self._root, topic_filter.split("/"), subscriber)

    def _prune(self, node: _Node[S], levels: list[str], subscriber: S) -> None:
        if not levels:
            node.subscribers.pop(subscriber, None)
            return
        child = node.children.get(levels[0])
        if child is None:
            return
        self._prune(child, levels[1:], subscriber)
        if not child.subscribers and not child.children:
            del node.children[levels[0]]
            self._remembered.clear()

    def match(self, topic: str) -> Mapping[S, int]:
        """Return who gets a message to this topic, once each, with the highest QoS that one of their filters has.

        Do not change it, and copy it before anything that may end a subscription.
        """
        found = self._remembered.get(topic)
        if found is None:
            found = self._search(topic)
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[topic] = found
        exact = self._exact.get(topic)
        if not found:
            return exact or {}
        if not exact and len(found) == 1:
            return found[0]
        self.cost += len(found) // MERGED
        return _merged((exact, *found) if exact else found)

    def _search(self, topic: str) -> tuple[dict[S, int], ...]:
        levels = topic.split("/")
        nodes = [self._root]
        found = []
        visited = 0
        for depth, level in enumerate(levels):
            # No wildcard at the front matches a topic that begins with `$` (3.1.1 §4.7.2).
            wild = depth > 0 or not level.startswith("$")
            found += [node.children["#"] for node in nodes if wild and "#" in node.children]
            names = (level, "+") if wild else (level,)
            visited += len(nodes)
            nodes = [node.children[name] for node in nodes for name in names if name in node.children]
        found += [node.children["#"] for node in nodes if "#" in node.children]
        self.cost += visited // VISITED
        return tuple(node.subscribers for node in (*found, *nodes) if node.subscribers)


def _has_wildcard(topic_filter: str) -> bool:
    return "+" in topic_filter or "#" in topic_filter


def _merged(matches: tuple[dict[S, int], ...]) -> dict[S, int]:
    merged: dict[S, int] = {}
    for subscribers in matches:
        for subscriber, qos in subscribers.items():
            if qos >= merged.get(subscriber, -1):
                merged[subscriber] = qos
    return merged
