"""Looking back may cost a second in the process that answers everybody: one at a time, and few of a hotel wait."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from api.problems import Refused, Trouble
from rules.ids import HotelId

OF_A_HOTEL: Final = 4
"""That have their turn or wait for it."""


class LookBacks:
    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._asked: Counter[HotelId] = Counter()

    @asynccontextmanager
    async def turn(self, hotel_id: HotelId) -> AsyncIterator[None]:
        """Wait for a hotel's turn, in order of arrival, and have it. Raises Refused (429) where too many of it ask."""
        if self._asked[hotel_id] >= OF_A_HOTEL:
            raise Refused(Trouble.TOO_MANY, "too many of the hotel look back at once", headers={"Retry-After": "5"})
        self._asked[hotel_id] += 1
        try:
            async with self._turn:
                yield
        finally:
            self._asked -= Counter((hotel_id,))  # which forgets a hotel of which nobody asks any more
