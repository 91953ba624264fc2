"""Times as agents and exports of the old system write them."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_MILLISECONDS_FROM: Final = 1e11
"""Seconds would be in the year 5138."""

ERA: Final = "is not between the years 1971 and 8999"


def in_our_era(moment: datetime) -> bool:
    """Whether one may reckon from it, days or years, in any zone: at the calendar's edges that overflows."""
    return 1970 < moment.year < 9000


def old_moment(said: str | float) -> datetime:
    """Return a time that is RFC 3339 (without a zone it is UTC) or seconds or milliseconds since 1970, in UTC.

    Raises ValueError, OverflowError.
    """
    if isinstance(said, str):
        moment = datetime.fromisoformat(said)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return EPOCH + timedelta(seconds=said / 1000 if abs(said) >= _MILLISECONDS_FROM else said)
