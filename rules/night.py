"""The night that a battery has to last for, in the hotel's own time: from the evening's round to the morning."""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

EVENING: Final = time(21)
MORNING: Final = time(7)

_STEP: Final = 900  # seconds


class Night(Struct, frozen=True):
    """One night, in UTC."""

    evening: datetime
    morning: datetime


def night_of(at: datetime, *, timezone: str) -> Night:
    """The night that is on at `at`, or the one that comes next; `timezone` is an IANA name."""
    return _night_of(int(at.timestamp()) // _STEP, timezone)


@lru_cache(maxsize=1024)
def _night_of(step: int, timezone: str) -> Night:
    """For every moment of a quarter of an hour: no zone's hours begin within one."""
    zone = _zone(timezone)
    local = datetime.fromtimestamp(step * _STEP, zone)
    day = local.date() if local.time() < MORNING else local.date() + timedelta(days=1)
    evening = datetime.combine(day - timedelta(days=1), EVENING, tzinfo=zone)
    morning = datetime.combine(day, MORNING, tzinfo=zone)
    return Night(evening.astimezone(UTC), morning.astimezone(UTC))


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
