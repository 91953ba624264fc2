"""How a message changes hands between the broker and the bridge: the seam that the other sources share."""

from collections.abc import Callable
from typing import Protocol

from broker.topics import Topic
from rules.ids import DeviceId, HotelId
from rules.messages import TokenEnd

__all__ = ["BRIDGE_CLIENT_ID", "Delivery", "Intake", "Publisher", "TokenEnd"]

BRIDGE_CLIENT_ID = "_/service/bridge/intake"
"""The client id of the bridge behind any broker: always the same, so that its session waits for it."""


class Delivery(Protocol):
    """One PUBLISH, or one will, that the broker hands to the bridge."""

    @property
    def topic(self) -> Topic: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def retain(self) -> bool: ...
    @property
    def qos(self) -> int: ...

    def settle(self) -> None:
        """Say that the message is stored: call it on the loop, once, after the commit.

        The acknowledgment leaves in the order of the connection's PUBLISHes, so it waits for those before it. At QoS 0
        there is none, but only so much of a connection may be unsettled, so settle those too. Nothing happens for a
        will, and when the connection has ended; the sender then sends again.
        """


class Intake(Protocol):
    """What the broker hands messages to. Called on the loop; must not block."""

    def offer(self, delivery: Delivery) -> bool:
        """Take a message, always. False: full, the broker stops reading from that connection until there is room."""

    def on_room(self, resume: Callable[[], None]) -> None:
        """Call `resume` once, when there is room again (at once if there already is)."""

    def ended(self, hotel_id: HotelId, device_id: DeviceId, cause: TokenEnd) -> None:
        """Learn that a device's connection was closed because its token ended. Its will is not published then."""


class Publisher(Protocol):
    """What the bridge publishes through."""

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Route a message to whoever subscribed; an empty retained payload removes what is retained."""
