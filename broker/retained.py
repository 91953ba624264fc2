"""The last retained message of each topic, found by topic or by filter."""

import sys
from collections.abc import Iterator

from broker.message import Message


class _Node:
    __slots__ = ("children", "message", "owner")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.message: Message | None = None
        self.owner: str | None = None


class RetainedFull(Exception):
    """The owner has as many retained messages, or bytes of them, as it may."""


class Retained:
    """A tree by level, so that a filter visits only what it can match.

    A message may have an owner, whose messages and bytes are bounded; those of nobody are not.
    """

    def __init__(self, *, messages: int, size: int) -> None:
        self._most_messages, self._most_bytes = messages, size
        self._root = _Node()
        self._owned: dict[str, tuple[int, int]] = {}  # messages, bytes
        self.messages = 0
        self.bytes = 0

    def __iter__(self) -> Iterator[Message]:
        return (message for message in self._below(self._root) if message is not None)

    def get(self, topic: str) -> Message | None:
        """Return the message retained for a topic."""
        node: _Node | None = self._root
        for level in topic.split("/"):
            node = node.children.get(level) if node is not None else None
        return node.message if node is not None else None

    def may_match(self, topic_filter: str) -> bool:
        """Whether it is worth walking for a filter: for one without a wildcard, whether something is retained there."""
        return "+" in topic_filter or "#" in topic_filter or self.get(topic_filter) is not None

    def put(self, message: Message, *, owner: str | None = None) -> None:
        """Retain a message in place of the topic's last one; one without a payload removes it (3.1.1 §3.3.1.3).

        Raises RetainedFull, and leaves everything as it was, when its owner has no room for it.
        """
        if not message.payload:
            self._remove(self._root, message.topic.split("/"))
            return
        if owner is not None:
            self._check_room(message, owner)
        node = self._root
        for level in message.topic.split("/"):
            child = node.children.get(level)
            if child is None:
                child = node.children[sys.intern(level)] = _Node()
            node = child
        self._forget(node)
        node.message, node.owner = message, owner
        self._account(message, owner, sign=1)

    def _check_room(self, message: Message, owner: str) -> None:
        replaced = self.get(message.topic)
        count, size = self._owned.get(owner, (0, 0))
        count += replaced is None
        size += message.size - (replaced.size if replaced else 0)
        if count > self._most_messages or size > self._most_bytes:
            raise RetainedFull

    def _account(self, message: Message, owner: str | None, *, sign: int) -> None:
        self.messages += sign
        self.bytes += sign * message.size
        if owner is None:
            return
        count, size = self._owned.get(owner, (0, 0))
        if count + sign == 0:
            del self._owned[owner]
        else:
            self._owned[owner] = (count + sign, size + sign * message.size)

    def _remove(self, node: _Node, levels: list[str]) -> None:
        if not levels:
            self._forget(node)
            return
        child = node.children.get(levels[0])
        if child is None:
            return
        self._remove(child, levels[1:])
        if child.message is None and not child.children:
            del node.children[levels[0]]

    def _forget(self, node: _Node) -> None:
        if node.message is not None:
            self._account(node.message, node.owner, sign=-1)
            node.message = node.owner = None

    def walk(self, topic_filter: str) -> Iterator[Message | None]:
        """Yield what is retained for the topics that a well-formed filter matches; None is a step on the way.

        What changes between two steps may be found as it was, as it is, or not at all.
        """
        levels = topic_filter.split("/")
        path = [iter([self._root])]  # what is still to be visited at each depth, the deepest last
        while path:
            node = next(path[-1], None)
            if node is None:
                path.pop()
                continue
            depth = len(path) - 1
            if levels[-1] == "#" and depth > 0 and depth >= len(levels) - 1:
                yield from self._below(node)
            elif depth == len(levels):
                yield node.message
            else:
                path.append(iter(_step(node, levels[depth], top=depth == 0)))
                yield None

    def _below(self, node: _Node) -> Iterator[Message | None]:
        """Yield what is retained at a node and everywhere below it; `a/#` matches `a` too (3.1.1 §4.7.1.2)."""
        waiting = [node]
        while waiting:
            here = waiting.pop()
            yield here.message
            waiting.extend(here.children.values())


def _step(node: _Node, level: str, *, top: bool) -> list[_Node]:
    if level in {"+", "#"}:
        if top:  # No wildcard at the front matches a topic that begins with `$` (3.1.1 §4.7.2).
            return [child for name, child in node.children.items() if not name.startswith("$")]
        return list(node.children.values())
    child = node.children.get(level)
    return [] if child is None else [child]
