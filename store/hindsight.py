"""Why there was an alert and why there was none: what was stored, judged once more by the rules (`rules.hindsight`).

The looking back takes some 20 µs for a message, so it is done in a thread and in no transaction.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from rules.alerts import AlertSnapshot, Because, Reason
from rules.hindsight import Finding, Heard, LookedBack, look_back
from rules.ids import AlertId, DeviceId, HotelId
from rules.policy import in_full
from store.alerts import Alerts
from store.errors import NotFound
from store.inputs import Inputs
from store.ledger import Ledger
from store.records import AlertWhy, DeviceWhy, NotificationState

LONGEST: Final = timedelta(hours=24)
"""What may be asked for at once."""

BEFORE: Final = timedelta(minutes=5)
AFTER: Final = timedelta(minutes=1)
"""How much of a tablet's life is told around the opening of an alert."""


class Hindsight(Alerts, Ledger, Inputs):
    async def why_device(
        self, hotel_id: HotelId, device_id: DeviceId, *, start: datetime, end: datetime, most: int = 500
    ) -> DeviceWhy:
        """What spoke for trouble in [start, end), a day of it at most, with `most` messages at the most.

        Raises NotFound (hotel, device), ValueError unless start < end ≤ start + LONGEST and most ≥ 1.
        """
        if not (timedelta() < end - start <= LONGEST) or most < 1:
            raise ValueError(f"a look back goes over {LONGEST} at most, from a start before its end")
        span = await self.span(hotel_id, start=start, end=end)
        inputs = [one async for page in self.inputs(hotel_id, span, device_id=device_id) for one in page.inputs]
        looked = await asyncio.to_thread(
            look_back, inputs, hotel_id=hotel_id, device_id=device_id, start=start, end=end
        )
        alerts = await self._named(hotel_id, looked)
        return DeviceWhy(
            device_id=device_id,
            room_id=None if looked.assignment is None else looked.assignment.place.room_id,
            start=start,
            end=end,
            complete=span.whole,
            findings=await self._told(hotel_id, looked.findings, alerts=alerts),
            alerts=alerts,
            thresholds=None if looked.assignment is None else in_full(looked.assignment.policy),
            heard=_evenly(looked.heard, most=most),
            heard_in_all=len(looked.heard),
        )

    async def why_alert(self, hotel_id: HotelId, alert_id: AlertId) -> AlertWhy:
        """What led to an alert, and what became of it. Raises NotFound (alert)."""
        alert = await self.alert(hotel_id, alert_id)
        if alert is None:
            raise NotFound("alert", alert_id)
        begins = min([alert.opened_at, *(reason.since for reason in alert.why if reason.since is not None)])
        end = alert.opened_at + AFTER
        start = max(begins - BEFORE, end - LONGEST)
        return AlertWhy(
            alert=alert,
            device=await self.why_device(hotel_id, alert.device_id, start=start, end=end),
            timeline=tuple(await self.timeline(hotel_id, alert_id)),
            notices=await self.notifications_of(hotel_id, alert_id),
        )

    async def _named(self, hotel_id: HotelId, looked: LookedBack) -> tuple[AlertSnapshot, ...]:
        names = dict.fromkeys(finding.alert_id for finding in looked.findings if finding.alert_id is not None)
        found = [await self.alert(hotel_id, name) for name in names]
        return tuple(alert for alert in found if alert is not None)

    async def _told(
        self, hotel_id: HotelId, findings: tuple[Finding, ...], *, alerts: tuple[AlertSnapshot, ...]
    ) -> tuple[Finding, ...]:
        """With what the rules do not know: that an incident was told instead, and nothing of the alert by itself."""
        absorbed: set[AlertId] = set()
        for alert in alerts:
            if alert.incident_id is not None:
                notices = await self.notifications_of(hotel_id, alert.id)
                absorbed |= {alert.id} if all(one.state is NotificationState.CANCELLED for one in notices) else set()
        part = Reason(Because.PART_OF_OUTAGE)
        return tuple(
            replace(one, untold=part) if one.alert_id in absorbed and one.untold is None else one for one in findings
        )


def _evenly(heard: tuple[Heard, ...], *, most: int) -> tuple[Heard, ...]:
    """All, or every so many-th and the last."""
    if len(heard) <= most:
        return heard
    step = len(heard) / most
    return tuple(heard[int(place * step)] for place in range(most - 1)) + heard[-1:]
