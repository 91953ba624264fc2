"""Why there was an alert, and why there was none."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from rules.alerts import AlertSnapshot
from rules.hindsight import Finding, Heard, Level
from rules.ids import DeviceId, RoomId
from rules.policy import PolicyChanges
from store.records.events import TimelineEntry
from store.records.notices import Notification


class DeviceWhy(Struct, frozen=True, rename="camel", kw_only=True):
    """What spoke for trouble of one tablet in [start, end), and what came of it.

    `thresholds` are those that it was judged by at the end, all of them, and `levels` says who decided each; None: it
    was not known then. `rule_version` are the rules that judged it now, and which room and policy. `heard` is every
    message, or as many of them as were asked for, evenly. `complete`: what was stored reaches back far enough; where
    not, something may be missing that is too old to be kept.
    """

    device_id: DeviceId
    room_id: RoomId | None
    start: datetime = field(name="from")
    end: datetime = field(name="to")
    complete: bool
    findings: tuple[Finding, ...]
    alerts: tuple[AlertSnapshot, ...]  # those that `findings` name
    thresholds: PolicyChanges | None
    levels: Mapping[str, Level]
    rule_version: str | None
    heard: tuple[Heard, ...]
    heard_in_all: int


class AlertWhy(Struct, frozen=True, rename="camel", kw_only=True):
    """One alert with what led to it: the tablet from some minutes before on, its life so far, and whom it was told."""

    alert: AlertSnapshot
    device: DeviceWhy
    timeline: tuple[TimelineEntry, ...]
    notices: tuple[Notification, ...]
