"""Writing down, once an hour, what every tablet has come to: where a replay may begin (docs/adr/0039).

A hotel's checkpoint is one transaction: what all of its tablets are judged by, and then each tablet whole. It stands
among the inputs, so whatever is stored after it has been judged after it.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from device_bridge.fleet import Fleet
from device_bridge.matters import assignment_record
from device_bridge.tablet import Tablet
from device_bridge.watch import Watch
from rules.ids import HotelId, MessageId
from rules.inputs import DeviceCheckpoint, HotelCheckpoint, InputKind
from store import DataRefused, Store, StoreUnavailable
from store.batch import Batch, StoredMessage
from store.records import DeviceKey

_log = logging.getLogger(__name__)

EVERY: Final = timedelta(hours=1)
FIRST: Final = timedelta(minutes=1)
"""After a start, which has other things to do."""


class Checkpoints:
    """The intake calls `step` between two batches, when memory is what is stored; a hotel each time, once it is due."""

    def __init__(self, *, store: Store, fleet: Fleet, watch: Watch, now: Callable[[], datetime]) -> None:
        self._store = store
        self._fleet = fleet
        self._watch = watch
        self._now = now
        self._begun_at = now() - EVERY + FIRST
        self._round: list[HotelId] = []

    @property
    def is_due(self) -> bool:
        since = self._now() - self._begun_at
        return bool(self._round) or not timedelta(0) <= since < EVERY  # the clock may have been set back

    async def step(self) -> None:
        """Write the next hotel's. Raises nothing: one that fails is left out until the next hour."""
        if not self._round:
            self._begun_at, self._round = self._now(), list(self._fleet.hotels)
        if not self._round:
            return
        hotel_id = self._round.pop()
        try:
            await self._store.apply(Batch(received_at=self._now(), messages=list(self._rows(hotel_id))))
        except StoreUnavailable:
            return  # the intake reports it
        except DataRefused as refusal:
            _log.warning("the database refuses a checkpoint", {"hotel": hotel_id, "error": refusal})

    def _rows(self, hotel_id: HotelId) -> Iterator[StoredMessage]:
        at = self._now()
        hotel = HotelCheckpoint(self._fleet.inventory(hotel_id), self._watch.watching_since)
        yield _row(hotel_id, None, at=at, body=msgspec.json.encode(hotel))
        for tablet in self._fleet.tablets(hotel_id):
            yield _row(hotel_id, tablet.key, at=at, body=msgspec.json.encode(_checkpoint(tablet)))


def _checkpoint(tablet: Tablet) -> DeviceCheckpoint:
    return DeviceCheckpoint(assignment_record(tablet), tablet.state)


def _row(hotel_id: HotelId, key: DeviceKey | None, *, at: datetime, body: bytes) -> StoredMessage:
    return StoredMessage(
        hotel_id=hotel_id,
        device_key=key,
        kind=InputKind.CHECKPOINT,
        message_id=MessageId(f"checkpoint:{at.timestamp() * 1e6:.0f}"),
        received_at=at,
        body=body,
    )
