"""The tables of the shelf's file, and changes as the statements that write them.

A statement does all rows of its kind, however many: SQLite's driver gives up the interpreter's lock at each step, and
each time it may take milliseconds to get it back from a busy event loop. Rows are a JSON array in ?1; what is binary
stands in one piece in ?2, and a row says where its part begins and how long it is. (To SQLite, a part of nothing is
null.)
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from broker.shelf_changes import Changes, Shelved

SCHEMA: Final = """
CREATE TABLE session (
  key INTEGER PRIMARY KEY, client_id TEXT NOT NULL UNIQUE, left_at INTEGER, claims BLOB NOT NULL
);
CREATE TABLE subscription (
  session INTEGER NOT NULL, topic_filter TEXT NOT NULL, qos INTEGER NOT NULL, PRIMARY KEY (session, topic_filter)
) WITHOUT ROWID;
-- In the order of their numbers, which is that of queueing. Found by nothing else.
CREATE TABLE message (
  number INTEGER PRIMARY KEY, session INTEGER NOT NULL, packet_id INTEGER NOT NULL, flags INTEGER NOT NULL,
  topic TEXT NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE received (
  session INTEGER NOT NULL, packet_id INTEGER NOT NULL, PRIMARY KEY (session, packet_id)
) WITHOUT ROWID;
CREATE TABLE retained (topic TEXT PRIMARY KEY, qos INTEGER NOT NULL, owner TEXT, payload BLOB NOT NULL);
"""

QOS, RETAIN, RELEASED = 3, 4, 8
"""What `message.flags` is made of."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def time_of(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + microseconds * _MICROSECOND


def _microseconds(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MICROSECOND


Statement = tuple[str, tuple[str | bytes, ...]]

_PUT_SESSIONS: Final = """
INSERT OR REPLACE INTO session (key, client_id, left_at, claims)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
  coalesce(substr(?2, json_extract(value, '$[3]'), json_extract(value, '$[4]')), x'')
FROM json_each(?1)"""

_PUT_SUBSCRIPTIONS: Final = """
INSERT OR REPLACE INTO subscription (session, topic_filter, qos)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?1)"""

_REMOVE_SUBSCRIPTIONS: Final = """
DELETE FROM subscription WHERE (session, topic_filter) IN
(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))"""

_PUT_MESSAGES: Final = """
INSERT INTO message (number, session, packet_id, flags, topic, payload)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
  json_extract(value, '$[3]'), json_extract(value, '$[4]'),
  coalesce(substr(?2, json_extract(value, '$[5]'), json_extract(value, '$[6]')), x'')
FROM json_each(?1)"""

_RELEASE_MESSAGES: Final = "UPDATE message SET flags = flags | 8 WHERE number IN (SELECT value FROM json_each(?1))"

_REMOVE_MESSAGES: Final = "DELETE FROM message WHERE number IN (SELECT value FROM json_each(?1))"

_PUT_RECEIVED: Final = """
INSERT OR IGNORE INTO received (session, packet_id)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1)"""

_REMOVE_RECEIVED: Final = """
DELETE FROM received WHERE (session, packet_id) IN
(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))"""

_PUT_RETAINED: Final = """
INSERT OR REPLACE INTO retained (topic, qos, owner, payload)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
  coalesce(substr(?2, json_extract(value, '$[3]'), json_extract(value, '$[4]')), x'')
FROM json_each(?1)"""

_REMOVE_RETAINED: Final = "DELETE FROM retained WHERE topic IN (SELECT value FROM json_each(?1))"

_FORGET_SUBSCRIPTIONS: Final = "DELETE FROM subscription WHERE session IN (SELECT value FROM json_each(?1))"
_FORGET_RECEIVED: Final = "DELETE FROM received WHERE session IN (SELECT value FROM json_each(?1))"
_FORGET_SESSIONS: Final = "DELETE FROM session WHERE key IN (SELECT value FROM json_each(?1))"


def statements(changes: Changes) -> Iterator[Statement]:
    """Yield what writes the changes. Sessions are forgotten last, so that nothing changed before that stays behind."""
    if changes.sessions:
        yield (
            _PUT_SESSIONS,
            _packed(
                ((key, client_id, _microseconds(left_at)), claims)
                for key, (client_id, left_at, claims) in changes.sessions.items()
            ),
        )
    yield from _subscriptions(changes)
    yield from _messages(changes)
    yield from _received(changes)
    yield from _retained(changes)
    if changes.forgotten:
        forgotten = _json(list(changes.forgotten))
        for sql in (_FORGET_SUBSCRIPTIONS, _FORGET_RECEIVED, _FORGET_SESSIONS):
            yield sql, forgotten


def _subscriptions(changes: Changes) -> Iterator[Statement]:
    if changes.replaced:
        yield _FORGET_SUBSCRIPTIONS, _json(list(changes.replaced))
    every = [(key, name, qos) for key, filters in changes.subscriptions.items() for name, qos in filters.items()]
    gone = [(key, name) for key, name, qos in every if qos is None]
    put = [row for row in every if row[2] is not None]
    if gone:
        yield _REMOVE_SUBSCRIPTIONS, _json(gone)
    if put:
        yield _PUT_SUBSCRIPTIONS, _json(put)


def _messages(changes: Changes) -> Iterator[Statement]:
    if changes.messages:
        yield (
            _PUT_MESSAGES,
            _packed(
                ((number, key, message.packet_id, _flags(message), message.topic), message.payload)
                for number, (key, message) in changes.messages.items()
            ),
        )
    if changes.released:
        yield _RELEASE_MESSAGES, _json(list(changes.released))
    if changes.removed:
        yield _REMOVE_MESSAGES, _json(changes.removed)


def _received(changes: Changes) -> Iterator[Statement]:
    every = [(key, packet_id, there) for key, ids in changes.received.items() for packet_id, there in ids.items()]
    put = [(key, packet_id) for key, packet_id, there in every if there]
    gone = [(key, packet_id) for key, packet_id, there in every if not there]
    if put:
        yield _PUT_RECEIVED, _json(put)
    if gone:
        yield _REMOVE_RECEIVED, _json(gone)


def _retained(changes: Changes) -> Iterator[Statement]:
    put = [message for message in changes.retained.values() if message is not None]
    gone = [topic for topic, message in changes.retained.items() if message is None]
    if put:
        yield _PUT_RETAINED, _packed(((one.topic, one.qos, one.owner), one.payload) for one in put)
    if gone:
        yield _REMOVE_RETAINED, _json(gone)


def _flags(message: Shelved) -> int:
    return message.qos | (RETAIN if message.retain else 0) | (RELEASED if message.released else 0)


_encode = msgspec.json.Encoder().encode


def _json(rows: Sequence[object]) -> tuple[str]:
    return (_encode(rows).decode(),)


def _packed(rows: Iterable[tuple[tuple[int | str | None, ...], bytes]]) -> tuple[str, bytes]:
    heads: list[object] = []
    blobs: list[bytes] = []
    begins = 1  # as SQL counts
    for head, blob in rows:
        heads.append((*head, begins, len(blob)))
        blobs.append(blob)
        begins += len(blob)
    return _encode(heads).decode(), b"".join(blobs)
