"""The notice that isolation is broken, to the channels that the settings name for the whole installation."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from config.first_run import default_channels
from config.settings import Settings
from rules.alerts import AlertSnapshot, AlertStatus, Condition, Family, Rule, Severity
from rules.canaries import CANARIES
from rules.ids import AlertId, DeviceId
from store.records import Channel, ChannelKind, Claimed, NoticeKind, NotificationId
from worker.channels import DeliveryFailed, Sender
from worker.wording import Notice

_SHOWN = 10

_log = logging.getLogger(__name__)


class Alarm:
    """Tells whoever looks after the installation. A process that was told of no channels only logs."""

    def __init__(self, settings: Settings, senders: Mapping[ChannelKind, Sender]) -> None:
        self._channels = default_channels(settings)
        self._senders = senders
        self._link = settings.public_url

    async def raise_(self, broken: Sequence[str], *, now: datetime) -> None:
        """Send it once to each channel; what fails is in the log."""
        notice = Notice(
            subject="Innwatch: one hotel can reach another",
            headline=f"The isolation audit got through to another hotel in {len(broken)} ways.",
            facts=(("At", now.isoformat(timespec="seconds")),),
            reasons=tuple(broken[:_SHOWN]),
            remark="The hotels it tried are hidden ones of ours, but others are kept apart by the same doors.",
            link=self._link,
            urgent=True,
        )
        for number, channel in enumerate(self._channels):
            try:
                await self._senders[channel.kind].deliver(notice, _claimed(channel, number, now=now))
            except DeliveryFailed as failed:
                _log.error("the alarm was not delivered", {"channel": channel.kind, "error": failed.detail})


def _claimed(channel: Channel, number: int, *, now: datetime) -> Claimed:
    """Senders are made for alerts of hotels; this is the one notice that is about none, so its alert is made up."""
    name = f"isolation-{int(now.timestamp())}"
    alert = AlertSnapshot(
        id=AlertId(name),
        device_id=DeviceId("none"),
        room_id=None,
        floor=None,
        family=Family.BREACH,
        rule=Rule.BREACH_REPORTED,
        severity=Severity.CRITICAL,
        status=AlertStatus.OPEN,
        condition=Condition.ACTIVE,
        opened_at=now,
        last_at=now,
        count=1,
        why=(),
        revision=1,
    )
    return Claimed(
        hotel_id=CANARIES[0],
        id=NotificationId(0),
        kind=NoticeKind.OPENED,
        channel=channel,
        about=alert,
        attempt=1,
        idempotency_id=f"{name}-{number}",
        lease_until=now + timedelta(minutes=2),
        hotel_name="",
        timezone="UTC",
    )
