"""The shelf's SQLite file: opening it, loading what is in it, and writing changes, each batch in one transaction.

Write-ahead log and `synchronous=FULL`: a commit that returned is on disk. The connection keeps the file locked for as
long as it is open, so that no two brokers share one. Everything here belongs on one thread, and is waited for there.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from broker.claims import Claims
from broker.shelf_changes import Changes, Shelved, ShelvedRetained, ShelvedSession
from broker.shelf_sql import QOS, RELEASED, RETAIN, SCHEMA, statements, time_of

OURS: Final = 0x496E6E62
"""`application_id` of the file: another program's database is left alone."""

VERSION: Final = 1
"""`user_version`: raised when the tables, or what their columns mean, change."""

PATIENCE: Final = 1.0
"""Seconds to wait at the start for another process that is just letting go of the file."""

SPARE: Final = 16384
"""Pages (of 4 KiB) of nothing that a file may carry along; with more it is made smaller when it is opened."""


class ShelfUnusable(Exception):
    """The broker's file cannot be used. The message is one line: which file, why, and what to do."""


class Contents(Struct):
    """What was in the file when it was opened."""

    sessions: list[ShelvedSession]
    retained: list[ShelvedRetained]


class Loaded(Struct):
    """The contents, and by what the file knows them: each session's key, and its messages' numbers in their order."""

    contents: Contents
    keys: list[int]
    numbers: list[list[int]]
    last_key: int
    last_number: int


class ShelfFile:
    """The file. After `open`, whatever goes wrong leaves it usable: the same changes can be written again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw: sqlite3.Connection | None = None

    def open(self) -> Loaded:
        """Open the file, making it (0600) where it is missing, and read it. Raises ShelfUnusable."""
        with self._told():
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            raw = sqlite3.connect(self.path, isolation_level=None, timeout=PATIENCE)
            try:
                self._prepare(raw)
                loaded = _load(raw)
            except BaseException:
                raw.close()
                raise
        self._raw = raw
        return loaded

    def write(self, changes: Changes) -> str | None:
        """Write changes in one transaction; return what went wrong, with nothing written, or None."""
        raw = self._raw
        if raw is None:
            return "the file is closed"
        if not changes.size:
            return None
        try:
            raw.execute("BEGIN IMMEDIATE")
            for sql, values in statements(changes):
                raw.execute(sql, values)
            raw.execute("COMMIT")
        except sqlite3.Error as error:
            _roll_back(raw)
            return str(error)
        return None

    def close(self) -> None:
        """Let go of the file; what was written moves from the log into it."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def _prepare(self, raw: sqlite3.Connection) -> None:
        raw.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
        owner, version, pages = (_number(raw, name) for name in ("application_id", "user_version", "page_count"))
        if pages and owner != OURS:
            raise ShelfUnusable(f"{self.path} is not a broker's file; move it away, or give the broker another place")
        if version > VERSION:
            raise ShelfUnusable(f"{self.path} was written by a newer version; install that one, or move the file away")
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", "journal_size_limit=67108864"):
            raw.execute(f"PRAGMA {pragma}").fetchall()
        raw.execute("BEGIN IMMEDIATE")
        for sql in () if pages else SCHEMA.split(";"):
            raw.execute(sql)
        raw.execute(f"PRAGMA application_id={OURS}")
        raw.execute(f"PRAGMA user_version={VERSION}")  # Each time: a file that cannot be written shall say so now.
        raw.execute("COMMIT")
        if _number(raw, "freelist_count") > max(SPARE, _number(raw, "page_count") // 2):
            raw.execute("VACUUM")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise ShelfUnusable for what the system, SQLite or the content of the file says."""
        try:
            yield
        except OSError as error:
            raise ShelfUnusable(
                f"{self.path} cannot be used: {error.strerror}; see that this user may write it and its folder"
            ) from error
        except (msgspec.MsgspecError, KeyError, OverflowError) as error:
            raise ShelfUnusable(self._damaged(str(error))) from error
        except sqlite3.DatabaseError as error:
            raise ShelfUnusable(self._explained(error)) from error

    def _explained(self, error: sqlite3.DatabaseError) -> str:
        # The low byte is the primary code. What Python's own driver cannot read (bad UTF-8) has none.
        match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return f"{self.path} is in use by another broker; stop that one, or give this one a folder of its own"
            case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_ERROR:
                return self._damaged(str(error))
            case sqlite3.SQLITE_FULL:
                return f"{self.path} cannot be written: the disk is full; make room and start again"
            case _:
                return f"{self.path} cannot be used: {error}; see that this user may write it and its folder"

    def _damaged(self, why: str) -> str:
        return (
            f"{self.path} is damaged ({why}); put a good copy back, or move it away with its -wal file, "
            "which loses kept sessions, what waits for them, and retained messages"
        )


def _number(raw: sqlite3.Connection, pragma: str) -> int:
    (value,) = raw.execute(f"PRAGMA {pragma}").fetchone()
    return int(value)


def _roll_back(raw: sqlite3.Connection) -> None:
    if not raw.in_transaction:  # Some errors (a full disk) have rolled back already.
        return
    try:
        raw.execute("ROLLBACK")
    except sqlite3.Error:
        if raw.in_transaction:
            raise


# Reading


def _load(raw: sqlite3.Connection) -> Loaded:
    sessions: dict[int, ShelvedSession] = {}
    decoder = msgspec.msgpack.Decoder(Claims)
    with closing(raw.execute("SELECT key, client_id, left_at, claims FROM session ORDER BY key")) as rows:
        for key, client_id, left_at, claims in rows:
            sessions[key] = ShelvedSession(client_id, decoder.decode(claims), {}, [], set(), time_of(left_at))
    with closing(raw.execute("SELECT session, topic_filter, qos FROM subscription")) as rows:
        for key, topic_filter, qos in rows:
            sessions[key].subscriptions[topic_filter] = qos
    with closing(raw.execute("SELECT session, packet_id FROM received")) as rows:
        for key, packet_id in rows:
            sessions[key].received.add(packet_id)
    numbers: dict[int, list[int]] = {key: [] for key in sessions}
    last_number = _load_messages(raw, sessions, numbers)
    with closing(raw.execute("SELECT topic, payload, qos, owner FROM retained")) as rows:
        retained = [ShelvedRetained(topic, payload, qos, owner) for topic, payload, qos, owner in rows]
    return Loaded(
        Contents(list(sessions.values()), retained),
        keys=list(sessions),
        numbers=list(numbers.values()),
        last_key=max(sessions, default=0),
        last_number=last_number,
    )


def _load_messages(raw: sqlite3.Connection, sessions: dict[int, ShelvedSession], numbers: dict[int, list[int]]) -> int:
    topics: dict[str, str] = {}  # one string for all messages of a topic
    same = b""  # A message to many sessions stands in one row after the other: they share its payload again.
    number = 0
    query = "SELECT number, session, packet_id, flags, topic, payload FROM message ORDER BY number"
    with closing(raw.execute(query)) as rows:
        for number, key, packet_id, flags, topic, payload in rows:
            same = same if payload == same else payload
            message = Shelved(
                packet_id,
                topics.setdefault(topic, topic),
                same,
                qos=flags & QOS,
                retain=bool(flags & RETAIN),
                released=bool(flags & RELEASED),
            )
            sessions[key].messages.append(message)
            numbers[key].append(number)
    return int(number)
