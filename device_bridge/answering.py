"""What goes out of a batch that is stored: receipts, results for hotel systems, tokens; and what is counted and logged.

Nothing of it waits for an answer: who did not get theirs asks again, and is known by the id.
"""

import logging
from collections.abc import Sequence

import msgspec

from broker.delivery import Publisher
from broker.quiet_log import QuietLog
from broker.topics import Kind, device_topic
from device_bridge.draft import Draft
from device_bridge.matters import Matter, Turned, ids_of
from device_bridge.metrics import BridgeMetrics
from device_bridge.pms_results import result_topic
from device_bridge.receipts import encode_receipts
from rules.alerts import ChangeKind

_log = logging.getLogger(__name__)

_EVENTS = {
    ChangeKind.OPENED: "alert opened",
    ChangeKind.REOPENED: "alert opened again",
    ChangeKind.CLEARED: "alert resolved",
}


class Answers:
    def __init__(self, *, publisher: Publisher, metrics: BridgeMetrics) -> None:
        self._publisher = publisher
        self._metrics = metrics
        self._refusals = QuietLog(_log)

    async def give(self, draft: Draft, matters: Sequence[Matter]) -> None:
        """After the commit of a draft, which was made of these matters."""
        self._count(draft, len(matters))
        self._say(draft, matters)
        await self._publish(draft)

    def _count(self, draft: Draft, matters: int) -> None:
        self._metrics.stored.inc(len(draft.batch.messages))
        self._metrics.duplicates.inc(draft.duplicates)
        self._metrics.late.inc(draft.late)
        self._metrics.renewed.inc(len(draft.renewed))
        self._metrics.batch.observe(matters)
        for reason in draft.rejections:
            self._metrics.rejected.labels(reason).inc()

    def _say(self, draft: Draft, matters: Sequence[Matter]) -> None:
        """Which alerts began and ended, and what was refused: that is what a tablet says, so not each time."""
        for change in draft.batch.changes:
            if event := _EVENTS.get(change.change.kind):
                alert = change.change.alert
                ids = {"hotel": change.hotel_id, "device": change.device_id, "alert": alert.id}
                _log.info(event, {**ids, "rule": alert.rule, "severity": alert.severity})
        if draft.rejections:
            for matter in matters:
                if isinstance(matter, Turned):
                    self._refusals.say("message refused", matter.rejected.reason, **ids_of(matter))

    async def _publish(self, draft: Draft) -> None:
        for (hotel_id, device_id), lines in draft.receipts.items():
            topic = device_topic(hotel_id, device_id, Kind.RECEIPT)
            for payload in encode_receipts(lines):
                await self._publisher.publish(topic, payload)
        for hotel_id, by, result in draft.results:
            await self._publisher.publish(result_topic(hotel_id, by), msgspec.json.encode(result))
        for tablet, answer in draft.renewed:
            topic = device_topic(tablet.hotel_id, tablet.device_id, Kind.TOKEN)
            await self._publisher.publish(topic, msgspec.json.encode(answer))
