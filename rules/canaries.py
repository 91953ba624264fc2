"""The hidden hotels between which the isolation audit tries to get through: in no list of hotels, and in no metric."""

from typing import Final

from rules.ids import HotelId

CANARIES: Final = (HotelId("innwatch-canary-1"), HotelId("innwatch-canary-2"))
