"""Copying a database that is a file while others write to it, and looking whether a copy is whole. These block."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from store.errors import StoreUnavailable
from store.sqlite import translated


def copy(source: Path, target: Path) -> None:
    """Copy the database as it is at one moment to `target`, which is made, 0600. Raises StoreUnavailable."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with (
        translated(),
        closing(sqlite3.connect(f"file:{_quoted(source)}?mode=ro", uri=True)) as here,
        closing(sqlite3.connect(target)) as there,
    ):
        here.backup(there)  # in one step: writers go on beside it, and it starts again for none of them
        there.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, without a log beside it


def counts(path: Path) -> dict[str, int]:
    """How many rows each table of a copy has. Raises StoreUnavailable for one that is damaged."""
    with translated(), closing(sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True)) as raw:
        faults = [row[0] for row in raw.execute("PRAGMA integrity_check(3)") if row[0] != "ok"]
        if faults:
            raise StoreUnavailable(f"{path.name} is damaged: {'; '.join(faults)}")
        names = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {name: raw.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608 - its own


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
