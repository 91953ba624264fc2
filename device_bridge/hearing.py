"""Whether the tablets can be heard: always, where the broker is in this process; else while we are connected to it."""

from collections.abc import Callable
from datetime import datetime

NOT_YET = "still trying"


class Hearing:
    """Deaf at first. Said by whoever has the connection, asked by everyone who would otherwise accuse a tablet."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self._deaf_since: datetime | None = now()
        self.why = NOT_YET
        self.times = 0
        """How often hearing began: whoever has to begin again with it remembers for which time that was done."""

    @classmethod
    def always(cls, *, now: Callable[[], datetime]) -> "Hearing":
        hearing = cls(now=now)
        hearing.begins()
        return hearing

    @property
    def deaf_since(self) -> datetime | None:
        """Since when nothing can be heard; None while it can."""
        return self._deaf_since

    def begins(self) -> None:
        self._deaf_since = None
        self.times += 1

    def ends(self, why: str) -> None:
        """Nothing can be heard any more, or still not but for another reason, in words for people."""
        if self._deaf_since is None:
            self._deaf_since = self._now()
        self.why = why
