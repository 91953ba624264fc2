"""How much may be on its way to one client, and be kept for all of them."""

from msgspec import Struct


class Bounds(Struct, frozen=True):
    """How much may be on its way to one client."""

    in_flight: int
    messages: int
    size: int  # bytes
    refuse: bool = True  # what is above QoS 0 and finds no room; else whoever publishes is made to wait


class Stock(Struct):
    """What is on its way to some clients together, above QoS 0: `size` bytes."""

    most: float  # bytes; beyond it nothing is added for who is away
    size: int = 0

    def has_room(self, size: int) -> bool:
        return self.size + size <= self.most
