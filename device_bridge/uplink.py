"""The bridge's side of a broker, whichever it is: what it publishes through, and whether it hears anything."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from broker.delivery import Publisher
from broker.topics import RETAINED, parse
from device_bridge.hearing import Hearing
from rules.ids import DeviceId, HotelId

AliveAt = Callable[[HotelId, DeviceId], datetime | None]


def nobody_knows(hotel_id: HotelId, device_id: DeviceId) -> datetime | None:  # noqa: ARG001
    """Say nothing of any connection."""
    return None


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

    def alive_at(self, hotel_id: HotelId, device_id: DeviceId) -> datetime | None:
        """Return when the broker last had any packet of a device's connection, as far as it can be asked."""

    def problems(self) -> list[str]:
        """What is wrong, in words for the health page; empty when nothing is."""


class CensusFailed(Exception):
    """The broker did not say what it has retained. The text says why, and what to do."""


class Nearby:
    """The uplink to the broker in this process: it is always there, and nothing waits."""

    def __init__(
        self,
        publisher: Publisher,
        *,
        hearing: Hearing,
        retained: Callable[[], frozenset[str]],
        alive_at: AliveAt = nobody_knows,
    ) -> None:
        self.announcements = publisher
        self.receipts = publisher
        self.hearing = hearing
        self._retained = retained
        self._alive_at = alive_at

    async def settled(self) -> None:
        """Nothing to wait for: it is with every session when `publish` returns."""

    async def retained(self) -> frozenset[str]:
        return self._retained()

    def alive_at(self, hotel_id: HotelId, device_id: DeviceId) -> datetime | None:
        return self._alive_at(hotel_id, device_id)

    def problems(self) -> list[str]:
        return []


def is_ours(name: str) -> bool:
    """Whether a topic is one that the bridge alone publishes, retained."""
    topic = parse(name)
    return topic is not None and topic.kind in RETAINED
