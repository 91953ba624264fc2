"""The bridge's side of a broker, whichever it is: what it publishes through, and whether it hears anything."""

from collections.abc import Callable
from typing import Protocol

from broker.delivery import Publisher
from broker.topics import RETAINED, parse
from device_bridge.hearing import Hearing


class Uplink(Protocol):
    """What the bridge needs of its broker besides the messages, which come through the queue."""

    @property
    def announcements(self) -> Publisher:
        """For what must arrive, in order; waits for a broker that is away."""

    @property
    def receipts(self) -> Publisher:
        """For what must not keep anybody waiting, and may be lost."""

    @property
    def hearing(self) -> Hearing: ...

    async def settled(self) -> None:
        """Return when the broker has all that was announced until now."""

    async def retained(self) -> frozenset[str]:
        """Return the retained topics of the bridge's kinds that the broker has, all announcements being there.

        Raises CensusFailed.
        """

    def problems(self) -> list[str]:
        """What is wrong, in words for the health page; empty when nothing is."""


class CensusFailed(Exception):
    """The broker did not say what it has retained. The text says why, and what to do."""


class Nearby:
    """The uplink to the broker in this process: it is always there, and nothing waits."""

    def __init__(self, publisher: Publisher, *, hearing: Hearing, retained: Callable[[], frozenset[str]]) -> None:
        self.announcements = publisher
        self.receipts = publisher
        self.hearing = hearing
        self._retained = retained

    async def settled(self) -> None:
        """Nothing to wait for: it is with every session when `publish` returns."""

    async def retained(self) -> frozenset[str]:
        return self._retained()

    def problems(self) -> list[str]:
        return []


def is_ours(name: str) -> bool:
    """Whether a topic is one that the bridge alone publishes, retained."""
    topic = parse(name)
    return topic is not None and topic.kind in RETAINED
