"""The bridge's writing: one batch, one transaction."""

from collections.abc import Collection

from rules.ids import MessageId
from store.batch import Batch
from store.records import DeviceKey, Recorded


class Intake:
    async def known(self, ids: Collection[tuple[DeviceKey, MessageId]]) -> set[tuple[DeviceKey, MessageId]]:
        """Return those of `ids` that are stored already; one statement for up to a few thousand. Raises
        StoreUnavailable.
        """
        raise NotImplementedError

    async def apply(self, batch: Batch) -> tuple[Recorded, ...]:
        """Write a batch in one transaction, all or nothing, and return its events: hotels in order of id, events in
        order of theirs.

        With each alert that opened, worsened or cleared goes one notification per channel of its hotel. Raises
        DataRefused (this batch will never go in: a duplicate id, an alert that is not there, a value the database
        refuses) or StoreUnavailable (the same batch may be tried again). Durable on disk when it returns.
        """
        raise NotImplementedError
