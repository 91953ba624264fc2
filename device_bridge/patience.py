"""How often tablets get the time to come back after we did not listen: each time, unless our own link comes and goes.

A link that is lost again before that time is over gives it anew, and nobody who is gone would ever be found. So of
such a run only the first beginnings give it; the later ones find out who has not been heard in all that time.
"""

from datetime import datetime, timedelta
from typing import Final

LONGEST_RUN: Final = 5
"""Times the grace: when we have listened for so long in such a run, nobody can say that there was no time."""


class Patience:
    def __init__(self) -> None:
        self._began: datetime | None = None
        self._listened = self._grace = timedelta(0)  # in the stretches of the present run

    def is_granted(self, began: datetime, *, until: datetime, grace: timedelta) -> bool:
        """Whether we give the grace at a beginning; `until` is how far we had listened before it."""
        last = self._began
        stretch = timedelta(0) if last is None else until - last
        goes_on = timedelta(0) <= stretch < grace
        self._listened = self._listened + stretch if goes_on else timedelta(0)
        self._began, self._grace = began, grace
        return not self._is_long

    def is_over(self, now: datetime) -> bool:
        """Whether we have run out of it: until we have listened without a break for as long as the grace."""
        return self._is_long and self._began is not None and timedelta(0) <= now - self._began < self._grace

    @property
    def _is_long(self) -> bool:
        return self._listened > LONGEST_RUN * self._grace
