"""When the condition of an alert turned: it began, it ended, it began again. Too often is flapping."""

from datetime import datetime, timedelta
from typing import Final

from rules.alerts import Because, Reason

FLAPPING_FROM: Final = 4
"""Turns within `FLAPPING_WITHIN`: an alert that began, ended and began again is flapping when it would end again."""

FLAPPING_WITHIN: Final = timedelta(minutes=30)

CALM_AFTER: Final = timedelta(minutes=15)
"""What was flapping is over when no cause of it was there for so long."""

REOPENED_WITHIN: Final = timedelta(minutes=10)
"""An alert that was over is the same alert when it fires again so soon."""

_KEPT: Final = 8


def turned(turns: tuple[datetime, ...], *, at: datetime) -> tuple[datetime, ...]:
    """The turns of the last half hour, the one of this moment too; no more of them than tell anything."""
    return (*(turn for turn in turns if at - turn <= FLAPPING_WITHIN), at)[-_KEPT:]


def too_many(turns: tuple[datetime, ...]) -> Reason | None:
    """That it turned too often of late, if it did."""
    if len(turns) < FLAPPING_FROM:
        return None
    return Reason(Because.FLAPPING, observed=float(len(turns)), limit=float(FLAPPING_FROM), since=turns[0])


def is_again(over: datetime, *, at: datetime) -> bool:
    """Whether what fires at this moment is what was over then."""
    return at - over <= REOPENED_WITHIN
