"""Why there was an alert and why there was none: what was stored, judged once more by the rules (`rules.hindsight`).

The looking back takes some 30 µs for a message, so it is done in a thread and in no transaction.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec.structs import replace

from rules.alerts import AlertSnapshot
from rules.hindsight import Finding, Heard, Level, LookedBack, levels_of, look_back
from rules.ids import AlertId, DeviceId, HotelId, RoomId
from rules.inputs import StoredInput
from rules.place import own_policy
from rules.policy import NO_CHANGES, PolicyChanges, in_full, merged
from store import facts
from store.alerts import Alerts
from store.errors import NotFound
from store.inputs import Inputs
from store.ledger import Ledger
from store.records import AlertWhy, DeviceWhy
from store.transaction import Transaction
from store.untold import why_untold

LONGEST: Final = timedelta(hours=24)
"""What may be asked for at once."""

AT_ONCE: Final = 16
"""Inputs that are judged in a row: about half a millisecond."""

BEFORE: Final = timedelta(minutes=5)
AFTER: Final = timedelta(minutes=1)
"""How much of a tablet's life is told around the opening of an alert."""


class Hindsight(Alerts, Ledger, Inputs):
    async def why_device(
        self,
        hotel_id: HotelId,
        device_id: DeviceId,
        *,
        start: datetime,
        end: datetime,
        most: int = 500,
        now: datetime | None = None,
    ) -> DeviceWhy:
        """What spoke for trouble in [start, end), a day of it at most, with `most` messages at the most.

        What is to come is nobody's silence: if `now` is given, nothing is said of what comes after it.
        Raises NotFound (hotel, device), ValueError unless start < end ≤ start + LONGEST, start < now and most ≥ 1.
        """
        if not (timedelta() < end - start <= LONGEST) or most < 1:
            raise ValueError(f"a look back goes over {LONGEST} at most, from a start before its end")
        if now is not None:
            if now <= start:
                raise ValueError("a look back goes over what has been, not over what is to come")
            end = min(end, now)
        span = await self.span(hotel_id, start=start, end=end)
        inputs = await self.inputs_of(hotel_id, device_id, span)
        looked = await asyncio.to_thread(
            look_back, _giving_way(inputs), hotel_id=hotel_id, device_id=device_id, start=start, end=end
        )
        alerts, assignment = await self._named(hotel_id, looked), looked.assignment
        levels: Mapping[str, Level] = {}
        if assignment is not None:
            today = partial(_levels, hotel_id=hotel_id, room_id=assignment.place.room_id, device_id=device_id)
            levels = levels_of(assignment.policy, *await self._database.read(today))
        return DeviceWhy(
            device_id=device_id,
            room_id=None if assignment is None else assignment.place.room_id,
            start=start,
            end=end,
            complete=span.whole,
            findings=await self._told(hotel_id, looked.findings, alerts=alerts, end=end),
            alerts=alerts,
            thresholds=None if assignment is None else in_full(assignment.policy),
            levels=levels,
            rule_version=looked.rule_version,
            heard=_evenly(looked.heard, most=most),
            heard_in_all=len(looked.heard),
        )

    async def why_alert(self, hotel_id: HotelId, alert_id: AlertId, *, now: datetime | None = None) -> AlertWhy:
        """What led to an alert, and what became of it; `now` as above. Raises NotFound (alert)."""
        alert = await self.alert(hotel_id, alert_id)
        if alert is None:
            raise NotFound("alert", alert_id)
        if now is not None:
            now = max(now, alert.opened_at)  # a clock that was set back makes nothing undone
        begins = min([alert.opened_at, *(reason.since for reason in alert.why if reason.since is not None)])
        end = alert.opened_at + AFTER
        start = max(begins - BEFORE, end - LONGEST)
        return AlertWhy(
            alert=alert,
            device=await self.why_device(hotel_id, alert.device_id, start=start, end=end, now=now),
            timeline=tuple(await self.timeline(hotel_id, alert_id)),
            notices=await self.notifications_of(hotel_id, alert_id),
        )

    async def _named(self, hotel_id: HotelId, looked: LookedBack) -> tuple[AlertSnapshot, ...]:
        names = dict.fromkeys(finding.alert_id for finding in looked.findings if finding.alert_id is not None)
        found = [await self.alert(hotel_id, name) for name in names]
        return tuple(alert for alert in found if alert is not None)

    async def _told(
        self, hotel_id: HotelId, findings: tuple[Finding, ...], *, alerts: tuple[AlertSnapshot, ...], end: datetime
    ) -> tuple[Finding, ...]:
        """With what the rules do not know: what became of the notices."""
        told = []
        known = {alert.id: alert for alert in alerts}
        for finding in findings:
            alert = None if finding.alert_id is None else known.get(finding.alert_id)
            if alert is not None and finding.untold is None:
                notices, timeline = (
                    await self.notifications_of(hotel_id, alert.id),
                    await self.timeline(hotel_id, alert.id),
                )
                untold = why_untold(finding, alert, end=end, notices=notices, timeline=timeline)
                told.append(replace(finding, untold=untold))
            else:
                told.append(finding)
        return tuple(told)


def _levels(
    transaction: Transaction, *, hotel_id: HotelId, room_id: RoomId | None, device_id: DeviceId
) -> tuple[PolicyChanges, ...]:
    """What the hotel, the room and the tablet decide today; who is not there any more decides nothing."""
    hotel = facts.hotel(transaction, hotel_id)
    room = None if room_id is None else facts.room(transaction, hotel_id, room_id)
    device = facts.find_device(transaction, hotel_id, device_id)
    return (
        merged(hotel.policy, PolicyChanges(profile=hotel.profile)),
        NO_CHANGES if room is None else own_policy(room),
        NO_CHANGES if device is None else device.policy,
    )


def _giving_way(inputs: Iterable[StoredInput]) -> Iterator[StoredInput]:
    """The inputs, with room in between for whatever else the process does: tablets wait for their PUBACK.

    A thread that only reckons keeps the interpreter for 5 ms each time that another wants it.
    """
    for place, one in enumerate(inputs):
        if place % AT_ONCE == 0:
            time.sleep(0)
        yield one


def _evenly(heard: tuple[Heard, ...], *, most: int) -> tuple[Heard, ...]:
    """All, or every so many-th and the last."""
    if len(heard) <= most:
        return heard
    step = len(heard) / most
    return tuple(heard[int(place * step)] for place in range(most - 1)) + heard[-1:]
