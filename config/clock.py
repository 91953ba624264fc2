"""The one wall clock. Everybody else is handed `now`, and only this module reads the time.

With INNWATCH_CLOCK=FILE the seconds that FILE holds are added, so that a scenario of hours runs against the
real process in seconds. That is refused unless the data folder was made for tests: whoever can write FILE
could make tokens live for ever.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.errors import BadSetting

_STEP = timedelta(seconds=2)


class Clock:
    """Aware UTC, moved by what the clock file says (if there is one)."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._shift = timedelta() if file is None else _read(file)
        self._drift = _drift()
        self._steps = 0

    def now(self) -> datetime:
        if self._file is not None:
            # Every time: whoever wrote the file may count on the next message being received at the new time.
            self._move(self._shift_now(self._file))
        return datetime.now(UTC) + self._shift

    def steps(self) -> int:
        """How often the clock was set while we ran: by NTP, by a person, by a machine that was suspended.

        Time that the clock file lets pass is no step, unless it goes back.
        """
        drift = _drift()
        if abs(drift - self._drift) > _STEP:
            self._steps += 1
        self._drift = drift  # each time, so that a clock which is slowly put right is no step
        return self._steps

    def _move(self, shift: timedelta) -> None:
        if shift < self._shift:
            self._steps += 1
        self._shift = shift

    def _shift_now(self, file: Path) -> timedelta:
        try:
            return _read(file)
        except BadSetting:
            return self._shift  # read in the middle of being written: look again in a moment


def _drift() -> timedelta:
    """The wall clock against one that nobody sets."""
    return timedelta(seconds=time.time() - time.monotonic())


def _read(file: Path) -> timedelta:
    """The shift that FILE holds, as a number of seconds; a file that is not there (yet) holds none."""
    try:
        return timedelta(seconds=float(file.read_text()))
    except FileNotFoundError:
        return timedelta()
    except (OSError, ValueError, OverflowError) as error:
        raise BadSetting(f"INNWATCH_CLOCK: {file} must hold a number of seconds, such as 3600") from error
