"""The one wall clock. Everybody else is handed `now`, and only this module reads the time.

With INNWATCH_CLOCK=FILE the seconds that FILE holds are added, so that a scenario of hours runs against the
real process in seconds. Where FILE holds a moment instead (2026-11-23T03:00:00Z), time stands still at it: what is
asked then does not depend on how fast the machine is. Either is refused unless the data folder was made for tests:
whoever can write FILE could make tokens live for ever.
"""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.errors import BadSetting

_STEP = timedelta(seconds=2)


class Clock:
    """Aware UTC, moved by what the clock file says (if there is one)."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._said = timedelta() if file is None else _read(file)
        self._drift = _drift()
        self._steps = 0

    def now(self) -> datetime:
        wall = datetime.now(UTC)
        if self._file is None:
            return wall
        # Every time: whoever wrote the file may count on the next message being received at the new time.
        self._obey(self._read_now(self._file), wall)
        return _at(self._said, wall)

    def steps(self) -> int:
        """How often the clock was set while we ran: by NTP, by a person, by a machine that was suspended.

        Time that the clock file lets pass is no step, unless it goes back.
        """
        drift = _drift()
        if abs(drift - self._drift) > _STEP:
            self._steps += 1
        self._drift = drift  # each time, so that a clock which is slowly put right is no step
        return self._steps

    def ticks(self) -> float:
        """Seconds on a clock that nobody sets. It stands still while time does: then nobody is slow."""
        return 0.0 if isinstance(self._said, datetime) else time.monotonic()

    def _obey(self, said: timedelta | datetime, wall: datetime) -> None:
        if _at(said, wall) < _at(self._said, wall):
            self._steps += 1
        self._said = said

    def _read_now(self, file: Path) -> timedelta | datetime:
        try:
            return _read(file)
        except BadSetting:
            return self._said  # read in the middle of being written: look again in a moment


def _at(said: timedelta | datetime, wall: datetime) -> datetime:
    return said if isinstance(said, datetime) else wall + said


def _drift() -> timedelta:
    """The wall clock against one that nobody sets. Who is held up between reading the two reads both again."""
    while True:
        before, wall = time.monotonic(), time.time()
        if time.monotonic() - before < _STEP.total_seconds() / 2:
            return timedelta(seconds=wall - before)


def _read(file: Path) -> timedelta | datetime:
    """What FILE holds: a shift, as a number of seconds, or a moment. A file that is not there (yet) shifts nothing."""
    try:
        text = file.read_text().strip()
    except FileNotFoundError:
        return timedelta()
    except OSError as error:
        raise BadSetting(f"INNWATCH_CLOCK: {file} cannot be read: {error.strerror}") from error
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError) as error:
        problem = f"INNWATCH_CLOCK: {file} must hold a number of seconds, such as 3600, or a moment with its zone"
        raise BadSetting(problem) from error
