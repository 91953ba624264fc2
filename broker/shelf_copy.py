"""Copying the broker's file, also while a broker has it.

A running broker keeps everybody else out of the file (`locking_mode=EXCLUSIVE`), SQLite's own way to copy included. So
the two files are copied as they lie there: the log only grows, with a check sum for each of its pages, and the main
file is written by checkpoints alone. If there was none meanwhile, the two fit together; if there was, it is tried
again. The copy is looked at whole before it counts.
"""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

ATTEMPTS: Final = 50
SETTLED: Final = 0.05
"""Seconds without a change of the main file: its time has a grain of some milliseconds."""

_LOG_HEAD: Final = 32


class NotCopied(Exception):
    """It was changing too fast, or it is damaged."""


def copy(source: Path, target: Path, *, attempts: int = ATTEMPTS) -> None:
    """Copy the file with what is in its log to `target`, 0600. Blocks. Raises NotCopied, OSError."""
    for _ in range(attempts):
        _forget(target)
        if _copied_at_one_moment(source, target):
            _make_one(target)
            return
        time.sleep(SETTLED)
    _forget(target)
    raise NotCopied(f"{source} was written to all the time; stop the broker, or leave its file out")


def _copied_at_one_moment(source: Path, target: Path) -> bool:
    before = _generation(source)
    if time.time_ns() - before[0] < SETTLED * 1e9:  # noqa: TID251, beside the file system's own clock
        return False
    for suffix in ("", "-wal"):
        from_here, to = source.with_name(source.name + suffix), target.with_name(target.name + suffix)
        if from_here.exists():
            os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            shutil.copyfile(from_here, to)
    return _generation(source) == before


def _generation(source: Path) -> tuple[int, int, bytes]:
    """What a checkpoint changes: the main file, and the head of a log that begins anew."""
    state, log = source.stat(), source.with_name(source.name + "-wal")
    head = b""
    if log.exists():
        with log.open("rb") as file:
            head = file.read(_LOG_HEAD)
    return state.st_mtime_ns, state.st_size, head


def _make_one(target: Path) -> None:
    try:
        with closing(sqlite3.connect(target)) as raw:
            raw.execute("PRAGMA journal_mode=DELETE").fetchall()
            (verdict,) = raw.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        verdict = str(error)
    if verdict != "ok":
        _forget(target)
        raise NotCopied(f"the copy of the broker's file is damaged: {verdict}")


def _forget(target: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
