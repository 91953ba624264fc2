"""A copy of the broker's file is whole, although the broker has it to itself and writes on."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from broker import shelf_copy
from broker.shelf_copy import NotCopied
from tests.support import Processes, eventually_sync

# As the broker has it: alone, with a log. Each transaction adds a row to both tables, and checkpoints come often.
WRITER = """
import sqlite3, sys, time
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", f"wal_autocheckpoint={sys.argv[2]}"):
    raw.execute("PRAGMA " + pragma).fetchall()
raw.execute("CREATE TABLE a (n INTEGER, pad BLOB)")
raw.execute("CREATE TABLE b (n INTEGER, pad BLOB)")
n = 0
while True:
    raw.execute("BEGIN")
    for table in "ab":
        raw.execute(f"INSERT INTO {table} VALUES (?, zeroblob(2000))", (n,))
    raw.execute("COMMIT")
    n += 1
    time.sleep(float(sys.argv[3]))
"""


def written(processes: Processes, path: Path, *, checkpoint_after: int, pause: float) -> None:
    processes.start([sys.executable, "-c", WRITER, str(path), str(checkpoint_after), str(pause)])
    eventually_sync(lambda: path.with_name(path.name + "-wal").exists() and path.stat().st_size > 0)


def rows(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as raw:
        one, other = (raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in "ab")  # noqa: S608
        return one, other


def test_copies_made_while_it_is_written_are_each_of_one_moment(processes: Processes, tmp_path: Path) -> None:
    source = tmp_path / "broker.sqlite3"
    written(processes, source, checkpoint_after=200, pause=0.002)

    numbers = []
    for attempt in range(10):
        shelf_copy.copy(source, tmp_path / f"copy-{attempt}")
        one, other = rows(tmp_path / f"copy-{attempt}")
        assert one == other
        numbers.append(one)

    assert numbers == sorted(numbers)
    assert numbers[-1] > numbers[0] > 0


def test_one_that_is_never_at_rest_is_not_copied(processes: Processes, tmp_path: Path) -> None:
    source = tmp_path / "broker.sqlite3"
    written(processes, source, checkpoint_after=1, pause=0.001)

    with pytest.raises(NotCopied, match="written to all the time"):
        shelf_copy.copy(source, tmp_path / "copy", attempts=5)

    assert not list(tmp_path.glob("copy*"))


def test_one_that_is_damaged_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "broker.sqlite3").write_bytes(b"SQLite format 3\0" + bytes(5000))

    with pytest.raises(NotCopied, match="damaged"):
        shelf_copy.copy(tmp_path / "broker.sqlite3", tmp_path / "copy")

    assert not list(tmp_path.glob("copy*"))
