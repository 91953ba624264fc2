"""Who is shut out: one record per subject, by the generation that its tokens must have at least.

What the store keeps and the broker holds in memory, so that neither needs to know the other.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from rules.ids import HotelId

SUSPENDED: Final = 2**63 - 1
"""The generation of a suspended hotel: no token has it. That of a hotel that was resumed is 0: every token has it."""


class Subject(StrEnum):
    """Whose tokens: one device's, person's or integrator's, or everybody's of a hotel."""

    DEVICE = "device"
    USER = "user"
    INTEGRATOR = "integrator"
    HOTEL = "hotel"


class Revoked(Struct, frozen=True, kw_only=True):
    """Tokens of a lower generation than `gen` are void.

    `hotel_id` is None for a person, whose account spans hotels; a hotel's `name` is its id. A person with a hotel was
    removed from that one or may do less there: their tokens for it are void that were issued up to the second `gen`
    (of 1970), and those for other hotels are as good as before. `revision` grows with each revocation of the
    installation: what has a higher one than those that a reader knows is news to it.
    """

    kind: Subject
    hotel_id: HotelId | None
    name: str
    gen: int
    revision: int
